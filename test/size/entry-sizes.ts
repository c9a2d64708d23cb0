/** What each entry point of the package costs a program that is bundled: one minified file, compressed by gzip. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'

const root = new URL('../../', import.meta.url)

/** Each entry point and the file that it is built from. */
const entries: Readonly<Record<string, string>> = {
  mqtt311: 'src/index.ts',
  'mqtt311/codec': 'src/codec/index.ts',
  'mqtt311/protocol': 'src/protocol/index.ts',
  'mqtt311/store': 'src/store/index.ts',
  'mqtt311/store/testing': 'src/store/testing/index.ts',
  'mqtt311/testing': 'src/testing/index.ts',
  'mqtt311/servers': 'src/servers/index.ts',
  'mqtt311/aliyun': 'src/aliyun/index.ts',
  'mqtt311/explain': 'src/explain/index.ts',
}

export interface EntrySize {
  readonly entry: string
  readonly minifiedBytes: number
  readonly gzippedBytes: number
  /** The most that it may have after gzip. Absent if the table does not know the entry. */
  readonly budgetBytes: number | undefined
}

/** Bytes after gzip for each entry point, as the budget in the repository says. */
export function sizeBudget(): Readonly<Record<string, number>> {
  return JSON.parse(readFileSync(new URL('fixtures/size-budget.json', root), 'utf8'))
}

/** What a bundler makes of a source and all that it imports. */
export async function bundleSize(source: string): Promise<Pick<EntrySize, 'minifiedBytes' | 'gzippedBytes'>> {
  const { outputFiles } = await build({
    entryPoints: [source],
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    write: false,
    logLevel: 'silent',
  })
  const [file] = outputFiles
  if (file === undefined) throw new Error(`${source} gave no bundle`)
  return { minifiedBytes: file.contents.length, gzippedBytes: gzipSync(file.contents, { level: 9 }).length }
}

/** Bundles all entry points. Takes about a second. */
export async function entrySizes(): Promise<EntrySize[]> {
  const budget = sizeBudget()
  const sizes: EntrySize[] = []
  for (const [entry, source] of Object.entries(entries)) {
    const bundle = await bundleSize(fileURLToPath(new URL(source, root)))
    sizes.push({ entry, ...bundle, budgetBytes: budget[entry] })
  }
  return sizes
}
