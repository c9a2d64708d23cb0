/**
 * `npm run test:runtimes [-- node bun deno bundles executable jest]`: the checks in every runtime and setup, or in those of some groups. It
 * prints a table, and ends with 1 if anything does not do what the table of docs/runtimes.md says.
 */
import { parseArgs } from 'node:util'
import { cache } from './packages.js'
import { makeProject } from './project.js'
import { run, surprises } from './run.js'
import { startServers } from './servers.js'
import { setups } from './setups.js'
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
const world = await startServers(project.data)
const faults: string[] = []
for (const setup of chosen) {
  const began = performance.now()
  const found = await run(setup, project, world).then(
    (outcome) => surprises(setup, outcome),
    (error) => [String(error)],
  )
  const seconds = ((performance.now() - began) / 1_000).toFixed(1)
  console.log(
    `${found.length === 0 ? 'as expected' : 'NOT as expected'}: ${setup.name} (${setup.version}), ${seconds} s`,
  )
  for (const surprise of found) console.log(`  ${surprise}`)
  if (found.length > 0) faults.push(setup.name)
}
console.log(`\n${setupTable(chosen)}\n`)
for (const name of faults) console.log(`not as the table says: ${name}`)
// The servers still listen.
process.exit(faults.length === 0 ? 0 : 1)
