/** A tree of sources: its files, its folders, and how full they are. */
import { readdirSync, readFileSync } from 'node:fs'
import type { SourceFile } from './source-imports.js'

const root = new URL('../../', import.meta.url)

/** The paths of the files below a folder of the repository whose names end so, from the root and with slashes. */
export function pathsUnder(folder: string, ending: string): string[] {
  return readdirSync(new URL(`${folder}/`, root), { recursive: true, encoding: 'utf8' })
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .filter((path) => path.endsWith(ending))
}

/** Every source file below a folder of the repository, with its text. */
export function sourceFiles(folder = 'src'): SourceFile[] {
  return pathsUnder(folder, '.ts').map((path) => ({ path, text: readFileSync(new URL(path, root), 'utf8') }))
}

/** The lines of a file, as `wc -l` counts them. */
export function linesOf({ text }: SourceFile): number {
  return text.split('\n').length - 1
}

/** The files that have more lines than that. */
export function filesAbove(lines: number, files: readonly SourceFile[]): string[] {
  return files.filter((file) => linesOf(file) > lines).map(({ path }) => path)
}

/** The files that have fewer lines than that. An `index.ts` only lists what a folder gives. */
export function filesBelow(lines: number, files: readonly SourceFile[]): string[] {
  return files.filter((file) => !file.path.endsWith('/index.ts') && linesOf(file) < lines).map(({ path }) => path)
}

/** The folders that have more entries than that, files and folders alike. */
export function foldersAbove(entries: number, files: readonly SourceFile[]): string[] {
  return [...entriesByFolder(files)].filter(([, count]) => count > entries).map(([folder]) => folder)
}

/** How many entries each folder has. */
export function entriesByFolder(files: readonly SourceFile[]): ReadonlyMap<string, number> {
  const entries = new Map<string, Set<string>>()
  for (const { path } of files) {
    const parts = path.split('/')
    for (let depth = 1; depth < parts.length; depth += 1) {
      const folder = parts.slice(0, depth).join('/')
      const names = entries.get(folder) ?? new Set()
      entries.set(folder, names.add(parts[depth] ?? ''))
    }
  }
  return new Map([...entries].map(([folder, names]) => [folder, names.size]))
}
