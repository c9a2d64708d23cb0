/** Writes numbers and bytes for people. */

/** One byte in two digits. */
export function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}

/** `2048` as `2,048`. */
export function groupDigits(count: number): string {
  return String(count).replace(/\B(?=(?:\d{3})+$)/g, ',')
}

/** `1 byte`, `2,048 bytes`. */
export function countBytes(count: number): string {
  return count === 1 ? '1 byte' : `${groupDigits(count)} bytes`
}

/** The bits of `byte` that are set in `mask`, and dots for the others: `.... .01.`. */
export function bitsOf(byte: number, mask: number): string {
  let bits = ''
  for (let position = 7; position >= 0; position--) {
    const bit = 1 << position
    if (position === 3) bits += ' '
    bits += (mask & bit) === 0 ? '.' : (byte & bit) === 0 ? '0' : '1'
  }
  return bits
}
