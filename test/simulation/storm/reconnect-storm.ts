/**
 * A hundred thousand clients lose one server in the same instant, and each comes back by the back-off of the library. All three
 * strategies run through the same code: one without jitter is one that always draws the longest wait. Time passes in
 * milliseconds; the clients that are due in one form a chain.
 */
import { type BackoffState, endAttempt, initialBackoff, nextDelayMs } from '../../../src/client/life/backoff.js'
import { backoffEntries, settingsFrom, stableAfterMs } from '../../../src/client/options/entries.js'
import type { BackoffSettings } from '../../../src/client/options/reconnect.js'
import { SeededRandom } from '../seeded-random.js'

export interface Outage {
  readonly seed: number
  readonly clients: number
  /** No attempt succeeds before. */
  readonly outageMs: number
  /** Connections that the server takes in one second; it turns away the others. */
  readonly acceptsPerSecond: number
}

export interface Strategy {
  readonly name: string
  readonly backoff: BackoffSettings
  readonly jitter: 'full' | 'none'
}

export interface Storm {
  readonly strategy: Strategy
  /** Attempts in each second since the connections were lost. */
  readonly attempts: readonly number[]
  /** Seconds from the end of the outage until 99 % of the clients are back. */
  readonly backAfterSeconds: number
}

const ours: BackoffSettings = { ...settingsFrom(backoffEntries, {}), stableAfterMs }

export const strategies: readonly [Strategy, Strategy, Strategy] = [
  { name: 'mqtt311: 1 to 60 s, full jitter', backoff: ours, jitter: 'full' },
  { name: '1 to 60 s, doubling, no jitter', backoff: ours, jitter: 'none' },
  { name: 'every second', backoff: { ...ours, maxDelayMs: ours.minDelayMs, factor: 1 }, jitter: 'none' },
]

/** The greatest number below 1 draws the longest wait. */
const longest = () => 1 - 2 ** -53

export function reconnectStorm(strategy: Strategy, outage: Outage): Storm {
  const { clients, outageMs, acceptsPerSecond } = outage
  const random = strategy.jitter === 'full' ? new SeededRandom(outage.seed).next : longest
  const due = new DueClients(clients)
  const states: BackoffState[] = []
  const waitFor = (client: number, state: BackoffState, nowMs: number): void => {
    states[client] = state
    const delayMs = nextDelayMs(state, strategy.backoff, nowMs, random)
    if (delayMs !== undefined) due.add(client, nowMs + delayMs)
  }
  const lost = endAttempt(initialBackoff, strategy.backoff, {
    kind: 'disconnected',
    upForMs: strategy.backoff.stableAfterMs,
    harmful: false,
  })
  for (let client = 0; client < clients; client += 1) waitFor(client, lost, 0)
  const attempts: number[] = []
  let back = 0
  let acceptedInSecond = 0
  let backAfterSeconds = Infinity
  for (let nowMs = 0; back < clients; nowMs += 1) {
    if (nowMs % 1_000 === 0) {
      attempts.push(0)
      acceptedInSecond = 0
    }
    for (let client = due.take(nowMs); client !== undefined; client = due.take(nowMs)) {
      attempts[attempts.length - 1] = (attempts.at(-1) ?? 0) + 1
      if (nowMs < outageMs || acceptedInSecond >= acceptsPerSecond) {
        const failed = endAttempt(states[client] ?? lost, strategy.backoff, { kind: 'failed', nextWait: 'jittered' })
        waitFor(client, failed, nowMs)
        continue
      }
      acceptedInSecond += 1
      back += 1
      if (back >= 0.99 * clients) backAfterSeconds = Math.min(backAfterSeconds, (nowMs - outageMs) / 1_000)
    }
  }
  return { strategy, attempts, backAfterSeconds }
}

/** Which clients try next, by the millisecond. */
class DueClients {
  /** By millisecond: one client, and from there on the next by client. */
  readonly #first = new Map<number, number>()
  readonly #next: Int32Array

  constructor(clients: number) {
    this.#next = new Int32Array(clients)
  }

  add(client: number, atMs: number): void {
    this.#next[client] = this.#first.get(atMs) ?? -1
    this.#first.set(atMs, client)
  }

  take(atMs: number): number | undefined {
    const client = this.#first.get(atMs)
    if (client === undefined) return undefined
    const next = this.#next[client] ?? -1
    if (next < 0) this.#first.delete(atMs)
    else this.#first.set(atMs, next)
    return client
  }
}

export interface Attempts {
  readonly peak: number
  readonly mean: number
}

/** Attempts a second, in the seconds from one to before another; the mean ends with the last attempt. */
export function attemptsBetween({ attempts }: Storm, fromSecond: number, toSecond: number): Attempts {
  const part = attempts.slice(fromSecond, toSecond)
  return { peak: Math.max(0, ...part), mean: part.reduce((sum, count) => sum + count, 0) / Math.max(1, part.length) }
}
