/**
 * A call of `end()` under way. It drains: no handler starts any more, those that run go on, and may still publish and subscribe; what
 * they asked for is answered, what they handled is acknowledged. Then goodbye is said: DISCONNECT, everything written leaves, and the
 * server closes. All of that is done within the time-out of the call, at which the socket is destroyed.
 */
import type { Arrival } from '../../protocol/incoming/arrival.js'
import type { Timers } from '../engine/timers.js'

/** How far it has come. */
type Stage = 'draining' | 'last PUBRELs' | 'goodbye'

/** How long the server may take to answer PUBREC: without PUBREL it would send the message again to the next connection. */
const lastPubrelsMs = 500

/** How long the server may take to close its side, and how long output may stand still, after DISCONNECT. */
const goodbyeMs = 1_000

export class Ending {
  readonly promise: Promise<void>
  /** On the clock of the client. */
  readonly endsAt: number
  readonly #timers: Timers
  readonly #resolve: () => void
  #stage: Stage = 'draining'
  /** Handlers on whose call stack `end()` was called. They are not waited for as long as they run. */
  readonly #callers = new Set<Arrival>()
  /** Other handlers and loops that have called it, after an await. Each of them is taken for one that awaits it. */
  #waitingHandlers = 0

  constructor(timers: Timers, timeoutMs: number, timedOut: () => void) {
    let resolve = () => {}
    this.promise = new Promise<void>((settle) => {
      resolve = settle
    })
    this.#resolve = resolve
    this.#timers = timers
    this.endsAt = timers.now() + timeoutMs
    timers.start('end', timeoutMs, timedOut)
  }

  get stage(): Stage {
    return this.#stage
  }

  /** Somebody has called `end()`: from the handler of this arrival, from another handler or loop after an await, or from elsewhere. */
  calledFrom(caller: Arrival | 'a handler' | 'elsewhere'): void {
    if (caller === 'a handler') this.#waitingHandlers += 1
    else if (caller !== 'elsewhere') this.#callers.add(caller)
  }

  /** How many handlers that run need not be waited for. */
  get handlersNotWaitedFor(): number {
    let running = this.#waitingHandlers
    for (const { progress } of this.#callers) if (progress === 'running') running += 1
    return running
  }

  awaitPubrels(timedOut: () => void): void {
    if (this.#stage !== 'draining') return
    this.#stage = 'last PUBRELs'
    this.#timers.start('last PUBRELs', lastPubrelsMs, timedOut)
  }

  /** `isStuck` is asked each second: whether nothing of what was written has left since it was asked before. */
  sayGoodbye(isStuck: () => boolean, timedOut: () => void): void {
    this.#stage = 'goodbye'
    this.#timers.stop('last PUBRELs')
    const look = () => {
      if (isStuck()) timedOut()
      else this.#timers.start('goodbye', goodbyeMs, look)
    }
    this.#timers.start('goodbye', goodbyeMs, look)
  }

  done(): void {
    this.#resolve()
  }
}
