import type { Arrival } from '../../protocol/incoming/arrival.js'
import type { Timers } from '../engine/timers.js'

/** How far a call of `end()` has come. */
type Stage = 'finishing' | 'last-handlers' | 'goodbye'

/**
 * How long handlers may still run once everything of ours has been acknowledged. A handler that awaits `end()` itself
 * cannot end before; when it called `end()` in its first turn it is known and not waited for, later it looks like any other.
 */
const lastHandlersMs = 500

/** How long the server may take to close its side after DISCONNECT. */
const goodbyeMs = 1_000

/** A call of `end()` under way: first what is in flight finishes, then handlers get a moment, then goodbye is said. */
export class Ending {
  readonly promise: Promise<void>
  /** The arrival whose handler called `end()`: it is not waited for. */
  readonly caller: Arrival | undefined
  readonly #resolve: () => void
  #stage: Stage = 'finishing'
  readonly #timers: Timers

  constructor(timers: Timers, timeoutMs: number, caller: Arrival | undefined, timedOut: () => void) {
    let resolve = () => {}
    this.promise = new Promise<void>((settle) => {
      resolve = settle
    })
    this.#resolve = resolve
    this.caller = caller
    this.#timers = timers
    timers.start('end', timeoutMs, timedOut)
  }

  get stage(): Stage {
    return this.#stage
  }

  awaitHandlers(timedOut: () => void): void {
    if (this.#stage !== 'finishing') return
    this.#stage = 'last-handlers'
    this.#timers.start('last handlers', lastHandlersMs, timedOut)
  }

  sayGoodbye(timedOut: () => void): void {
    this.#stage = 'goodbye'
    this.#timers.stop('end')
    this.#timers.stop('last handlers')
    this.#timers.start('goodbye', goodbyeMs, timedOut)
  }

  done(): void {
    this.#resolve()
  }
}
