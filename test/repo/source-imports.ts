/**
 * Judges the imports of one source file: which way they run, and whether the pure folders stay pure.
 *
 *   cli  >  client, aliyun, servers, store, testing, explain  >  protocol, transport  >  codec  >  errors
 *
 * A file may import from its own folder and from layers below it; what may look sideways is listed below, with the reason. `codec` and `protocol` are pure: nothing from Node but the global Buffer, no clock, no
 * timers, no chance, no console, no process.
 */
import { posix } from 'node:path'
import ts from 'typescript'

export interface SourceFile {
  /** From the root of the repository, with slashes: `src/codec/utf8.ts`. */
  readonly path: string
  readonly text: string
}

const layers: Readonly<Record<string, number>> = {
  realms: -1,
  errors: 0,
  codec: 1,
  'option-names': 2,
  protocol: 2,
  transport: 2,
  client: 3,
  aliyun: 3,
  servers: 3,
  store: 3,
  testing: 3,
  explain: 3,
  index: 4,
  cli: 4,
}

const pureFolders = new Set(['codec', 'protocol'])

/** Globals through which a pure folder would learn of time, chance or its surroundings, or be called later. */
const impureGlobals = new Set([
  'AbortSignal',
  'Date',
  'EventTarget',
  'clearImmediate',
  'clearInterval',
  'clearTimeout',
  'console',
  'crypto',
  'fetch',
  'global',
  'globalThis',
  'performance',
  'process',
  'queueMicrotask',
  'require',
  'setImmediate',
  'setInterval',
  'setTimeout',
])

/** Imports within a layer. None of them leads back, so there is no circle. */
const sideways: readonly { readonly from: string; readonly to: string; readonly of: Import['of'] }[] = [
  // The presets of the platform are options of the client.
  { from: 'src/aliyun/', to: 'src/client/', of: 'types' },
  // So are the profiles of servers.
  { from: 'src/servers/', to: 'src/client/', of: 'types' },
  // A device is registered in a conversation over MQTT, which a client has to hold.
  { from: 'src/aliyun/register-device.ts', to: 'src/client/mqtt-client.ts', of: 'values' },
  // The seam that a user's own store implements; the client knows no store but through it.
  { from: 'src/client/', to: 'src/store/session-store.ts', of: 'types' },
]

/**
 * The order of the rooms in a folder, from the bottom. A file may import from its own room and from rooms below it; the
 * entry files, which stand in no room, stand above all of them. Rooms of one height do not know each other.
 */
interface RoomOrder {
  readonly heights: Readonly<Record<string, number>>
  /**
   * The entry files that rooms may import nevertheless, because they stand below all rooms: they import no room, but for
   * the types of the files that are named here.
   */
  readonly vocabulary: Readonly<Record<string, readonly string[]>>
  /** What else a room may take from an entry file, as types. */
  readonly upwards: readonly { readonly from: string; readonly to: string }[]
}

const roomOrders: Readonly<Record<string, RoomOrder>> = {
  client: {
    heights: { waiting: 0, surface: 0, options: 1, deliver: 2, publish: 2, subscribe: 3, engine: 4, life: 5 },
    vocabulary: {},
    upwards: [],
  },
  protocol: {
    heights: { lists: 0, exchange: 1, journal: 2, suspects: 2, incoming: 3, requests: 3, outgoing: 4, connection: 5 },
    vocabulary: {
      'src/protocol/session-settings.ts': [],
      // A driver is handed the objects of the engine themselves, so that none is copied; their types are those of rooms.
      'src/protocol/driver.ts': [
        'src/protocol/exchange/outgoing-message.ts',
        'src/protocol/exchange/request.ts',
        'src/protocol/incoming/arrival.ts',
        'src/protocol/journal/journal-record.ts',
      ],
    },
    // A connection works on the state of its session, which joins all the other rooms and so stands in none of them.
    upwards: [{ from: 'src/protocol/connection/', to: 'src/protocol/session-state.ts' }],
  },
}

interface Import {
  readonly specifier: string
  readonly of: 'types' | 'values'
}

/** What is wrong with the imports of this file, a line for each fault. */
export function importFaults({ path, text }: SourceFile): string[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true)
  const folder = folderOf(path)
  const faults: string[] = []
  const visit = (node: ts.Node): void => {
    for (const found of importsOf(node)) {
      const fault = importFault(path, folder, found)
      if (fault !== undefined) faults.push(fault)
    }
    if (pureFolders.has(folder)) {
      const impure = impurityOf(node)
      if (impure !== undefined) faults.push(`${path} is in a pure folder and uses ${impure}`)
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return faults
}

/**
 * The circles among these files, each as the paths that it joins. Imports of types count: a circle of types has no
 * beginning for a reader either (Tarjan's strongly connected components).
 */
export function importCircles(files: readonly SourceFile[]): string[][] {
  const targets = new Map(files.map((file) => [file.path, targetsOf(file)]))
  const numbers = new Map<string, number>()
  const open: string[] = []
  const circles: string[][] = []
  /** The lowest number that can be reached from this file. */
  const visit = (path: string): number => {
    const number = numbers.size
    numbers.set(path, number)
    open.push(path)
    let lowest = number
    for (const target of targets.get(path) ?? []) {
      if (!targets.has(target)) continue
      if (!numbers.has(target)) lowest = Math.min(lowest, visit(target))
      else if (open.includes(target)) lowest = Math.min(lowest, numbers.get(target) ?? lowest)
    }
    if (lowest === number) {
      const circle = open.splice(open.indexOf(path))
      if (circle.length > 1) circles.push(circle.sort())
    }
    return lowest
  }
  for (const { path } of files) if (!numbers.has(path)) visit(path)
  return circles
}

/** The files of the package that a file names in its imports, its re-exports and its types in place. */
function targetsOf({ path, text }: SourceFile): string[] {
  const names = ts.preProcessFile(text).importedFiles.map(({ fileName }) => fileName)
  return names.filter((name) => name.startsWith('.')).map((name) => targetOf(path, name))
}

function targetOf(path: string, specifier: string): string {
  return posix.join(posix.dirname(path), specifier.replace(/\.js$/, '.ts'))
}

/** `codec` for `src/codec/utf8.ts`, `errors` for `src/errors.ts`. */
function folderOf(path: string): string {
  const [, first = ''] = path.split('/')
  return first.replace(/\.ts$/, '')
}

/** Static and dynamic imports, re-exports, and types that are named by `import('...')`. */
function importsOf(node: ts.Node): Import[] {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    return [{ specifier: node.moduleSpecifier.text, of: onlyTypes(node.importClause) ? 'types' : 'values' }]
  }
  if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined && ts.isStringLiteral(node.moduleSpecifier)) {
    return [{ specifier: node.moduleSpecifier.text, of: node.isTypeOnly ? 'types' : 'values' }]
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument) && ts.isStringLiteral(node.argument.literal)) {
    return [{ specifier: node.argument.literal.text, of: 'types' }]
  }
  if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
    const [specifier] = node.arguments
    // A computed specifier could name anything, so it is judged as the worst.
    return [{ specifier: specifier && ts.isStringLiteral(specifier) ? specifier.text : 'node:*', of: 'values' }]
  }
  return []
}

function onlyTypes(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false
  if (clause.isTypeOnly) return true
  const bindings = clause.namedBindings
  if (clause.name !== undefined || bindings === undefined || !ts.isNamedImports(bindings)) return false
  return bindings.elements.length > 0 && bindings.elements.every(({ isTypeOnly }) => isTypeOnly)
}

function importFault(path: string, folder: string, { specifier, of }: Import): string | undefined {
  if (!specifier.startsWith('.')) {
    if (!specifier.startsWith('node:')) return `${path} imports ${specifier}: there are no dependencies`
    return pureFolders.has(folder) ? `${path} is in a pure folder and imports ${specifier}` : undefined
  }
  if (!specifier.endsWith('.js')) return `${path} imports ${specifier} without .js`
  const target = targetOf(path, specifier)
  const targetFolder = folderOf(target)
  if (targetFolder === folder) return roomFault(path, roomOrders[folder], target, of)
  const from = layers[folder]
  const to = layers[targetFolder]
  if (from === undefined) return `${path} is in a folder that has no layer`
  if (to === undefined) return `${path} imports ${specifier}, which has no layer`
  if (to < from || mayLookSideways(path, target, of)) return undefined
  return `${path} imports ${specifier}: ${folder} does not stand above ${targetFolder}`
}

function roomFault(path: string, order: RoomOrder | undefined, target: string, of: Import['of']): string | undefined {
  const from = roomOf(path)
  const to = roomOf(target)
  if (order === undefined || from === to) return undefined
  if (from === undefined) {
    const named = order.vocabulary[path]
    if (named === undefined || (of === 'types' && named.includes(target))) return undefined
    return `${path} imports ${target}: rooms import ${path}, so it stands below all of them`
  }
  if (to === undefined) {
    const allowed = order.upwards.some((each) => path.startsWith(each.from) && target === each.to && of === 'types')
    if (allowed || order.vocabulary[target] !== undefined) return undefined
  }
  const fault = `${path} imports ${target}: the room ${from} does not stand above ${to ?? 'the entry files'}`
  const [height, below] = [order.heights[from], to === undefined ? undefined : order.heights[to]]
  return height === undefined || below === undefined || below >= height ? fault : undefined
}

/** `life` for `src/client/life/backoff.ts`; undefined for an entry file. */
function roomOf(path: string): string | undefined {
  const [, , room, file] = path.split('/')
  return file === undefined ? undefined : room
}

function mayLookSideways(path: string, target: string, of: Import['of']): boolean {
  return sideways.some(
    (allowed) =>
      path.startsWith(allowed.from) && target.startsWith(allowed.to) && (of === 'types' || allowed.of === 'values'),
  )
}

/** The name of what an identifier takes from outside the language, if it does. */
function impurityOf(node: ts.Node): string | undefined {
  if (!ts.isIdentifier(node)) return undefined
  const { parent } = node
  if (node.text === 'Math') {
    if (!ts.isPropertyAccessExpression(parent) || parent.expression !== node) return 'Math as a whole'
    return parent.name.text === 'random' ? 'Math.random' : undefined
  }
  // The name of a member, and what the file declares itself, are no use of the global of that name.
  if ('name' in parent && parent.name === node && !ts.isShorthandPropertyAssignment(parent)) return undefined
  return impureGlobals.has(node.text) ? node.text : undefined
}
