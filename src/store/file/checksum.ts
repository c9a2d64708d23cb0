/**
 * CRC-32C (Castagnoli), the checksum of the journal. It finds every burst of errors of up to 32 bits, and every error of one
 * to three bits in records of usual size. It takes four bytes at a step by tables ("slicing by four"): table n has the
 * effect of a byte on the remainder n bytes later. The tables and the input are DataViews, because a read of a DataView is
 * checked and always returns a number.
 */

/** The polynomial 0x1EDC6F41 with its bits reversed. */
const polynomial = 0x82f63b78

const tableBytes = 256 * 4
const tables = new DataView(new ArrayBuffer(4 * tableBytes))
for (let byte = 0; byte < 256; byte++) {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ polynomial : remainder >>> 1
  tables.setInt32(byte * 4, remainder, true)
}
for (let at = tableBytes; at < 4 * tableBytes; at += 4) {
  const oneByteEarlier = tables.getInt32(at - tableBytes, true)
  tables.setInt32(at, (oneByteEarlier >>> 8) ^ tables.getInt32((oneByteEarlier & 0xff) * 4, true), true)
}

/** The checksum of `view[start..end)` as an unsigned number. To continue a checksum over more bytes, pass it as `seed`. */
export function crc32c(view: DataView, start: number, end: number, seed = 0): number {
  let remainder = ~seed
  let at = start
  for (; at + 4 <= end; at += 4) {
    const word = remainder ^ view.getInt32(at, true)
    remainder =
      tables.getInt32(3 * tableBytes + ((word << 2) & 0x3fc), true) ^
      tables.getInt32(2 * tableBytes + ((word >>> 6) & 0x3fc), true) ^
      tables.getInt32(tableBytes + ((word >>> 14) & 0x3fc), true) ^
      tables.getInt32((word >>> 22) & 0x3fc, true)
  }
  for (; at < end; at++) {
    remainder = (remainder >>> 8) ^ tables.getInt32(((remainder ^ view.getUint8(at)) & 0xff) * 4, true)
  }
  return ~remainder >>> 0
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
