/**
 * Calls of `ping()` that wait. A PINGRESP has no identifier: it answers the oldest PINGREQ of its connection that none has answered. So
 * each call knows the number of its own PINGREQ, beside those of Keep Alive, and is over with the PINGRESP of that number.
 *
 * Each of them settles: by PINGRESP, when its time is up, when its signal fires, or with its connection, whichever comes first. None of
 * that harms the connection; whether the server still lives is for Keep Alive to say.
 */
import { ConnectionLostError, TimeoutError } from '../../errors.js'
import { type Abortable, signalWatches } from '../waiting/signal-watches.js'

/** How long one of them may wait. */
export interface PingSettings {
  /** Milliseconds. */
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

export class Pings {
  /** In the order of their PINGREQs. */
  readonly #waits = new Set<PingWait>()

  /** Waits from `now` on for the answer to a PINGREQ; resolves with the milliseconds that it took. */
  wait(pingreq: number, now: number, settings: PingSettings): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#waits.add(new PingWait(pingreq, now, settings, resolve, reject, (wait) => this.#waits.delete(wait)))
    })
  }

  /** So many PINGREQs of the connection are answered. */
  answered(pingresps: number, now: number): void {
    for (const wait of [...this.#waits]) if (wait.pingreq <= pingresps) wait.answered(now)
  }

  /** When `expire` has something to do; Infinity if nobody waits. */
  get deadline(): number {
    let deadline = Number.POSITIVE_INFINITY
    for (const wait of this.#waits) deadline = Math.min(deadline, wait.deadline)
    return deadline
  }

  expire(now: number): void {
    for (const wait of [...this.#waits]) if (wait.deadline <= now) wait.expired()
  }

  /** There is no connection any more on which they could be answered. */
  lost(): void {
    for (const wait of [...this.#waits]) {
      wait.aborted(new ConnectionLostError('the connection ended before PINGRESP came', { reason: 'closed' }))
    }
  }
}

class PingWait implements Abortable {
  readonly pingreq: number
  readonly deadline: number
  readonly #since: number
  readonly #settings: PingSettings
  readonly #resolve: (milliseconds: number) => void
  readonly #reject: (reason: unknown) => void
  readonly #leave: (wait: PingWait) => void

  constructor(
    pingreq: number,
    now: number,
    settings: PingSettings,
    resolve: (milliseconds: number) => void,
    reject: (reason: unknown) => void,
    leave: (wait: PingWait) => void,
  ) {
    this.pingreq = pingreq
    this.deadline = now + settings.timeoutMs
    this.#since = now
    this.#settings = settings
    this.#resolve = resolve
    this.#reject = reject
    this.#leave = leave
    if (settings.signal !== undefined) signalWatches.add(settings.signal, this)
  }

  answered(now: number): void {
    this.#end()
    this.#resolve(now - this.#since)
  }

  expired(): void {
    const { timeoutMs } = this.#settings
    this.aborted(
      new TimeoutError(`the server has not sent PINGRESP within ${timeoutMs} ms (timeoutMs of ping)`, {
        operation: 'ping',
        timeoutMs,
      }),
    )
  }

  aborted(reason: unknown): void {
    this.#end()
    this.#reject(reason)
  }

  #end(): void {
    this.#leave(this)
    if (this.#settings.signal !== undefined) signalWatches.delete(this.#settings.signal, this)
  }
}
