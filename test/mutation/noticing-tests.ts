/**
 * Which tests could notice a mutant, in groups: those of its own room first, since they mostly do and take no time; then the
 * others of its folder; the slow ones only for what all of them have let live.
 */
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { TestGroup } from './trial.js'
import { root } from './trial.js'

export const folders = ['codec', 'protocol', 'client', 'store', 'transport'] as const
type Folder = (typeof folders)[number]

/** Named by how their paths end. They take seconds. */
const slowTests = [
  'round-trip',
  'utf8',
  'differential',
  'random-sequences',
  'stored-session',
  'packet-identifiers',
  'life/process',
  'publish/queue',
  'ten-thousand-reconnects',
  'deliver/topic-router',
  'client/aedes',
  'store-suite',
  'journal-recovery',
  'session-stores',
  'directory-lock',
  'socket-transport',
  'fuzz',
]

/** Tests of other folders that see what their own do not. */
const others: Readonly<Record<Folder, readonly string[]>> = {
  // What a decoder holds in memory is measured there.
  codec: ['test/fuzz/fuzz.test.ts'],
  protocol: [],
  client: [],
  store: ['test/client/engine/session-store.test.ts'],
  transport: ['test/client/life/connect.test.ts'],
}

function filesIn(folder: string, ending: string): readonly string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending))
    .map((name) => `${folder}/${name.replaceAll('\\', '/')}`)
    .sort()
}

export function folderOf(file: string): Folder {
  const folder = folders.find((name) => file.startsWith(`src/${name}/`))
  if (folder === undefined) throw new Error(`${file} is in no folder that is mutated`)
  return folder
}

export function sourcesOf(folder: Folder): readonly string[] {
  return filesIn(`src/${folder}`, '.ts')
}

function isSlow(test: string): boolean {
  return slowTests.some((name) => test.endsWith(`/${name}.test.ts`))
}

function groups(tests: readonly string[], isNear: (test: string) => boolean): readonly TestGroup[] {
  const quick = tests.filter((test) => !isSlow(test))
  return [
    { files: quick.filter(isNear), pace: 'quick' } as const,
    { files: quick.filter((test) => !isNear(test)), pace: 'quick' } as const,
    { files: tests.filter(isSlow), pace: 'slow' } as const,
  ].filter(({ files }) => files.length > 0)
}

/** All tests of a folder. */
export function testsOf(folder: Folder): readonly TestGroup[] {
  return groups([...filesIn(`test/${folder}`, '.test.ts'), ...others[folder]], () => true)
}

/** The same tests for one source file, the nearest first. */
export function testsFor(source: string): readonly TestGroup[] {
  const folder = folderOf(source)
  const room = dirname(source).replace(/^src/, 'test')
  const name = basename(source, '.ts')
  const isNear = (test: string) =>
    basename(test) === `${name}.test.ts` || (room !== `test/${folder}` && dirname(test) === room)
  return groups([...filesIn(`test/${folder}`, '.test.ts'), ...others[folder]], isNear)
}
