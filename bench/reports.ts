/** What the documents say of the results: all tables in `bench/results/README.md`, and the best known in those of the root. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { grid, markdown, quantity, times } from './markdown.js'
import type { Row, Table } from './part.js'
import { kept, type PartResult } from './results.js'

export const allTables = new URL('./results/README.md', import.meta.url)
export const withMeasuredTable = ['README.md', 'README.zh-CN.md'].map((name) => new URL(`../${name}`, import.meta.url))

/** The rows that the first screen of the README shows, each with the name that it has there. */
const headlines: readonly { readonly table: string; readonly work: string; readonly name: string }[] = [
  { table: 'codec-encode', work: 'PUBLISH QoS 0, 64 B', name: 'encode a PUBLISH of 64 bytes' },
  { table: 'codec-decode', work: 'PUBLISH QoS 0, 64 B', name: 'decode a PUBLISH of 64 bytes' },
  { table: 'mosquitto-tcp-cpu', work: 'publish QoS 0, 1,000 at a time', name: 'publish to mosquitto, QoS 0, CPU' },
  { table: 'mosquitto-tcp-cpu', work: 'publish QoS 1, 100 at a time', name: 'publish to mosquitto, QoS 1, CPU' },
  { table: 'mosquitto-tcp-cpu', work: 'receive QoS 0', name: 'receive from mosquitto, QoS 0, CPU' },
  { table: 'round-trip-tcp', work: '99 of 100 are faster (p99)', name: 'round trip at QoS 1, p99' },
]

export function writeReports(): void {
  const results = kept()
  writeFileSync(allTables, everyTable(results))
  for (const file of withMeasuredTable) writeFileSync(file, withHeadlines(readFileSync(file, 'utf8'), results))
}

export function everyTable(results: readonly PartResult[]): string {
  const parts = results.flatMap((result) => result.tables.map((table) => section(result, table)))
  const head = '# Results\n\nMade by `npm run bench`; `npm run bench -- <part>` makes the tables of one part anew.\n'
  return [head, ...parts].join('\n')
}

function section(result: PartResult, table: Table): string {
  const chart = existsSync(new URL(`./results/${table.id}.svg`, import.meta.url))
    ? `\n![${table.title}](${table.id}.svg)\n`
    : ''
  return `${markdown(table, result)}\n\`npm run bench -- ${result.part}\`\n${chart}`
}

/** The text with the table of headlines between its two marks. */
export function withHeadlines(text: string, results: readonly PartResult[]): string {
  return text.replace(/(<!-- measured -->\n)[\s\S]*(<!-- \/measured -->)/, `$1${headlineTable(results)}$2`)
}

function headlineTable(results: readonly PartResult[]): string {
  const cells = headlines.map(({ table, work, name }) => {
    const { rival = '', row } = found(results, table, work)
    return [
      name,
      quantity(row.ours, row.unit),
      `${quantity(row.theirs ?? Number.NaN, row.unit)} ${rival}`,
      times(row.ratio ?? Number.NaN),
    ]
  })
  const where = [...new Set(results.map(({ machine }) => machine))].join('; ')
  return `\n${grid([['', 'mqtt311', 'rival', 'times better'], ...cells])}\n\n\`npm run bench\` on ${where}.\n`
}

function found(
  results: readonly PartResult[],
  id: string,
  work: string,
): { readonly rival?: string; readonly row: Row } {
  for (const { tables } of results) {
    const table = tables.find((one) => one.id === id)
    const row = table?.rows.find((one) => one.work === work)
    if (row !== undefined) return { ...(table?.rival !== undefined && { rival: table.rival }), row }
  }
  throw new Error(`no row "${work}" in table ${id}: run \`npm run bench\``)
}
