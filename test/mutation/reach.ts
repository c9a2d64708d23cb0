/**
 * What each test file reaches: one run without any mutant, of sources in which every statement, every arrow and every initial value
 * of a field says that it ran. A mutant then needs only the tests that reach its place.
 */
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'
import ts from 'typescript'

/** Where each probe of a source file stands, by its number. */
export interface Probed {
  readonly text: string
  readonly regions: ReadonlyMap<number, Region>
}

interface Region {
  readonly start: number
  readonly end: number
}

/** Where processes that tests start write, in their directory, what they have reached. */
export const reachedByProcesses = 'reached-by-processes.txt'

/** A process that a test starts has none of the set-up of the tests: it makes its own list, and writes it when it ends. */
const listOfProcess =
  'globalThis.reachedByTests ??= (() => { const reached = new Set(); ' +
  "process.once('exit', () => process.getBuiltinModule('node:fs')" +
  `.appendFileSync('${reachedByProcesses}', [...reached, ''].join(' '))); return reached })();`

/** The numbers of the probes that each test file reaches. */
export type Reach = ReadonlyMap<string, ReadonlySet<number>>

export function withProbes(file: string, text: string, first: number): Probed {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true)
  const regions = new Map<number, Region>()
  const insertions: { readonly at: number; readonly text: string }[] = []

  const probe = (region: Region): string => {
    const id = first + regions.size
    regions.set(id, region)
    return `globalThis.reachedByTests?.add(${id})`
  }
  const regionOf = (node: ts.Node): Region => ({ start: node.getStart(source), end: node.getEnd() })
  const around = (node: ts.Node, region: Region): void => {
    insertions.push({ at: node.getStart(source), text: `(${probe(region)}, ` }, { at: node.getEnd(), text: ')' })
  }

  const visit = (node: ts.Node): void => {
    if (ts.isBlock(node) || ts.isCaseOrDefaultClause(node)) {
      for (const [index, statement] of node.statements.entries()) {
        // The parameters and their defaults belong to the first statement of a function.
        const isFirst = index === 0 && ts.isFunctionLike(node.parent)
        const region = isFirst ? { start: node.parent.getStart(source), end: statement.getEnd() } : regionOf(statement)
        insertions.push({ at: statement.getStart(source), text: `${probe(region)};` })
      }
    }
    if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) around(node.body, regionOf(node))
    if (ts.isPropertyDeclaration(node) && node.initializer !== undefined) around(node.initializer, regionOf(node))
    ts.forEachChild(node, visit)
  }
  visit(source)
  insertions.push({ at: source.statements[0]?.getStart(source) ?? 0, text: listOfProcess })

  const ordered = insertions.map((insertion, order) => ({ ...insertion, order }))
  ordered.sort((a, b) => b.at - a.at || b.order - a.order)
  const probed = ordered.reduce((so, { at, text: what }) => so.slice(0, at) + what + so.slice(at), text)
  return { text: probed, regions }
}

/** The numbers of the probes whose run means that this place may have run: the narrowest one, or all of the file when none has it. */
export function probesAt({ regions }: Probed, start: number, end: number): readonly number[] {
  const holding = [...regions].filter(([, region]) => region.start <= start && end <= region.end)
  const narrowest = Math.min(...holding.map(([, region]) => region.end - region.start))
  const found = holding.filter(([, region]) => region.end - region.start === narrowest)
  return (found.length > 0 ? found : [...regions]).map(([id]) => id)
}

/** Reads what `reach-setup.ts` wrote: a line for each test file, with its path. */
export function readReach(written: string, root: string): Reach {
  const reach = new Map<string, Set<number>>()
  for (const line of readFileSync(written, 'utf8').split('\n').filter(Boolean)) {
    const [path = '', ...ids] = line.split(' ')
    const file = relative(root, path)
    reach.set(file, new Set([...(reach.get(file) ?? []), ...ids.map(Number)]))
  }
  return reach
}
