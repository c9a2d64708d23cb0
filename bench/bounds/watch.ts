/** What a piece of work costs the process that does it: processor time, the worst turn of the event loop, memory. */
import { openSync, readSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { forgetPeak, resident } from '../measure/resident.js'

export interface Cost {
  /** Processor time of all threads. */
  readonly cpuMs: number
  /** The most processor time of the main thread between two moments at which a timer could fire. */
  readonly worstTurnMs: number
  /** Resident memory at the peak, above what was held before. */
  readonly peakBytes: number
  /** Heap and buffers after garbage collection, above what was held before. */
  readonly keptBytes: number
}

/**
 * Looks at the clock as often as the event loop lets a timer fire. The clock is that of the main thread, as Linux counts it: what
 * other programs take of the processor makes no turn longer.
 */
class Turns {
  readonly #file = openSync('/proc/self/schedstat', 'r')
  readonly #bytes = Buffer.alloc(64)
  readonly #timer = setInterval(() => this.#look(), 1)
  #last = this.#ran()
  worstMs = 0

  /** Nanoseconds for which the main thread has run. */
  #ran(): number {
    readSync(this.#file, this.#bytes, 0, this.#bytes.length, 0)
    return Number.parseInt(this.#bytes.toString('latin1'), 10)
  }

  #look(): void {
    const ran = this.#ran()
    this.worstMs = Math.max(this.worstMs, (ran - this.#last) / 1e6)
    this.#last = ran
  }

  async stop(): Promise<void> {
    // The last turn counts when the next timer has fired.
    await pause(5)
    clearInterval(this.#timer)
  }
}

/** Bytes that something reaches, and no garbage. */
async function held(): Promise<number> {
  for (let round = 0; round < 2; round += 1) {
    await pause(10)
    globalThis.gc?.()
  }
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** What `work` costs until its promise resolves; undefined if it asks for another beginning. */
export async function costOf(work: () => Promise<unknown>): Promise<Cost | undefined> {
  const heldBefore = await held()
  const residentBefore = forgetPeak()
  const turns = new Turns()
  const before = process.cpuUsage()
  const outcome = await work()
  const { user, system } = process.cpuUsage(before)
  await turns.stop()
  if (outcome === 'again') return undefined
  const peakBytes = resident().peak - residentBefore
  return {
    cpuMs: (user + system) / 1_000,
    worstTurnMs: turns.worstMs,
    peakBytes,
    keptBytes: (await held()) - heldBefore,
  }
}
