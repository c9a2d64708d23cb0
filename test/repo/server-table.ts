/** The tables of docs/servers.md, made from the answers that `npm run test:servers` compares with those of real servers. */
import { kinds } from '../servers/form.js'
import { usualAnswers } from '../servers/questions/usual-answers.js'
import { tableLines, withTable } from './markdown-table.js'

const head = ['Asked', 'As usual', ...kinds.map(({ title }) => title)]

/** One row for each question. A server that answers as usual has an empty cell. */
export function serverRows(): string[][] {
  return Object.entries(usualAnswers).map(([question, usual]) => [
    cell(question),
    cell(usual),
    ...kinds.map(({ answers }) => cell(new Map<string, string>(Object.entries(answers)).get(question) ?? '')),
  ])
}

/** What a cell may not have in Markdown: its own bars, and stars and dollars that mean something. */
function cell(text: string): string {
  return text.replace(/[\\*|$#]/g, '\\$&')
}

/** The page with the tables of now in the place of those that it has. */
export function withServerTables(page: string): string {
  const versions = kinds.map(({ title, version, install }) => [title, version, `\`${install}\``])
  const seen = withTable(page, 'Server', tableLines(['Server', 'Version', 'Installed by'], versions))
  return withTable(seen, 'Asked', tableLines(head, serverRows()))
}
