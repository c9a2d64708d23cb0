/** What one seed makes of the world: who talks how much, and what goes wrong how often. Chosen anew for each seed (swarm). */
import type { QoS } from '../../../src/codec/control-packet.js'
import type { SeededRandom } from '../seeded-random.js'

export interface World {
  readonly seed: number
  readonly outgoing: readonly QoS[]
  readonly incoming: readonly QoS[]
  /** Whether messages start at times drawn from the trouble, or one after the other at even distances. */
  readonly traffic: 'scattered' | 'steady'
  /** Milliseconds of virtual time in which things go wrong; after it they do not. */
  readonly troubleMs: number
  /** Milliseconds that a piece takes over the link, at most. */
  readonly delayMs: number
  /** Bytes in one piece, at most. */
  readonly pieceBytes: number
  /** Chances, for each piece that is sent. */
  readonly cut: number
  readonly halfOpen: number
  /** Chances, for each CONNECT. */
  readonly loseSession: number
  readonly refuse: number
  /** Times at which the process is killed, or the machine loses its power. */
  readonly crashesAtMs: readonly number[]
  readonly crash: 'kill' | 'power'
  readonly fsync: 'always' | 'never'
  /** Milliseconds that a write to the disk takes, at most. */
  readonly diskMs: number
  /** Milliseconds that a handler takes, at most; 0 for one that ends at once. */
  readonly handlerMs: number
  readonly maxInFlight: number
  readonly receiveWindow: number
  readonly keepAlive: number
  readonly store: 'file' | 'memory'
  readonly serverTakes: 'at-publish' | 'at-pubrel'
}

const levels: readonly [number, ...number[]] = [0, 0, 0.01, 0.05, 0.15]

export function makeWorld(seed: number, random: SeededRandom): World {
  const store = random.pick<World['store']>(['file', 'file', 'memory'])
  const crash = random.pick<World['crash']>(['kill', 'power'])
  const troubleMs = 1_000 * (5 + random.below(60))
  const qos = (): QoS => random.pick([0, 1, 1, 2, 2])
  return {
    seed,
    outgoing: Array.from({ length: random.below(40) }, qos),
    incoming: Array.from({ length: random.below(25) }, () => random.pick([1, 2])),
    traffic: 'scattered',
    troubleMs,
    delayMs: random.pick([1, 20, 300, 2_000]),
    pieceBytes: random.pick([1, 3, 16, 1_000]),
    cut: random.pick(levels) / 5,
    halfOpen: random.pick(levels) / 20,
    loseSession: random.pick([0, 0, 0.1, 0.3]),
    refuse: random.pick([0, 0, 0.2]),
    crashesAtMs: store === 'memory' ? [] : Array.from({ length: random.below(4) }, () => random.below(troubleMs)),
    crash,
    // Without fsync a power failure may take what had been stored: only the death of the process is survived then.
    fsync: crash === 'power' ? 'always' : random.pick(['always', 'never']),
    diskMs: random.pick([0, 5, 100]),
    handlerMs: random.pick([0, 10, 500, 5_000]),
    maxInFlight: random.pick([1, 2, 10, 100]),
    receiveWindow: random.pick([1, 2, 64]),
    keepAlive: random.pick([5, 20]),
    store,
    serverTakes: random.pick(['at-publish', 'at-pubrel']),
  }
}
