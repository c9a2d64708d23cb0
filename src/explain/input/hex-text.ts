/** Hexadecimal text: the bytes and what people and programs write between them. */

/** Bytes, or the reason for which a text has none. */
export type Reading = { readonly bytes: Uint8Array } | { readonly fault: string }

/** The characters that people and programs write between bytes. */
const separators = /(?:0x|\\x)|[\s:,;._-]/gi

/** Reads text that is hexadecimal and nothing else. */
export function readHex(text: string): Reading {
  const digits = text.replace(separators, '')
  const [wrong] = /[^0-9a-f]/iu.exec(digits) ?? []
  if (wrong !== undefined) {
    return { fault: `${JSON.stringify(wrong)} is no hexadecimal digit: write the bytes as in 30 03 00 01 61` }
  }
  if (digits.length % 2 === 1) {
    const are = digits.length === 1 ? 'digit is' : 'digits are'
    return {
      fault: `${digits.length} hexadecimal ${are} no whole number of bytes: write both digits of each byte`,
    }
  }
  return { bytes: bytesOfDigits(digits) }
}

/** Whether the text is hexadecimal and nothing else. */
export function looksLikeHex(text: string): boolean {
  return /^[\s:,;._\-0-9a-fx\\]*$/i.test(text) && /^[0-9a-f]*$/i.test(text.replace(separators, ''))
}

/** The bytes of an even number of hexadecimal digits. */
export function bytesOfDigits(digits: string): Uint8Array {
  const bytes = new Uint8Array(digits.length / 2)
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = Number.parseInt(digits.slice(2 * index, 2 * index + 2), 16)
  }
  return bytes
}

/** All pieces as one. */
export function joinBytes(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let offset = 0
  for (const piece of pieces) {
    bytes.set(piece, offset)
    offset += piece.length
  }
  return bytes
}
