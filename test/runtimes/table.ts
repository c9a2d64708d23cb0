/** The tables of docs/runtimes.md, from what is expected; the command keeps what is expected true. */
import { claims } from './run.js'
import { type Setup, setups } from './setups.js'

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)))
  const line = (row: readonly string[]) =>
    `| ${widths.map((width, column) => (row[column] ?? '').padEnd(width)).join(' | ')} |`
  const [head = [], ...body] = rows
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(line)].join('\n')
}

/** A row for each setup: how many claims hold. Below it a line for each claim that does not, with the reason. */
export function setupTable(rows: readonly Setup[] = setups): string {
  const body: string[][] = []
  const notes: string[] = []
  for (const { name, version, exceptions } of rows) {
    const broken = Object.entries(exceptions)
    body.push([name, version, `${claims.length - broken.length} of ${claims.length}`])
    for (const [claim, reason] of broken) notes.push(`- ${name}, "${claim}" does not hold: ${reason}.`)
  }
  const table = aligned([['Where', 'Version', 'Claims that hold'], ...body])
  return notes.length === 0 ? table : `${table}\n\n${notes.join('\n')}`
}

const generated = /(<!-- runtimes -->\n\n)[\s\S]*?(\n\n<!-- \/runtimes -->)/
const listed = /(<!-- claims -->\n\n)[\s\S]*?(\n\n<!-- \/claims -->)/

/** The page with its table and its list of claims made anew. */
export function withRuntimes(page: string): string {
  return page
    .replace(generated, (_, before: string, after: string) => `${before}${setupTable()}${after}`)
    .replace(
      listed,
      (_, before: string, after: string) => `${before}${claims.map((claim) => `- ${claim}`).join('\n')}${after}`,
    )
}
