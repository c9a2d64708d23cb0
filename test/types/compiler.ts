/**
 * The compiler, asked several times about one package. A question costs most in the reading of what is always the same: the
 * declarations of the language, of Node and of the package. Each of them is read once, and once more for each kind of module that it
 * can be.
 */
import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { expect } from 'vitest'

const root = fileURLToPath(new URL('../..', import.meta.url))
const programs = fileURLToPath(new URL('./programs/', import.meta.url))

/** The programs of users, without extension. */
export const programNames: readonly string[] = readdirSync(programs).map((name) => name.replace(/\.ts$/, ''))

/** What the language and Node offer to the programs here. All questions have it in common, so that what was read can be kept. */
const common: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  lib: ['lib.es2023.d.ts', 'lib.esnext.disposable.d.ts'],
  types: ['node'],
  typeRoots: [join(root, 'node_modules/@types')],
}

const kept = new Map<string, ts.SourceFile>()

/** Lets go of what was read, which is a good part of the heap of this process. */
export function forgetFiles(): void {
  kept.clear()
}

/** Nobody asks for the doc comments of TypeScript and of Node. As `tsc` does, it reads those that an error can come from. */
function withDocs(path: string, how: ts.ScriptTarget | ts.CreateSourceFileOptions): typeof how {
  if (typeof how !== 'object' || !path.startsWith(join(root, 'node_modules'))) return how
  return { ...how, jsDocParsingMode: ts.JSDocParsingMode.ParseForTypeErrors }
}

/** A program of these files. Each file is read once for all programs. */
export function programOf(files: readonly string[], settings: ts.CompilerOptions): ts.Program {
  const options = { ...common, ...settings }
  const host = ts.createCompilerHost(options)
  const { getSourceFile } = host
  host.getSourceFile = (path, how, ...rest) => {
    const { impliedNodeFormat } = typeof how === 'object' ? how : {}
    const key = `${path} ${impliedNodeFormat}`
    const file = kept.get(key) ?? getSourceFile(path, withDocs(path, how), ...rest)
    if (file !== undefined) kept.set(key, file)
    return file
  }
  return ts.createProgram(files, options, host)
}

/**
 * Compiles the programs as files of these kinds beside the package in `project`, and gives the complaints of the compiler about
 * them and about the package. `skipLibCheck` would skip the declarations of the package too; those of TypeScript and of Node are
 * left out by hand.
 */
export function complaintsAbout(
  project: string,
  extensions: readonly ('mts' | 'cts')[],
  settings: ts.CompilerOptions,
): string[] {
  const files = extensions.flatMap((extension) => copyPrograms(join(project, extension), extension))
  const program = programOf(files, {
    strict: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
    skipLibCheck: false,
    noEmit: true,
    ...settings,
  })
  const ours = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(project))
  // Those that all entry points lead to; fewer would mean that the compiler did not find the package.
  expect(ours.length).toBeGreaterThan(files.length + 40)
  const diagnostics = [
    ...program.getConfigFileParsingDiagnostics(),
    ...program.getOptionsDiagnostics(),
    ...program.getGlobalDiagnostics(),
    ...ours.flatMap((file) => [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)]),
  ]
  return diagnostics.map((diagnostic) => {
    const place = diagnostic.file === undefined ? '' : `${diagnostic.file.fileName.slice(project.length)}: `
    return place + ts.flattenDiagnosticMessageText(diagnostic.messageText, '\n')
  })
}

/** Gives the paths of the copies. */
function copyPrograms(directory: string, extension: string): string[] {
  mkdirSync(directory, { recursive: true })
  return programNames.map((name) => {
    const copy = join(directory, `${name}.${extension}`)
    copyFileSync(join(programs, `${name}.ts`), copy)
    return copy
  })
}
