/**
 * The table of options in docs/limits.md, made from the entries in the source: names and defaults as the program has them, units and reasons
 * as the comments above the entries say them.
 */
import ts from 'typescript'
import * as entries from '../../src/client/options/entries.js'
import { readDocument } from './doc-blocks.js'
import { tableLines, withTable } from './markdown-table.js'

const path = 'src/client/options/entries.ts'
const head = ['Option', 'Default', 'Unit', 'Why'] as const

type Row = readonly [option: string, standard: string, unit: string, why: string]

/** One row for each entry, in the order of the source. An entry without a reason throws. */
export function optionRows(): Row[] {
  const source = ts.createSourceFile(path, readDocument(path), ts.ScriptTarget.Latest, true)
  return source.statements.filter(ts.isVariableStatement).flatMap((statement) =>
    statement.declarationList.declarations.flatMap((declaration) => {
      const { initializer } = declaration
      const value = member(entries, declaration.name.getText())
      if (initializer === undefined || !ts.isObjectLiteralExpression(initializer))
        return [row(declaration.name.getText(), value, statement, '')]
      const prefix = tag(statement, 'prefix') ?? ''
      return initializer.properties.map((property) => {
        const name = property.name?.getText() ?? ''
        return row(name, member(value, name), property, prefix)
      })
    }),
  )
}

function row(name: string, value: unknown, node: ts.Node, prefix: string): Row {
  const [, unit = '', why] = /^(\w*) ?- (.+)$/.exec(tag(node, 'unit') ?? '') ?? []
  if (why === undefined) throw new Error(`${path}: ${name} has no line "@unit ms - the reason"`)
  return [tag(node, 'label') ?? `\`${prefix}${name}\``, shown(member(value, 'defaultValue') ?? value), unit, why]
}

function shown(value: unknown): string {
  return typeof value === 'number' && Number.isFinite(value) ? value.toLocaleString('en') : String(value)
}

function member(holder: unknown, name: string): unknown {
  const isHolder = (typeof holder === 'object' && holder !== null) || typeof holder === 'function'
  return isHolder ? Reflect.get(holder, name) : undefined
}

/** What the comment above a node says behind `@name`. */
function tag(node: ts.Node, name: string): string | undefined {
  const found = ts.getJSDocTags(node).find(({ tagName }) => tagName.text === name)
  return found === undefined ? undefined : ts.getTextOfJSDocComment(found.comment)
}

/** The page with the table of now in the place of the one that it has. */
export function withOptionTable(page: string): string {
  return withTable(page, 'Option', tableLines(head, optionRows()))
}
