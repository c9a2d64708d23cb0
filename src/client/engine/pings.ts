/**
 * The calls of `ping()` that wait. A PINGRESP has no identifier: it answers the oldest unanswered PINGREQ of its connection. So the
 * PINGREQs of a connection are numbered, those of Keep Alive too. A call waits for the PINGRESP with the number of its own PINGREQ.
 *
 * Each call settles: with its PINGRESP, at its time-out, when its signal is aborted, or at the end of the connection, whichever comes
 * first. A call never ends the connection; only Keep Alive decides that the server does not answer any more.
 */
import { ConnectionLostError, TimeoutError } from '../../errors.js'
import { LinkedList } from '../../protocol/lists/linked-list.js'
import { rejection } from '../waiting/promises.js'
import { type Abortable, signalWatches } from '../waiting/signal-watches.js'

/** What limits the wait of one call. */
export interface PingSettings {
  /** Milliseconds. */
  readonly timeoutMs: number
  readonly signal: AbortSignal | undefined
}

export class Pings {
  /** In the order of their PINGREQs. */
  readonly #waits = new LinkedList<PingWait>()
  /** No call that waits has an earlier deadline. It may be the deadline of a call that has settled. */
  #deadline = Infinity

  /**
   * Sends a PINGREQ, and waits from `now` on for the answer. Resolves with the milliseconds that it took. `sendPingreq` returns the
   * number of the PINGREQ; undefined if there is no connection. Nothing is sent if the signal throws.
   */
  send(now: number, settings: PingSettings, sendPingreq: () => number | undefined): Promise<number> {
    return new Promise((resolve) => {
      const wait = new PingWait(now, settings, resolve, (over) => this.#waits.remove(over))
      this.#waits.append(wait)
      const pingreq = sendPingreq()
      if (pingreq === undefined) {
        return wait.aborted(new ConnectionLostError('there is no connection to ping on', { reason: 'offline' }))
      }
      wait.pingreq = pingreq
      this.#deadline = Math.min(this.#deadline, wait.deadline)
    })
  }

  /** `pingresps` is the number of answered PINGREQs of the connection. */
  answered(pingresps: number, now: number): void {
    for (const wait of this.#waits) {
      if (wait.pingreq > pingresps) return
      wait.answered(now)
    }
  }

  get isEmpty(): boolean {
    return this.#waits.first === undefined
  }

  /** The next time at which `expire` may have something to do; Infinity if no call waits. */
  get deadline(): number {
    return this.isEmpty ? Infinity : this.#deadline
  }

  expire(now: number): void {
    if (now < this.#deadline) return
    this.#deadline = Infinity
    for (const wait of this.#waits) {
      if (wait.deadline <= now) wait.expired()
      else this.#deadline = Math.min(this.#deadline, wait.deadline)
    }
  }

  /** The connection has ended, so no answer can come. */
  lost(): void {
    if (this.isEmpty) return
    const error = new ConnectionLostError('the connection ended before PINGRESP came', { reason: 'closed' })
    for (const wait of this.#waits) wait.aborted(error)
  }
}

class PingWait implements Abortable {
  /** The number of its PINGREQ on the connection. */
  pingreq = 0
  readonly deadline: number
  /** @internal */
  previous: PingWait | undefined
  /** @internal */
  next: PingWait | undefined
  readonly #since: number
  readonly #settings: PingSettings
  readonly #settle: (milliseconds: number | Promise<never>) => void
  readonly #leave: (wait: PingWait) => void

  constructor(
    now: number,
    settings: PingSettings,
    settle: (milliseconds: number | Promise<never>) => void,
    leave: (wait: PingWait) => void,
  ) {
    this.deadline = now + settings.timeoutMs
    this.#since = now
    this.#settings = settings
    this.#settle = settle
    this.#leave = leave
    if (settings.signal !== undefined) signalWatches.add(settings.signal, this)
  }

  answered(now: number): void {
    this.#end()
    this.#settle(now - this.#since)
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
    this.#settle(rejection(reason))
  }

  #end(): void {
    this.#leave(this)
    if (this.#settings.signal !== undefined) signalWatches.delete(this.#settings.signal, this)
  }
}
