/**
 * Which tests could notice a mutant: those of its folder that reach its place, the quick ones first. Of those that are equally quick,
 * the ones of its own room come first, since they mostly notice.
 */
import { readdirSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { Mutant } from './mutants.js'
import { type Probed, probesAt } from './reach.js'
import { type Measured, root } from './trial.js'

export const folders = ['codec', 'protocol', 'client', 'store', 'transport', 'explain', 'aliyun', 'cli'] as const
type Folder = (typeof folders)[number]

/** Tests of other folders that see what their own do not. */
const others: Readonly<Record<Folder, readonly string[]>> = {
  // What a decoder holds in memory is measured there.
  codec: ['test/fuzz/fuzz.test.ts'],
  protocol: [],
  client: [],
  store: ['test/client/engine/before-the-store-opens.test.ts', 'test/client/engine/session-store.test.ts'],
  // How long addresses are tried, and which failures end a client, show over several attempts.
  transport: ['test/client/life/connect.test.ts', 'test/client/life/reconnect.test.ts'],
  explain: [],
  // How the command signs and registers, and what its emulator of the platform answers.
  aliyun: ['test/cli/platform-server.test.ts', 'test/cli/platform.test.ts'],
  cli: ['test/aliyun/platform-emulator.test.ts'],
}

/** They start processes that load the sources and may be killed: what is reached there is not measured. */
const startProcesses: Readonly<Record<Folder, readonly string[]>> = {
  codec: [],
  protocol: [],
  client: ['test/client/life/process.test.ts'],
  store: ['test/store/directory-lock.test.ts'],
  transport: [],
  explain: [],
  aliyun: [],
  cli: [],
}

/** How much quicker a test of another room has to be to come before one of the own room. */
const NEAR_FACTOR = 4

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

/** All tests of a folder. */
export function testsOf(folder: Folder): readonly string[] {
  return [...filesIn(`test/${folder}`, '.test.ts'), ...others[folder]]
}

export function testsFor(mutant: Mutant, probed: Probed, { reach, durations }: Measured): readonly string[] {
  const folder = folderOf(mutant.file)
  const room = dirname(mutant.file).replace(/^src/, 'test')
  const name = basename(mutant.file, '.ts')
  const probes = probesAt(probed, mutant.start, mutant.end)
  const isReached = (test: string) =>
    probes.length === 0 || startProcesses[folder].includes(test) || probes.some((id) => reach.get(test)?.has(id))
  const cost = (test: string) => {
    const isNear = basename(test) === `${name}.test.ts` || dirname(test) === room
    return (durations.get(test)?.ms ?? 0) / (isNear ? NEAR_FACTOR : 1)
  }
  return testsOf(folder)
    .filter(isReached)
    .toSorted((a, b) => cost(a) - cost(b))
}
