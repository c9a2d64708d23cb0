/** A table as a terminal and a README show it. */
import type { Circumstances } from '../measure/machine.js'
import type { Row, Table } from '../part.js'

export function markdown(table: Table, { machine, load, date }: Circumstances): string {
  const heads = [
    '',
    'mqtt311',
    ...[table.rival, table.rival && 'ratio', table.anchor].filter((head) => head !== undefined),
  ]
  const cells = table.rows.map((row) => cellsOf(table, row))
  const lines = [
    `## ${table.title}`,
    '',
    `${machine}, ${date}, load ${load} at the start.`,
    table.how,
    '',
    grid([heads, ...cells]),
  ]
  for (const note of table.notes ?? []) lines.push('', note)
  return `${lines.join('\n')}\n`
}

/** Rows of cells, the first of which are heads: texts to the left in the first column, numbers to the right in the others. */
export function grid([heads = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = heads.map((_, column) => Math.max(5, ...[heads, ...rows].map((row) => row[column]?.length ?? 0)))
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [heads, rule, ...rows].map(line).join('\n')
}

function cellsOf(table: Table, row: Row): string[] {
  const { limit = Infinity, unit } = row
  const cell = (value: number | undefined) => {
    if (value === undefined) return ''
    return value < limit ? quantity(value, unit) : 'not finished'
  }
  const cells = [row.work, cell(row.ours)]
  if (table.rival !== undefined) cells.push(cell(row.theirs), row.ratio === undefined ? '' : times(row.ratio))
  if (table.anchor !== undefined) cells.push(cell(row.anchor))
  return cells
}

/** Three digits that mean something, and no more. Messages are counted, and not measured. */
export function quantity(value: number, unit: string): string {
  const whole = Math.abs(value) >= 100 || value === 0 || unit === 'messages'
  const digits = whole ? 0 : Math.abs(value) >= 10 ? 1 : 2
  return `${value.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit}`
}

export function times(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 1 : 0)}x`
}
