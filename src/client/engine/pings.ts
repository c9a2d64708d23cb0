/**
 * The calls of `ping()` that wait. A PINGRESP has no identifier: it answers the oldest unanswered PINGREQ of its connection. So the
 * PINGREQs of a connection are numbered, those of Keep Alive too. A call waits for the PINGRESP with the number of its own PINGREQ.
 *
 * Each call settles: with its PINGRESP, at its time-out, when its signal is aborted, or at the end of the connection, whichever comes
 * first. A call never ends the connection; only Keep Alive decides that the server does not answer any more.
 */
import { ConnectionLostError, TimeoutError } from '../../errors.js'
import { type Abortable, signalWatches } from '../waiting/signal-watches.js'

/** What limits the wait of one call. */
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

  /** `pingresps` is the number of answered PINGREQs of the connection. */
  answered(pingresps: number, now: number): void {
    for (const wait of [...this.#waits]) if (wait.pingreq <= pingresps) wait.answered(now)
  }

  /** The next time at which `expire` has something to do; Infinity if no call waits. */
  get deadline(): number {
    let deadline = Number.POSITIVE_INFINITY
    for (const wait of this.#waits) deadline = Math.min(deadline, wait.deadline)
    return deadline
  }

  expire(now: number): void {
    for (const wait of [...this.#waits]) if (wait.deadline <= now) wait.expired()
  }

  /** The connection has ended, so no answer can come. */
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
