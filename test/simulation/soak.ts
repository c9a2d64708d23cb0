/**
 * `npm run soak [-- --minutes 5]`: a client under load over TCP whose connection is cut every few seconds. `-- --virtual [--minutes 60]`:
 * the same in the simulation, in virtual time. Both print the heap over time, and end with 1 if it has grown or anything is
 * left over.
 */
import { parseArgs } from 'node:util'
import { growthBytesMax, type HeapRecord } from './soak/heap-record.js'
import { realSoak } from './soak/real-soak.js'
import { virtualSoak } from './soak/virtual-soak.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seed: { type: 'string', default: '1' },
    virtual: { type: 'boolean', default: false },
  },
})
const seed = Number(values.seed)

function report(story: string, heap: HeapRecord, faults: readonly string[]): void {
  console.log(`${story}\n${heap}`)
  for (const fault of faults) console.error(fault)
  process.exitCode = faults.length === 0 && heap.growthBytes <= growthBytesMax ? 0 : 1
}

if (values.virtual) {
  const startedAt = performance.now()
  const { run, heap } = await virtualSoak(seed, Number(values.minutes ?? '60'))
  const { world, virtualMs, connections, faults } = run
  report(
    `${(virtualMs / 60_000).toFixed(1)} virtual minutes in ${((performance.now() - startedAt) / 1_000).toFixed(1)} s: ` +
      `${world.outgoing.length} messages out, ${world.incoming.length} in, ${connections} connections`,
    heap,
    faults,
  )
} else {
  const { story, heap, faults } = await realSoak(seed, Number(values.minutes ?? '5'))
  report(story, heap, faults)
}
