/** Tables of Markdown that are made from the sources, in the place of those that a page has. */

export function tableLines(head: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((cells) => cells[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)]
}

/** The page with these lines instead of its table whose first heading is this. */
export function withTable(page: string, heading: string, table: readonly string[]): string {
  const lines = page.split('\n')
  const start = lines.findIndex((line) => line.startsWith(`| ${heading} `))
  if (start < 0) throw new Error(`the page has no table that begins with ${heading}`)
  const end = lines.findIndex((line, index) => index > start && !line.startsWith('|'))
  return [...lines.slice(0, start), ...table, ...lines.slice(end)].join('\n')
}
