import { expect, test } from 'vitest'
import { kinds } from '../servers/form.js'
import { readDocument } from './doc-blocks.js'
import { serverRows, withServerTables } from './server-table.js'

const page = readDocument('docs/servers.md')

test('docs/servers.md has the tables that `npm run tables` writes', () => {
  expect(withServerTables(page)).toBe(page)
  expect(serverRows().length).toBeGreaterThan(30)
})

test('docs/servers.md would be found out of date if an answer or a version differed', () => {
  for (const [before, after] of [
    ['PUBACK, delivered at QoS 1', 'PUBREC'],
    [kinds[0]?.version ?? '', '0.0.0'],
  ] as const) {
    const stale = page.replace(before, after)
    expect(stale).not.toBe(page)
    expect(withServerTables(stale)).toBe(page)
  }
})

test('a server of docs/servers.md has no answer that is the usual one', () => {
  for (const [, usual, ...answers] of serverRows()) expect(answers).not.toContain(usual)
})
