/**
 * The declaration files of the package: one for each source file that an entry point leads to, under its own name and with
 * its doc comments, so that "go to definition" in an editor opens something to read. (One file rolled up for each entry
 * point would share what they have in common by chunks with hashed names and exports of one letter.)
 *
 * Each is written twice, because TypeScript takes the module format of a `.d.ts` from the package.json above it: once for those who
 * import, and once for those who require, in a folder whose package.json says so. The texts and the names are the same. npm puts files
 * of one name side by side into the archive, so the second costs next to nothing there.
 */
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, posix, relative } from 'node:path'
import type Compiler from 'typescript'

/** `import` would first look through the nine megabytes of the compiler for the names that they export. */
const ts: typeof Compiler = createRequire(import.meta.url)('typescript')

/**
 * TypeScript 7 reads the types of Node only where somebody asks for them. Without them `MqttClient` is no EventEmitter, and the compiler
 * says only that it has no `on`.
 */
const typesOfNode = '/// <reference types="node" />\n'

/** Writes the declarations of `entries` and of what they import, each as the path below `sources` has it, into each of the directories. */
export async function writeDeclarations(
  sources: string,
  entries: readonly string[],
  directories: readonly string[],
): Promise<void> {
  const declarations = declarationsOf(sources, entries)
  const entryNames = entries.map((entry) => declarationName(sources, entry))
  for (const name of reachable(declarations, entryNames)) {
    const own = declarations.get(name) ?? ''
    const text = entryNames.includes(name) ? typesOfNode + own : own
    for (const directory of directories) {
      const path = join(directory, `${name}.d.ts`)
      await mkdir(dirname(path), { recursive: true })
      await writeFile(path, text)
    }
  }
}

/** The text of every declaration, by its path below `sources` without extension. */
function declarationsOf(sources: string, entries: readonly string[]): ReadonlyMap<string, string> {
  const { config } = ts.readConfigFile('tsconfig.json', ts.sys.readFile)
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, '.')
  const settings: Compiler.CompilerOptions = {
    ...options,
    noEmit: false,
    declaration: true,
    emitDeclarationOnly: true,
    stripInternal: true,
    // `npm run lint` checks the types. Without the check, the same declarations come in half the time.
    noCheck: true,
    rootDir: sources,
    outDir: sources,
  }
  const host = ts.createCompilerHost(settings)
  // A doc comment is copied as text. More than half of what is read are declarations of Node, and most of these are doc comments.
  host.jsDocParsingMode = ts.JSDocParsingMode.ParseNone
  const program = ts.createProgram(entries, settings, host)
  const declarations = new Map<string, string>()
  const { diagnostics } = program.emit(undefined, (path, text) =>
    declarations.set(declarationName(sources, path), text),
  )
  if (diagnostics.length > 0) throw new Error(ts.formatDiagnostics(diagnostics, host))
  return declarations
}

/** What can be reached from the entries: a file that only an implementation imports is nobody's business. */
function reachable(declarations: ReadonlyMap<string, string>, entries: readonly string[]): ReadonlySet<string> {
  const found = new Set(entries)
  for (const name of found) {
    const text = declarations.get(name)
    if (text === undefined) throw new Error(`${name} is imported by a declaration, and has none of its own`)
    for (const { fileName } of ts.preProcessFile(text).importedFiles) {
      if (fileName.startsWith('.')) found.add(posix.join(dirname(name), fileName.replace(/\.js$/, '')))
    }
  }
  return found
}

function declarationName(sources: string, path: string): string {
  return relative(sources, path)
    .replaceAll('\\', '/')
    .replace(/(\.d)?\.ts$/, '')
}
