/**
 * `npm run test:runtimes [-- node bun deno bundles executable jest]`: the checks in every runtime and setup, or in those of some groups. It
 * prints a table, and ends with 1 if anything does not do what the table of docs/runtimes.md says.
 */
import { parseArgs } from 'node:util'
import { cache } from './packages.js'
import { makeProject } from './project.js'
import { run, surprises } from './run.js'
import { startServers } from './servers.js'
import { type Command, type Setup, setups } from './setups.js'
import { setupTable } from './table.js'

const { positionals } = parseArgs({ allowPositionals: true })
const groups = new Set(setups.map(({ group }) => group))
const unknown = positionals.filter((group) => !groups.has(group))
if (unknown.length > 0) {
  console.error(`there is no group ${unknown.join()}: choose from ${[...groups].join(' ')}`)
  process.exit(2)
}
if (process.platform !== 'linux' || process.arch !== 'x64') {
  console.error('this takes the runtimes for Linux on x64 from npm, so it runs only there')
  process.exit(2)
}

const chosen = setups.filter(({ group }) => positionals.length === 0 || positionals.includes(group))
console.log(`runtimes and tools come from npm, and stay in ${cache}`)
const project = await makeProject()
const found = new Map<string, readonly string[]>()
const commands: [Setup, Command][] = []
// Before the servers are used, because nobody answers while something is built.
for (const setup of chosen) {
  try {
    commands.push([setup, setup.prepare(project)])
  } catch (error) {
    found.set(setup.name, [`cannot be prepared: ${error}`])
  }
}

const world = await startServers(project.data)
async function runNext(): Promise<void> {
  const [setup, command] = commands.shift() ?? []
  if (setup === undefined || command === undefined) return
  found.set(setup.name, surprises(setup, await run(command, project.folder, world)))
  await runNext()
}
// Two at a time, because each waits for the servers now and then.
await Promise.all([runNext(), runNext()])

console.log(`\n${setupTable(chosen)}\n`)
let isAsExpected = true
for (const [name, surprising] of found) {
  for (const surprise of surprising) console.log(`${name}: ${surprise}`)
  if (surprising.length > 0) isAsExpected = false
}
console.log(isAsExpected ? 'all as the table says' : 'not as the table says')
// The servers still listen.
process.exit(isAsExpected ? 0 : 1)
