/**
 * The fixed header at the beginning of every Control Packet (section 2.2): a byte of type and flags, then Remaining
 * Length. Each byte of Remaining Length has seven bits of it, the least significant bits first; the top bit is set if
 * another byte follows.
 */

/** The largest number in four bytes of seven bits: 268,435,455 (section 2.2.3). */
export const MAX_REMAINING_LENGTH = 0x0fff_ffff

/** The number of bytes that Remaining Length takes, 1 to 4. */
export function remainingLengthSize(remainingLength: number): number {
  if (remainingLength < 0x80) return 1
  if (remainingLength < 0x4000) return 2
  return remainingLength < 0x20_0000 ? 3 : 4
}

/** The largest packet of the protocol: 268,435,460 bytes with its fixed header. */
export const MAX_PACKET_BYTES = 1 + remainingLengthSize(MAX_REMAINING_LENGTH) + MAX_REMAINING_LENGTH

/** The size of the whole packet: the first byte, Remaining Length, and the bytes that Remaining Length counts. */
export function packetSize(remainingLength: number): number {
  return 1 + remainingLengthSize(remainingLength) + remainingLength
}

/** Writes the fixed header at `offset` and returns the offset after it. */
export function writeFixedHeader(
  bytes: Uint8Array,
  offset: number,
  firstByte: number,
  remainingLength: number,
): number {
  bytes[offset] = firstByte
  let index = offset + 1
  let rest = remainingLength
  while (rest > 0x7f) {
    bytes[index] = (rest & 0x7f) | 0x80
    rest >>>= 7
    index += 1
  }
  bytes[index] = rest
  return index + 1
}
