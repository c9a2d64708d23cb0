/** Virtual hours of steady traffic at every QoS over links that break twice a minute, with the heap measured each minute. */
import type { QoS } from '../../../src/codec/control-packet.js'
import { SeededRandom } from '../seeded-random.js'
import { type Run, simulateWorld } from '../world/simulation.js'
import type { World } from '../world/world.js'
import { HeapRecord } from './heap-record.js'

export interface VirtualSoak {
  readonly run: Run
  readonly heap: HeapRecord
}

const levels: readonly [QoS, QoS, QoS] = [0, 1, 2]

function soakWorld(seed: number, minutes: number, random: SeededRandom): World {
  const perMinute = 120
  return {
    seed,
    outgoing: Array.from({ length: perMinute * minutes }, () => random.pick(levels)),
    incoming: Array.from({ length: perMinute * minutes }, () => random.pick([1, 2])),
    traffic: 'steady',
    troubleMs: 60_000 * minutes,
    delayMs: 20,
    pieceBytes: 1_000,
    // Some two cuts a minute: what was lost by one is sent again before the next, so that nothing piles up.
    cut: 0.003,
    halfOpen: 0.0005,
    // The server keeps receipts in each session, to check its client; it is to lose them now and then.
    loseSession: 0.1,
    refuse: 0.02,
    crashesAtMs: [],
    crash: 'kill',
    fsync: 'always',
    diskMs: 5,
    handlerMs: 10,
    maxInFlight: 20,
    receiveWindow: 64,
    keepAlive: 5,
    store: 'file',
    serverTakes: 'at-publish',
  }
}

/**
 * The seed is run twice. The reference server keeps every packet that it has ever named; in the second run, which is the same
 * again, it names no new one, and what grows then is not its table.
 */
export async function virtualSoak(seed: number, minutes: number): Promise<VirtualSoak> {
  const first = new SeededRandom(seed)
  await simulateWorld(soakWorld(seed, minutes, first), first, {})
  const again = new SeededRandom(seed)
  const heap = new HeapRecord()
  const run = await simulateWorld(soakWorld(seed, minutes, again), again, { eachMinute: () => heap.measure() })
  return { run, heap }
}
