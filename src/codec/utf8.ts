/**
 * UTF-8 as the standard requires it (section 1.5.3): well-formed by RFC 3629, so no surrogates, no overlong forms,
 * nothing above U+10FFFF; and no U+0000. U+FEFF is a character like any other [MQTT-1.5.3-3].
 *
 * Our own code finds the place of a fault, because the decoders of the platform replace ill-formed bytes, or throw
 * without the place. But nearly every string is well-formed, and for strings of more than about 30 bytes the decoder of
 * the platform finds that out faster (for 300 bytes in a quarter of the time). So our own code looks only at short
 * strings, and at strings in which the decoder has put U+FFFD.
 */
import { byteAt } from './byte-at.js'

/** The largest number in the two-byte length of a string (section 1.5.3), a password or a Will Message. */
export const MAX_FIELD_BYTES = 65_535

/** Whether all of the bytes are characters from U+0001 to U+007F. */
export function isPlainAscii(bytes: Uint8Array, start: number, end: number): boolean {
  for (let index = start; index < end; index += 1) {
    const byte = byteAt(bytes, index)
    if (byte === 0 || byte > 0x7f) return false
  }
  return true
}

/** The index of the first NUL byte or of the first ill-formed sequence; -1 if there is none. */
export function faultIndex(bytes: Uint8Array, start: number, end: number): number {
  let index = start
  while (index < end) {
    const length = sequenceLength(bytes, index, end)
    if (length === 0) return index
    index += length
  }
  return -1
}

/** The most bytes that `escapedText` shows. */
const MAX_ESCAPED = 256

/** Bytes as a text on one line. NUL and ill-formed bytes become \\x and two digits: no character is written so. */
export function escapedText(given: Uint8Array): string {
  const bytes = Buffer.from(given.buffer, given.byteOffset, given.byteLength)
  const end = Math.min(bytes.length, MAX_ESCAPED)
  let text = ''
  for (let index = 0; index < end; ) {
    const length = sequenceLength(bytes, index, bytes.length)
    if (length === 0) text += `\\x${byteAt(bytes, index).toString(16).padStart(2, '0')}`
    else text += JSON.stringify(bytes.toString('utf8', index, index + length)).slice(1, -1)
    index += length || 1
  }
  return `"${text}"${end < bytes.length ? '...' : ''}`
}

/**
 * The number of bytes of the character at `index`, 1 to 4; 0 if the bytes are ill-formed. Follows table 3-7 of the
 * Unicode Standard.
 */
function sequenceLength(bytes: Uint8Array, index: number, end: number): number {
  const lead = byteAt(bytes, index)
  // [MQTT-1.5.3-2] U+0000 is in no string
  if (lead === 0) return 0
  if (lead < 0x80) return 1
  // 80..BF continue a sequence and never start one; C0 and C1 could only start overlong forms.
  if (lead < 0xc2) return 0
  const available = end - index
  if (lead < 0xe0) return available >= 2 && isInRange(bytes, index + 1, 0x80, 0xbf) ? 2 : 0
  if (lead < 0xf0) {
    if (available < 3) return 0
    // After E0 a smaller second byte makes an overlong form, after ED a greater one makes a surrogate.
    const second = isInRange(bytes, index + 1, lead === 0xe0 ? 0xa0 : 0x80, lead === 0xed ? 0x9f : 0xbf)
    return second && isInRange(bytes, index + 2, 0x80, 0xbf) ? 3 : 0
  }
  if (lead > 0xf4 || available < 4) return 0
  // After F0 a smaller second byte makes an overlong form, after F4 a greater one is above U+10FFFF.
  const second = isInRange(bytes, index + 1, lead === 0xf0 ? 0x90 : 0x80, lead === 0xf4 ? 0x8f : 0xbf)
  return second && isInRange(bytes, index + 2, 0x80, 0xbf) && isInRange(bytes, index + 3, 0x80, 0xbf) ? 4 : 0
}

function isInRange(bytes: Uint8Array, index: number, lowest: number, highest: number): boolean {
  const byte = byteAt(bytes, index)
  return byte >= lowest && byte <= highest
}

export type TextFault = 'lone-surrogate' | 'nul'

/** Whether the text has a surrogate that is not part of a pair: such text has no UTF-8 form. */
export function hasLoneSurrogate(text: string): boolean {
  return !text.isWellFormed()
}

/** The number of bytes of `text` in UTF-8, or the reason why MQTT cannot carry it. */
export function encodedLength(text: string): number | TextFault {
  // [MQTT-1.5.3-2] U+0000 is in no string
  if (text.includes('\0')) return 'nul'
  const bytes = Buffer.byteLength(text)
  // Text with as many bytes as characters is ASCII. [MQTT-1.5.3-1] A surrogate is valid only as a part of a pair.
  return bytes !== text.length && hasLoneSurrogate(text) ? 'lone-surrogate' : bytes
}
