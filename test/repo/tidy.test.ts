/** The house rules that a machine can check. */
import { readdirSync, readFileSync } from 'node:fs'
import { posix } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import type { SourceFile } from './source-imports.js'
import { filesAbove, filesBelow, foldersAbove, sourceFiles } from './source-tree.js'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')

function filesUnder(folder: string): string[] {
  return readdirSync(new URL(`${folder}/`, root), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => posix.relative(decodeURI(root.pathname), `${entry.parentPath}/${entry.name}`))
}

const files = sourceFiles()
const sources = files.map(({ path }) => path)

/** Where the client sets timers: nowhere else, so that the list at its head is the whole list. */
const clientTimers = 'src/client/engine/timers.ts'

/** Lines a file may have: what is longer is more than one idea. */
const linesMax = 400

/** Files of fewer than forty lines, each with the reason for which it stands alone. */
const smallWithReason: ReadonlyMap<string, string> = new Map(
  Object.entries({
    'src/cli/conversation/reported-packets.ts': 'the listing and the capture take the same packets',
    'src/cli/foreign-options.ts': 'one table of advice',
    'src/cli/nearest-word.ts': 'several commands advise with it',
    'src/cli/print/login-format.ts': 'the one place that prints a login, and hides its secrets',
    'src/cli/print/packet-identifiers.ts': 'loaded state of one kind: which message had which identifier',
    'src/cli/terminal/progress.ts': 'the only part that knows how progress is drawn',
    'src/client/engine/wrong-port.ts': 'what is met before CONNACK, and none of it is MQTT',
    'src/client/deliver/failed-handler.ts': 'one table of what follows a failure',
    'src/client/deliver/keeping.ts': 'one rule, told the time as a number',
    'src/client/engine/engine-settings.ts': 'what crosses from options to engine, at a glance',
    'src/client/options/shared-settings.ts': 'options of several kinds use it',
    'src/client/stats.ts': 'one view over counters of several rooms',
    'src/client/surface/counters.ts': 'vocabulary: rooms below the client count in it',
    'src/client/surface/diagnostics.ts': 'vocabulary: every room publishes on these channels',
    'src/codec/byte-at.ts': 'the one accessor of bytes',
    'src/codec/decode/packet-assembly.ts': 'a buffer with one rule of growth',
    'src/codec/packet-constants.ts': 'numbers of the standard that both directions use',
    'src/explain/capture/dumped-frames.ts': 'guesses what a printed frame begins with; files say it',
    'src/explain/capture/frame.ts': 'vocabulary: files and dumps give it, and what reads TCP takes it',
    'src/explain/fields/password-shape.ts': 'guards a secret; easy to audit alone',
    'src/explain/listing/numerals.ts': 'how numbers are written in every listing',
    'src/protocol/connection/gap-filling.ts': 'one reason to give a connection up, with its own rules',
    'src/protocol/exchange/request.ts': 'vocabulary below the table and the requests, so that there is no circle',
    'src/protocol/outgoing/pacing.ts': 'the one place that asks a pacer, and counts what waited',
    'src/store/session-store.ts': 'the interface that own stores implement',
    'src/testing/arrivals.ts': 'a queue with its two sides, which knows nothing of servers',
    'src/transport/unopened-transport.ts': 'one state of a transport',
  }),
)

/** Folders of more than a dozen entries, each with the reason for which it has no room of its own for some of them. */
const fullWithReason: ReadonlyMap<string, string> = new Map(
  Object.entries({
    src: 'a folder for each entry point of the package, and the folders below them',
    'src/protocol': 'five files above eight rooms: the session, its state, and what a driver has to know',
    'src/aliyun': 'one term of the platform a file; a room would part what is signed from its signature',
    'src/transport': 'sockets and streams share endpoint, listeners and failures; a room would part them',
  }),
)

/** A tree that does not exist, to try a rule on: the files of `src/a`, each with this many lines. */
function tree(lines: readonly number[]): SourceFile[] {
  return lines.map((count, index) => ({ path: `src/a/${index}.ts`, text: '\n'.repeat(count) }))
}

/** What a person would read about the faults of a syntax tree, line by line. */
function faultsIn(path: string, text: string): string[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const faults: string[] = []
  const note = (node: ts.Node, what: string) =>
    faults.push(`${path}:${source.getLineAndCharacterOfPosition(node.getStart()).line + 1}: ${what}`)
  const visit = (node: ts.Node): void => {
    if (node.kind === ts.SyntaxKind.AnyKeyword) note(node, 'any')
    if (ts.isNonNullExpression(node)) note(node, 'a non-null assertion')
    if (ts.isTypeAssertionExpression(node)) note(node, 'a type assertion')
    if (ts.isAsExpression(node) && node.type.getText() !== 'const') note(node, `as ${node.type.getText()}`)
    if (ts.isIdentifier(node) && node.text === 'console' && !path.startsWith('src/cli/')) note(node, 'console')
    ts.forEachChild(node, visit)
  }
  visit(source)
  return faults
}

/** The files that a file imports or re-exports from its own package, as types or as values. */
function importsOf(path: string): string[] {
  return ts
    .preProcessFile(read(path), true, true)
    .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => posix.join(posix.dirname(path), fileName.replace(/\.js$/, '.ts')))
}

describe('the sources', () => {
  test('are all found', () => {
    expect(sources.length).toBeGreaterThan(100)
  })

  test('hold no any, no assertion but `as const`, and no console outside of cli', () => {
    expect(sources.flatMap((path) => faultsIn(path, read(path)))).toEqual([])
  })

  test.each(['let a: any', 'const a = b!', 'const a = <string>b', 'const a = b as string', 'console.log()'])(
    'would be found wrong with: %s',
    (text) => expect(faultsIn('src/a.ts', text)).toHaveLength(1),
  )

  test('of the client set timers in one file only', () => {
    const setting = sources.filter(
      (path) => path.startsWith('src/client/') && /\bset(Timeout|Interval)\(/.test(read(path)),
    )
    expect(setting).toEqual([clientTimers])
  })

  test(`have at most ${linesMax} lines`, () => {
    expect(filesAbove(linesMax, files)).toEqual([])
    expect(filesAbove(linesMax, tree([400, 401]))).toEqual(['src/a/1.ts'])
  })

  test('have a reason where they are shorter than forty lines', () => {
    const small = filesBelow(40, files)
    expect(small.filter((path) => !smallWithReason.has(path))).toEqual([])
    expect([...smallWithReason.keys()].filter((path) => !small.includes(path))).toEqual([])
    expect(smallWithReason.size).toBeLessThanOrEqual(28)
  })

  test('would be found too short with 39 lines, but for an index', () => {
    expect(filesBelow(40, [...tree([39, 40]), { path: 'src/a/index.ts', text: '' }])).toEqual(['src/a/0.ts'])
  })

  test('fill no folder with more than fourteen entries', () => {
    expect(foldersAbove(14, files)).toEqual([])
  })

  test('have a reason where they fill a folder with more than a dozen', () => {
    expect(foldersAbove(12, files).sort()).toEqual([...fullWithReason.keys()].sort())
  })

  test('would be found too many in one folder, rooms among them', () => {
    const room = { path: 'src/a/room/deep/file.ts', text: '' }
    expect(foldersAbove(14, tree(Array(14).fill(1)))).toEqual([])
    expect(foldersAbove(14, [...tree(Array(14).fill(1)), room])).toEqual(['src/a'])
  })

  test('are named for what they hold', () => {
    const vague = /(^|\/)(utils?|helpers?|types?|common|misc|shared)(\.|\/)/
    expect(sources.filter((path) => vague.test(path) || !/^[a-z0-9./-]+$/.test(path))).toEqual([])
  })

  test('are all reached from an entry point of the package', () => {
    const reached = new Set(read('tsup.config.ts').match(/src\/[\w./-]+\.ts/g))
    for (const path of reached) for (const target of importsOf(path)) reached.add(target)
    expect(sources.filter((path) => !reached.has(path))).toEqual([])
  })
})

describe('the bench', () => {
  test('fills no folder with more than a dozen entries', () => {
    const measuring = sourceFiles('bench')
    expect(measuring.length).toBeGreaterThan(30)
    expect(foldersAbove(12, measuring)).toEqual([])
  })
})

describe('the repository', () => {
  const pages = readdirSync(root).filter((name) => name.endsWith('.md'))
  const texts = ['src', 'test', 'bench', 'fixtures', 'docs', 'build']
    .flatMap(filesUnder)
    .filter((path) => !path.startsWith('docs/api/')) // generated
    .concat(pages)
  const self = 'test/repo/tidy.test.ts'

  test('has nothing left to do', () => {
    expect(texts.filter((path) => path !== self && /\b(TODO|FIXME|XXX)\b/.test(read(path)))).toEqual([])
  })

  test('names no folder of the machine on which it was written', () => {
    expect(texts.filter((path) => path !== self && /(^|[\s'"`(])\/(work|home|Users|root)\//m.test(read(path)))).toEqual(
      [],
    )
  })

  test('switches no check off without a reason', () => {
    const switches = /@ts-(ignore|nocheck)|biome-ignore[^:\n]*(:\s*)?$/m
    expect(texts.filter((path) => path !== self && switches.test(read(path)))).toEqual([])
  })
})
