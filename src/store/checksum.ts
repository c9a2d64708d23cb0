/**
 * CRC-32C (Castagnoli), the checksum of the journal: it finds every error of one to three bits, and every burst of up to
 * 32, in records of the sizes that occur. By table, one byte a step. The table is a DataView, as the input is, because
 * its reads are checked and always give a number.
 */

/** The polynomial 0x1EDC6F41 with its bits reversed. */
const polynomial = 0x82f63b78

const table = new DataView(new ArrayBuffer(256 * 4))
for (let byte = 0; byte < 256; byte++) {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ polynomial : remainder >>> 1
  table.setInt32(byte * 4, remainder, true)
}

/** The checksum of `view[start..end)` as an unsigned number. A `seed`, the checksum of what came before, chains them. */
export function crc32c(view: DataView, start: number, end: number, seed = 0): number {
  let remainder = ~seed
  for (let at = start; at < end; at++) {
    remainder = (remainder >>> 8) ^ table.getInt32(((remainder ^ view.getUint8(at)) & 0xff) << 2, true)
  }
  return ~remainder >>> 0
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
