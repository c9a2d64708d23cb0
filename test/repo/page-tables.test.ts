/** The tables of the documentation against the sources: what the one says the other has, and nothing is left out. */

import { readdirSync } from 'node:fs'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { exitCodeRows } from '../../src/cli/outcome/exit-code.js'
import { connectionEntries, engineEntries } from '../../src/client/options/entries.js'
import { channels } from '../../src/client/surface/diagnostics.js'
import { readDocument, root } from './doc-blocks.js'
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

  test.each([
    ['`reason` of a `ConnectionLostError`', 'LossReason'],
    ['`operation` of a `TimeoutError`', 'TimedOperation'],
  ])('names every %s, under that heading', (heading, type) => {
    const [, section = ''] = errors.split(`## ${heading}\n`)
    const named = [...(section.split('\n## ')[0] ?? '').matchAll(/`([a-z-]+)`/g)].map(([, name]) => name)
    expect(named).toEqual(expect.arrayContaining(literalsOf('src/errors.ts', type)))
    expect(literalsOf('src/errors.ts', type).length).toBeGreaterThan(5)
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

describe('docs/use.zh-CN.md', () => {
  const page = readDocument('docs/use.zh-CN.md')
  const named = (rows: string[][]) =>
    rows.map((cells) => cells.map((cell) => [...cell.matchAll(/`[^`]+`/g)].map(([name]) => name)))

  test('names every event', () => {
    const events = membersOf('src/client/surface/client-surface.ts', 'ClientEvents')
    for (const name of events) expect(page).toContain(`\`${name}\``)
    expect(table(readDocument('docs/use.md'), 'Event').map(([name]) => name)).toEqual(
      events.map((name) => `\`${name}\``),
    )
  })

  test('has the exit codes of the command', () => {
    const codes = table(page, '退出码').map(([code = '']) => code.replace('大于', 'above'))
    expect(codes).toEqual(exitCodeRows().map(([code]) => code))
  })

  test('names in each row of the errors what the English table names there', () => {
    expect(named(table(page, '`code`'))).toEqual(named(table(errors, '`code`')))
  })
})

test('docs/aliyun.zh-CN.md has in each row of its tables the code that the English row has', () => {
  const code = (file: string) =>
    readDocument(file)
      .split('\n')
      .filter((line) => line.startsWith('|'))
      .map((line) => [...line.matchAll(/`[^`]+`/g)].map(([name]) => name).sort())
  expect(code('docs/aliyun.zh-CN.md')).toEqual(code('docs/aliyun.md'))
  expect(code('docs/aliyun.md').length).toBeGreaterThan(50)
})

describe('ARCHITECTURE.md', () => {
  const page = readDocument('ARCHITECTURE.md')

  test('has each error in the table of blame', () => {
    const classes = [...readDocument('src/errors.ts').matchAll(/class (\w+) extends MqttError/g)].map(
      ([, name]) => name,
    )
    const inTable = table(page, 'Blame').flatMap((row) =>
      [...(row[1] ?? '').matchAll(/`(\w+)`/g)].map(([, name]) => name),
    )
    expect(inTable.sort()).toEqual(classes.sort())
  })

  test('draws each folder of src, and each folder of test that src does not have', () => {
    const [, drawing = ''] = /^## The house\n(.*?)^## /ms.exec(page) ?? []
    const foldersOf = (path: string) =>
      readdirSync(new URL(path, root), { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
    const folders = foldersOf('src/')
    const wanted = [...folders, ...folders.flatMap((name) => foldersOf(`src/${name}/`)), ...foldersOf('test/')]
    expect(wanted.filter((name) => !new RegExp(`(^|[ /])${name}/`, 'm').test(drawing))).toEqual([])
    expect(wanted.length).toBeGreaterThan(40)
  })
})

describe('docs/diagnostics.md', () => {
  test('names every anomaly', () => {
    const anomalies = literalsOf('src/protocol/driver.ts', 'Anomaly')
    for (const name of anomalies) expect(diagnostics).toContain(`\`${name}\``)
    expect(anomalies.length).toBeGreaterThan(5)
  })

  test('names every verdict on a suspect', () => {
    const verdicts = literalsOf('src/protocol/suspects/suspects.ts', 'Verdict')
    for (const name of verdicts) expect(diagnostics).toContain(`\`${name}\``)
    expect(verdicts.length).toBeGreaterThan(3)
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
