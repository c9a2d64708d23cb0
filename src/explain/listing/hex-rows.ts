import { byteAt } from '../../codec/byte-at.js'
import { groupDigits, hexByte } from './numerals.js'

/** Bytes in one row of the listing. */
const rowBytes = 6
/** Rows of one field before its bytes are cut. */
export const usualRows = 3

/** The columns of a row: two digits for each byte, and a column for a bracket before, between and after the bytes. */
export const hexRowColumns = rowBytes * 3 + 1

/**
 * The bytes of a field in rows of hexadecimal digits, of at most `hexRowColumns` columns. The byte at `marked` is in
 * brackets, and is shown even if the field is cut. Empty brackets after the last byte mean that a byte is missing.
 */
export function hexRows(bytes: Uint8Array, marked: number | undefined, maxRows: number): string[] {
  const cells = Math.max(bytes.length, marked === undefined ? 0 : marked + 1)
  const lines: string[] = []
  let next = 0
  for (const row of rowsToShow(Math.ceil(cells / rowBytes), maxRows, marked)) {
    const start = row * rowBytes
    if (start > next) lines.push(cut(start - next))
    lines.push(hexRow(bytes, start, Math.min(start + rowBytes, cells), marked))
    next = start + rowBytes
  }
  if (cells > next) lines.push(cut(cells - next))
  return lines
}

/** All rows if they are few; otherwise the first row, and the second row or the row with the marked byte. */
function rowsToShow(rows: number, maxRows: number, marked = 0): number[] {
  if (rows <= maxRows) return Array.from({ length: rows }, (_, row) => row)
  return [0, Math.max(1, Math.floor(marked / rowBytes))]
}

function hexRow(bytes: Uint8Array, start: number, end: number, marked: number | undefined): string {
  let row = ''
  for (let index = start; index < end; index++) {
    const before = index === marked ? '[' : index - 1 === marked && index > start ? ']' : ' '
    row += before + (index < bytes.length ? hexByte(byteAt(bytes, index)) : '  ')
  }
  return end - 1 === marked ? `${row}]` : row
}

function cut(bytes: number): string {
  return ` … ${groupDigits(bytes)} more`
}
