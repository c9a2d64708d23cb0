/** The tables of the documentation against the sources: what the one says the other has, and nothing is left out. */

import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { exitCodeRows } from '../../src/cli/outcome/exit-code.js'
import { connectionEntries, engineEntries } from '../../src/client/options/entries.js'
import { channels } from '../../src/client/surface/diagnostics.js'
import { readDocument } from './doc-blocks.js'
import { optionRows, withOptionTable } from './option-table.js'

const limits = readDocument('docs/limits.md')
const errors = readDocument('docs/errors.md')
const diagnostics = readDocument('docs/diagnostics.md')
const commandLine = readDocument('docs/command-line.md')

/** The rows of the table of the page whose first heading is this, cell by cell. */
function table(page: string, heading: string): string[][] {
  const lines = page.split('\n')
  const head = lines.findIndex((line) => line.startsWith('|') && cellsOf(line)[0] === heading)
  if (head < 0) throw new Error(`the page has no table that begins with ${heading}`)
  const rows = lines.slice(head + 2)
  return rows
    .slice(
      0,
      rows.findIndex((line) => !line.startsWith('|')),
    )
    .map(cellsOf)
}

function cellsOf(line: string): string[] {
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}

/** What stands in backticks in the first column. */
function names(page: string, heading: string): string[] {
  return table(page, heading).flatMap(([cell = '']) => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name))
}

/** The statements of a source file. */
function statementsOf(path: string): readonly ts.Statement[] {
  return ts.createSourceFile(path, readDocument(path), ts.ScriptTarget.Latest, true).statements
}

/** The strings of a union of literals. */
function literalsOf(path: string, name: string): string[] {
  const found = statementsOf(path).find((node) => ts.isTypeAliasDeclaration(node) && node.name.text === name)
  if (found === undefined || !ts.isTypeAliasDeclaration(found) || !ts.isUnionTypeNode(found.type)) return []
  return found.type.types.map((type) => type.getText().replaceAll("'", ''))
}

function membersOf(path: string, name: string): string[] {
  const found = statementsOf(path).find((node) => ts.isInterfaceDeclaration(node) && node.name.text === name)
  if (found === undefined || !ts.isInterfaceDeclaration(found)) return []
  return found.members.map((member) => member.name?.getText() ?? '')
}

describe('docs/limits.md', () => {
  test('has the table of options that `npm run tables` writes', () => {
    expect(withOptionTable(limits)).toBe(limits)
    expect(optionRows().length).toBeGreaterThan(20)
  })

  test('would be found out of date if a default, a reason or a row differed', () => {
    for (const [before, after] of [
      ['| 60,000 ', '| 60,001 '],
      ['a burst of a thousand', 'a burst of two thousand'],
      ['| `queue.maxBytes`', '| `queue.minBytes`'],
    ] as const) {
      const stale = limits.replace(before, after)
      expect(stale).not.toBe(limits)
      expect(withOptionTable(stale)).toBe(limits)
    }
  })

  test('has a row for every option with a number of its own', () => {
    const rows = optionRows().map(([name]) => name)
    for (const name of [...Object.keys(connectionEntries), ...Object.keys(engineEntries)])
      expect(rows).toContain(`\`${name}\``)
  })

  test('gives each fixed limit the value that the source has', () => {
    const fixed = table(limits, 'Name')
    expect(fixed.length).toBeGreaterThan(10)
    for (const [name = '', value = '', file = ''] of fixed) {
      const source = readDocument(file.replaceAll('`', ''))
      const [, expression = ''] = new RegExp(`const ${name.replaceAll('`', '')} = ([\\d_ *]+)\n`).exec(source) ?? []
      const factors = expression.split('*').map((factor) => Number(factor.replaceAll('_', '')))
      expect([name, factors.reduce((product, factor) => product * factor, 1)]).toEqual([
        name,
        Number(value.replaceAll(',', '')),
      ])
    }
  })
})

describe('docs/errors.md', () => {
  test.each([
    ['`fault`', 'Fault'],
    ['`violation`', 'Violation'],
  ])('has a row for each %s', (heading, type) => {
    expect(names(errors, heading).filter((name) => name !== 'maxPacketBytes')).toEqual(
      literalsOf('src/errors.ts', type),
    )
  })

  test('names every reason of a ConnectionLostError', () => {
    const reasons = literalsOf('src/errors.ts', 'LossReason')
    for (const name of reasons) expect(errors).toContain(`\`${name}\``)
    expect(reasons.length).toBeGreaterThan(5)
  })

  test('has a row for each error, with its code and its class', () => {
    const sources = readDocument('src/errors.ts')
    const classes = [
      ...sources.matchAll(/class (\w+) extends MqttError {\n(?: {2}\/\*\*.*\*\/\n)? {2}readonly code = '(\w+)'/g),
    ]
    const rows = table(errors, '`code`').map(([code, name]) => [code, name])
    expect(rows.sort()).toEqual(classes.map(([, name, code]) => [`\`${code}\``, `\`${name}\``]).sort())
  })
})

test('docs/command-line.md has the exit codes of the command', () => {
  expect(table(commandLine, 'Exit code')).toEqual(exitCodeRows())
})

describe('docs/diagnostics.md', () => {
  test('names every anomaly', () => {
    const anomalies = literalsOf('src/protocol/driver.ts', 'Anomaly')
    for (const name of anomalies) expect(diagnostics).toContain(`\`${name}\``)
    expect(anomalies.length).toBeGreaterThan(5)
  })

  test('has a row for each diagnostics channel and for each number of the stats', () => {
    expect(names(diagnostics, 'Channel').sort()).toEqual(
      Object.values(channels)
        .map(({ name }) => name)
        .sort(),
    )
    expect(names(diagnostics, 'Counter').sort()).toEqual(
      membersOf('src/client/surface/client-surface.ts', 'ClientStats').sort(),
    )
  })
})
