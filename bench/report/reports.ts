/** What the documents say of the results: all tables in `bench/results/README.md`, and the best known in those of the root. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import type { Table } from '../part.js'
import { grid, markdown, quantity, times } from './markdown.js'
import { kept, type PartResult } from './results.js'

export const allTables = new URL('../results/README.md', import.meta.url)
export const withMeasuredTable = ['README.md', 'README.zh-CN.md'].map(
  (name) => new URL(`../../${name}`, import.meta.url),
)

/** The rows that the first screen of the README shows, each with the name that it has there. */
const headlines: readonly { readonly table: string; readonly work: string; readonly name: string }[] = [
  { table: 'codec-encode', work: 'PUBLISH QoS 0, 64 B', name: 'encode a PUBLISH of 64 bytes' },
  { table: 'codec-decode', work: 'PUBLISH QoS 0, 64 B', name: 'decode a PUBLISH of 64 bytes' },
  { table: 'sink-tcp-rate', work: 'publish QoS 1, 100 at a time', name: 'publish at QoS 1, acknowledged at once' },
  { table: 'sink-tcp-rate', work: 'receive QoS 0', name: 'receive at QoS 0' },
  { table: 'mosquitto-tcp-cpu', work: 'publish QoS 0, 1,000 at a time', name: 'CPU to publish to mosquitto, QoS 0' },
  { table: 'bursts', work: 'publish 10 together, QoS 1', name: '10 publishes together, QoS 1, mosquitto' },
  { table: 'receiving-tcp-cpu', work: 'receive QoS 0', name: 'CPU to receive from mosquitto, QoS 0' },
  { table: 'receiving-tcp-rate', work: 'receive QoS 0', name: 'receive from mosquitto, QoS 0' },
  { table: 'receiving-tcp-rate', work: 'publish QoS 1, 1,000 outstanding', name: 'publish to mosquitto, QoS 1' },
  { table: 'round-trip-tcp', work: '99 of 100 are faster (p99)', name: 'round trip over mosquitto, QoS 1, p99' },
  { table: 'memory-clients', work: 'idle, TCP: heap', name: 'heap of an idle client' },
  { table: 'start-up-load', work: 'require: CPU time', name: 'CPU to load the package' },
  { table: 'package-size', work: 'bundle, minified, gzip', name: 'bundle, minified and gzipped' },
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
  const chart = existsSync(new URL(`../results/${table.id}.svg`, import.meta.url))
    ? `\n![${table.title}](${table.id}.svg)\n`
    : ''
  return `${markdown(table, result)}\n\`npm run bench -- ${result.part}\`\n${chart}`
}

/** The text with the table of headlines between its two marks. */
export function withHeadlines(text: string, results: readonly PartResult[]): string {
  return text.replace(/(<!-- measured -->\n)[\s\S]*(<!-- \/measured -->)/, `$1${headlineTable(results)}$2`)
}

function headlineTable(results: readonly PartResult[]): string {
  const rows = headlines.flatMap(({ table, work, name }) => headline(results, table, work, name))
  const where = [...new Set(results.map(({ machine }) => machine))].join('; ')
  return `\n${grid([['', 'mqtt311', 'rival', 'times better'], ...rows])}\n\n\`npm run bench\` on ${where}.\n`
}

/** One row, or none as long as its part was not measured. */
function headline(results: readonly PartResult[], id: string, work: string, name: string): string[][] {
  const table = results.flatMap(({ tables }) => tables).find((one) => one.id === id)
  const row = table?.rows.find((one) => one.work === work)
  if (row?.theirs === undefined || row.ratio === undefined || table?.rival === undefined) return []
  return [[name, quantity(row.ours, row.unit), `${quantity(row.theirs, row.unit)} ${table.rival}`, times(row.ratio)]]
}
