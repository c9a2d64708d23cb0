/** `npm run simulate -- --seeds 1000 [--from 1]`, or `--seed 17` for one run. */
import { parseArgs } from 'node:util'
import { simulate } from './world/simulation.js'

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
  },
})
const from = Number(values.seed ?? values.from)
const seeds = values.seed === undefined ? Number(values.seeds) : 1
const startedAt = performance.now()
let virtualMs = 0
let connections = 0
let crashes = 0
let failed = 0
for (let seed = from; seed < from + seeds; seed += 1) {
  const run = await simulate(seed)
  virtualMs += run.virtualMs
  connections += run.connections
  crashes += run.crashes
  if (run.faults.length > 0 || values.seed !== undefined) console.log(JSON.stringify(run.world))
  for (const fault of run.faults) console.log(`seed ${seed}: ${fault}`)
  if (run.faults.length > 0) failed += 1
}
const seconds = (performance.now() - startedAt) / 1000
console.log(
  `${seeds} seeds, ${(virtualMs / 3_600_000).toFixed(1)} hours of virtual time, ${connections} connections, ${crashes} crashes, ` +
    `${failed} failed, in ${seconds.toFixed(1)} s`,
)
process.exitCode = failed === 0 ? 0 : 1
