/**
 * UTF-8 as the standard wants it (section 1.5.3): well-formed by RFC 3629, so no surrogates, no overlong forms,
 * nothing above U+10FFFF, and without U+0000. U+FEFF is a character like any other [MQTT-1.5.3-3]. What is
 * ill-formed is found by hand, because the decoders that come with the platform replace it, or throw without saying
 * where. But nearly every string is well-formed, and that they find out faster, from some 30 bytes on (at 300 in a
 * quarter of the time): so only a string in which they have replaced something is looked at by hand.
 */
import { byteAt } from './byte-at.js'

/** Strings carry a two-byte length (section 1.5.3), and so do passwords and will messages. */
export const MAX_FIELD_BYTES = 65_535

/** Whether all of the bytes are characters from U+0001 to U+007F. */
export function isPlainAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) {
    const byte = byteAt(bytes, index)
    if (byte === 0 || byte > 0x7f) return false
  }
  return true
}

/** Where the first NUL byte or the first ill-formed sequence begins, or -1 if there is none. */
export function faultIndex(bytes: Uint8Array, start: number, end: number): number {
  let index = start
  while (index < end) {
    const length = sequenceLength(bytes, index, end)
    if (length === 0) return index
    index += length
  }
  return -1
}

/**
 * The bytes of the well-formed character at `index`, 1 to 4; 0 if there is none. Follows table 3-7 of the Unicode
 * Standard.
 */
function sequenceLength(bytes: Uint8Array, index: number, end: number): number {
  const lead = byteAt(bytes, index)
  // [MQTT-1.5.3-2] U+0000 is in no string
  if (lead === 0) return 0
  if (lead < 0x80) return 1
  // 80..BF continue a sequence and start none; C0 and C1 could only start overlong forms.
  if (lead < 0xc2) return 0
  const available = end - index
  if (lead < 0xe0) return available >= 2 && continues(bytes, index + 1, 0x80, 0xbf) ? 2 : 0
  if (lead < 0xf0) {
    if (available < 3) return 0
    // After E0 a smaller second byte would be overlong, after ED a greater one a surrogate.
    const second = continues(bytes, index + 1, lead === 0xe0 ? 0xa0 : 0x80, lead === 0xed ? 0x9f : 0xbf)
    return second && continues(bytes, index + 2, 0x80, 0xbf) ? 3 : 0
  }
  if (lead > 0xf4 || available < 4) return 0
  // After F0 a smaller second byte would be overlong, after F4 a greater one above U+10FFFF.
  const second = continues(bytes, index + 1, lead === 0xf0 ? 0x90 : 0x80, lead === 0xf4 ? 0x8f : 0xbf)
  return second && continues(bytes, index + 2, 0x80, 0xbf) && continues(bytes, index + 3, 0x80, 0xbf) ? 4 : 0
}

function continues(bytes: Uint8Array, index: number, lowest: number, highest: number): boolean {
  const byte = byteAt(bytes, index)
  return byte >= lowest && byte <= highest
}

export type TextFault = 'lone-surrogate' | 'nul'

/** Whether the text holds a surrogate that is not one of a pair: such text has no UTF-8 form. */
export function hasLoneSurrogate(text: string): boolean {
  return !text.isWellFormed()
}

/** The number of bytes that `text` takes as UTF-8, or why it has no form on the wire. */
export function encodedLength(text: string): number | TextFault {
  // [MQTT-1.5.3-2] U+0000 is in no string
  if (text.includes('\0')) return 'nul'
  const bytes = Buffer.byteLength(text)
  // As many bytes as characters: it is ASCII. [MQTT-1.5.3-1] A surrogate stands for something only as one of a pair.
  return bytes !== text.length && hasLoneSurrogate(text) ? 'lone-surrogate' : bytes
}
