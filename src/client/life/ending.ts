/**
 * A call of `end()` that is not finished. First the client drains: no handler starts any more. Handlers that run go on, and may still
 * publish and subscribe; the client waits for the answers to their calls and acknowledges their messages. Then the client says
 * goodbye: it sends DISCONNECT, waits until every byte has left, and the server closes the connection. All of this has to be done
 * within the time-out of the call; at the time-out the socket is destroyed.
 */
import type { Arrival } from '../../protocol/incoming/arrival.js'
import type { Timers } from '../engine/timers.js'

/** The stages of `end()`, in this order. */
type Stage = 'draining' | 'last PUBRELs' | 'goodbye'

/** How long the server may take to answer PUBREC with PUBREL. Without PUBREL, the server sends the message again on the next connection. */
const lastPubrelsMs = 500

/** After DISCONNECT: the longest time in which no output leaves and the server does not close its side of the connection. */
const goodbyeMs = 1_000

export class Ending {
  readonly promise: Promise<void>
  /** The time-out, on the clock of the client. */
  readonly endsAt: number
  readonly #timers: Timers
  readonly #resolve: () => void
  #stage: Stage = 'draining'
  /** The arrivals whose handlers called `end()` before their first `await`. The client does not wait for these handlers. */
  readonly #callers = new Set<Arrival>()
  /** The number of handlers and loops that called `end()` after an `await`. The client assumes that each of them awaits `end()`. */
  #waitingHandlers = 0

  constructor(timers: Timers, timeoutMs: number, timedOut: () => void) {
    let resolve = () => {}
    this.promise = new Promise<void>((resolvePromise) => {
      resolve = resolvePromise
    })
    this.#resolve = resolve
    this.#timers = timers
    this.endsAt = timers.now() + timeoutMs
    timers.start('end', timeoutMs, timedOut)
  }

  get stage(): Stage {
    return this.#stage
  }

  /** The program has called `end()`: in the handler of this arrival, in a handler or a loop after an `await`, or elsewhere. */
  calledFrom(caller: Arrival | 'a handler' | 'elsewhere'): void {
    if (caller === 'a handler') this.#waitingHandlers += 1
    else if (caller !== 'elsewhere') this.#callers.add(caller)
  }

  /** The number of running handlers for which the client does not wait. */
  get handlersNotWaitedFor(): number {
    let running = this.#waitingHandlers
    for (const { progress } of this.#callers) if (progress === 'running') running += 1
    return running
  }

  /** Sets the time limit for the last PUBRELs, at the first call. */
  awaitPubrels(timedOut: () => void): void {
    if (this.#stage !== 'draining') return
    this.#stage = 'last PUBRELs'
    this.#timers.start('last PUBRELs', lastPubrelsMs, timedOut)
  }

  /** `isStuck` is called each second. It returns true if no output has left since the last call. */
  sayGoodbye(isStuck: () => boolean, timedOut: () => void): void {
    this.#stage = 'goodbye'
    this.#timers.stop('last PUBRELs')
    const check = () => {
      if (isStuck()) timedOut()
      else this.#timers.start('goodbye', goodbyeMs, check)
    }
    this.#timers.start('goodbye', goodbyeMs, check)
  }

  done(): void {
    this.#resolve()
  }
}
