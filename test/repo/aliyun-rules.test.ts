/** docs/aliyun-rules.md: every rule of the platform's documents names tests that exist. */
import { existsSync } from 'node:fs'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { readDocument } from './doc-blocks.js'

interface Proof {
  readonly path: string
  readonly title: string
  /** The row of a test that has many. */
  readonly row: string | undefined
}

interface Rule {
  readonly says: string
  readonly where: string
  readonly here: string
  readonly heldBy: string
}

function rulesOf(page: string): Rule[] {
  const rows = page.split('\n').filter((line) => line.startsWith('| '))
  return rows.slice(2).map((line) => {
    const [says = '', where = '', here = '', heldBy = ''] = line
      .split(/(?<!\\)\|/)
      .slice(1)
      .map((cell) => cell.trim())
    return { says, where, here, heldBy }
  })
}

function proofsOf({ heldBy }: Rule): Proof[] {
  if (heldBy.startsWith('not held: ')) return []
  return heldBy.split('<br>').map((text) => {
    const [, path = '', title = '', row] = /^`([^`]+)`: (.+?)(?: \[(.+)\])?$/.exec(text) ?? []
    return { path, title, row: row?.replaceAll('\\|', '|') }
  })
}

/** The titles of the tests of a file, and every other text in it. */
function textsOf(
  path: string,
  text: string,
): { readonly titles: ReadonlySet<string>; readonly others: ReadonlySet<string> } {
  const titles = new Set<string>()
  const others = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isCallExpression(node) && /^(it|test)\b/.test(node.expression.getText())) {
      const [first] = node.arguments
      if (first !== undefined && ts.isStringLiteralLike(first)) titles.add(first.text)
    }
    if (ts.isStringLiteralLike(node)) others.add(node.text)
    ts.forEachChild(node, visit)
  }
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true))
  return { titles, others }
}

function faultOf({ path, title, row }: Proof, read: (path: string) => string | undefined): string | undefined {
  const text = read(path)
  if (text === undefined) return `there is no ${path || 'test in this cell'}`
  const { titles, others } = textsOf(path, text)
  if (!titles.has(title)) return `${path} has no test ${title}`
  return row === undefined || others.has(row) ? undefined : `${path} has no row ${row}`
}

describe('the rules of the documents of the platform', () => {
  const rules = rulesOf(readDocument('docs/aliyun-rules.md'))
  const read = (path: string) =>
    existsSync(new URL(`../../${path}`, import.meta.url)) ? readDocument(path) : undefined

  test('are all there, from either document', () => {
    expect(rules.length).toBeGreaterThan(30)
    expect([...new Set(rules.map(({ where }) => where.replace(/,.*/, '')))].sort()).toEqual([
      'Chinese',
      'English',
      'both',
    ])
    expect(rules.filter(({ says, here }) => says === '' || here === '')).toEqual([])
  })

  test('name tests that exist, or say that none holds them', () => {
    expect(rules.flatMap(proofsOf).flatMap((proof) => faultOf(proof, read) ?? [])).toEqual([])
    const unheld = rules.filter((rule) => proofsOf(rule).length === 0)
    expect(unheld.map(({ heldBy }) => heldBy)).toEqual(['not held: advice about another program', 'not held: a link'])
  })
})

describe('a rule', () => {
  const file = `it.each([['a | b', 1]])('has %s', () => {}); it('is so', () => {})`
  const read = (path: string) => (path === 'test/a.test.ts' ? file : undefined)
  const faults = (heldBy: string) => {
    const page = `| says | where | here | held by |\n| --- | --- | --- | --- |\n| a | both | b | ${heldBy} |`
    return rulesOf(page)
      .flatMap(proofsOf)
      .flatMap((proof) => faultOf(proof, read) ?? [])
  }

  test.each([
    ['`test/a.test.ts`: is so', []],
    ['`test/a.test.ts`: is so<br>`test/a.test.ts`: has %s [a \\| b]', []],
    ['`test/a.test.ts`: is not so', ['test/a.test.ts has no test is not so']],
    ['`test/a.test.ts`: a | b', ['test/a.test.ts has no test a']],
    ['`test/a.test.ts`: has %s [c]', ['test/a.test.ts has no row c']],
    ['`test/b.test.ts`: is so', ['there is no test/b.test.ts']],
    ['is so', ['there is no test in this cell']],
    ['', ['there is no test in this cell']],
  ])('is judged by its last cell: %s', (heldBy, expected) => {
    expect(faults(heldBy)).toEqual(expected)
  })
})
