/** Bytes that a person has typed or copied: hexadecimal, with what people and programs put between the digits. */
import { UsageError } from '../errors.js'

const separators = /(?:0x|\\x)|[\s:,;._-]/gi

/** @throws UsageError on what is no hexadecimal */
export function parseHex(text: string): Uint8Array {
  const digits = text.replace(separators, '')
  const wrong = /[^0-9a-f]/i.exec(digits)
  if (wrong !== null) {
    throw new UsageError(`${JSON.stringify(wrong[0])} is no hexadecimal digit: write the bytes as in 30 03 00 01 61`)
  }
  if (digits.length % 2 === 1) {
    throw new UsageError(
      `${digits.length} hexadecimal ${digits.length === 1 ? 'digit is' : 'digits are'} no whole number of bytes: write both digits of each byte`,
    )
  }
  return Buffer.from(digits, 'hex')
}

/** Whether bytes read as hexadecimal text. No packet of more than a few bytes does by accident. */
export function looksLikeHex(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  return /^[\s:,;._\-0-9a-fx\\]*$/i.test(text) && /^[0-9a-f]*$/i.test(text.replace(separators, ''))
}
