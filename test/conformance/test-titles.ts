/**
 * Finds the tests that prove a rule: those that have its identifier in their title, or in the title of a block around
 * them, which then counts as one.
 *
 * The title of a table-driven test may name the rule of each row with a placeholder in brackets: `[%s]` or `[$statement]`. Where the table stands in the test, all identifiers in it are cited. Where it comes from the vectors,
 * `vector-tables.ts` says which of their rows it has.
 */
import ts from 'typescript'
import type { SourceText } from './code-sites.js'
import { identifiersIn, withoutIdentifiers } from './identifier.js'

export interface Citation {
  readonly id: string
  readonly path: string
  /** With the titles of the blocks around it, and without identifiers. */
  readonly title: string
}

export interface TestTitles {
  readonly citations: readonly Citation[]
  /** Titles whose placeholder stands for identifiers that cannot be found. */
  readonly unreadable: readonly string[]
}

/** The identifiers that a table from the vectors cites, each with the number of its rows. */
export type VectorRows = ReadonlyMap<string, number>

/** Such tables by file and title: `test/codec/decode/malformed.test.ts: vectors that a decoder refuses`. */
export type VectorTables = ReadonlyMap<string, VectorRows>

const placeholder = /\[(?:%s|\$\w+|…)\]/

/** The same in a source, where an expression of a template may stand for it. */
const mayHavePlaceholder = /\[(?:%s|\$|…)/

export function testTitles({ path, text }: SourceText, vectors: VectorTables): TestTitles {
  const citations: Citation[] = []
  const unreadable: string[] = []
  // Most files name no rule, and to parse them all takes a second.
  if (identifiersIn(text).length === 0 && !mayHavePlaceholder.test(text)) return { citations, unreadable }
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)

  const visit = (node: ts.Node, around: readonly string[]): void => {
    const test = testOf(node)
    if (test === undefined) return ts.forEachChild(node, (child) => visit(child, around))
    // What does not run proves nothing.
    if (test.modifiers.some((modifier) => /^(skip|todo|fails|skipIf|runIf)$/.test(modifier))) return
    const blocks = [...around, readable(test.title)]
    const title = blocks.filter((words) => words !== '').join(' › ')
    for (const id of identifiersIn(test.title)) citations.push({ id, path, title })
    if (placeholder.test(test.title)) {
      const rows = test.table === undefined ? undefined : rowsOf(test.table, vectors.get(`${path}: ${title}`))
      if (rows === undefined) unreadable.push(`${path}: ${title}`)
      for (const [id, count] of rows ?? [])
        citations.push({ id, path, title: `${title} (${count} ${count === 1 ? 'row' : 'rows'})` })
    }
    ts.forEachChild(node, (child) => visit(child, blocks))
  }
  visit(source, [])
  return { citations, unreadable }
}

/** A title for people: what the rows of a table put in is `…`, and a title of nothing else is left out. */
function readable(title: string): string {
  const words = withoutIdentifiers(title.replace(placeholder, '')).replace(/%[sjidf]|\$[\w.]+/g, '…')
  return /^[…:,\s]*$/.test(words) ? '' : words
}

interface TestCall {
  readonly title: string
  readonly modifiers: readonly string[]
  readonly table: ts.Expression | undefined
}

/** `it('...')`, `describe.each(table)('...')` and their like. */
function testOf(node: ts.Node): TestCall | undefined {
  if (!ts.isCallExpression(node)) return undefined
  const [first] = node.arguments
  const title = first && textOf(first)
  if (title === undefined) return undefined
  const modifiers: string[] = []
  let table: ts.Expression | undefined
  let callee: ts.Expression = node.expression
  while (!ts.isIdentifier(callee)) {
    if (ts.isPropertyAccessExpression(callee)) modifiers.push(callee.name.text)
    else if (ts.isCallExpression(callee)) table = callee.arguments[0]
    else return undefined
    callee = callee.expression
  }
  return /^(describe|it|test)$/.test(callee.text) ? { title, modifiers, table } : undefined
}

/** A title as it is written; `…` for each expression in it. */
function textOf(node: ts.Expression): string | undefined {
  if (ts.isStringLiteralLike(node)) return node.text
  if (ts.isTemplateExpression(node)) {
    return node.templateSpans.reduce((text, span) => `${text}…${span.literal.text}`, node.head.text)
  }
  return undefined
}

function rowsOf(table: ts.Expression, vectors: VectorRows | undefined): VectorRows | undefined {
  const list = ts.isAsExpression(table) ? table.expression : table
  if (!ts.isArrayLiteralExpression(list)) return vectors
  const rows = new Map<string, number>()
  for (const row of list.elements) {
    for (const id of identifiersOfRow(row)) rows.set(id, (rows.get(id) ?? 0) + 1)
  }
  return rows
}

/** The cells that are an identifier and nothing else. */
function identifiersOfRow(row: ts.Expression): Set<string> {
  const ids = new Set<string>()
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node)) {
      const [id] = identifiersIn(`[${node.text}]`)
      if (id === node.text) ids.add(id)
    }
    ts.forEachChild(node, visit)
  }
  visit(row)
  return ids
}
