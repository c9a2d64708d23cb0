/**
 * Every timer of a client, in one list, on one clock.
 *
 * | timer           | runs from, to                                        | set to                  | when it fires                      |
 * | --------------- | ---------------------------------------------------- | ----------------------- | ---------------------------------- |
 * | (the engine's)  | the nearest of Keep Alive, acknowledgement, request, pacing and age of the queue | `nextDeadline()` | the engine does what is due |
 * |                 | a call of `ping()`, to its PINGRESP                  | its `timeoutMs`         | the call rejects                   |
 * | `attempt`       | the start of an attempt, to CONNACK                  | `connectTimeoutMs`      | the attempt is given up            |
 * | `retry`         | the end of a connection, to the next attempt         | the back-off            | the next attempt starts            |
 * | `keeping`       | the first CONNACK, to the end of what `Keeping` says | two seconds behind the last route | messages without a route are unclaimed |
 * | `end`           | the call of `end()`, to the end of the stream        | its `timeoutMs`         | the stream is destroyed            |
 * | `last PUBRELs`  | the end of the last handler, to the last PUBREL      | half a second           | DISCONNECT is sent all the same    |
 * | `goodbye`       | DISCONNECT, to the server's end of the stream        | a second, while nothing leaves | the stream is destroyed     |
 * | `store closing` | the end of the client, to the closed store           | ten seconds, or a second after `timeoutMs` | `closed` rejects with a StoreError |
 *
 * A store has timers of its own if it wants some (`fileStore` has one, for `fsync: { everyMs }`), and so has Node's connecting socket.
 */
import type { AsyncResource } from 'node:async_hooks'
import { maxTimerMs } from '../options/checks.js'

/** The timers that are set once and fire once. */
export type TimerName = 'attempt' | 'retry' | 'keeping' | 'end' | 'last PUBRELs' | 'goodbye' | 'store closing'

/** Who is told that the engine may have something to do. */
export interface DeadlineHost {
  deadlineReached(): void
}

/** One function for all clients: most of them are idle most of the time, and hold nothing that they can share. */
const fire = (timers: Timers): void => timers.engineFired()

export class Timers {
  readonly #host: DeadlineHost
  /** What timers do belongs to this context, and not to the call that happens to set one. Undefined before `connect()`. */
  context: AsyncResource | undefined
  /** Absent while none of them runs: a client that is online and idle has but the engine's. */
  #named: Map<TimerName, NodeJS.Timeout> | undefined
  #engineAt = Number.POSITIVE_INFINITY
  #engine: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  constructor(host: DeadlineHost) {
    this.#host = host
  }

  /** The clock of the client and its engine, in milliseconds. It is monotonic: setting the time of the machine does not move it. */
  now(): number {
    return performance.now()
  }

  /** Runs something in the context of the client. */
  inContext<T>(action: () => T): T {
    return this.context === undefined ? action() : this.context.runInAsyncScope(action)
  }

  /** Sets a timer, in place of the one of that name if there is one. */
  start(name: TimerName, delayMs: number, action: () => void): void {
    this.stop(name)
    this.#named ??= new Map()
    const fired = () => {
      this.#forget(name)
      action()
    }
    this.#named.set(
      name,
      this.inContext(() => setTimeout(fired, delayMs)),
    )
  }

  stop(name: TimerName): void {
    clearTimeout(this.#named?.get(name))
    this.#forget(name)
  }

  #forget(name: TimerName): void {
    this.#named?.delete(name)
    if (this.#named?.size === 0) this.#named = undefined
  }

  /**
   * Sets the engine's timer for `deadline`, on this clock; Infinity for none. A deadline that moves away does not touch the timer:
   * it then fires early, the engine finds nothing due, and the timer is set anew. So a busy connection, whose deadlines move with
   * every packet, sets no timer for any of them.
   */
  startEngine(deadline: number, now: number): void {
    if (deadline >= this.#engineAt || this.#immediate !== undefined) return
    clearTimeout(this.#engine)
    this.#engineAt = deadline
    // A timer of Node takes no more than 2^31 - 1 ms, and rounds down; it may fire early, never late by that.
    const delayMs = Math.min(Math.max(1, Math.ceil(deadline - now)), maxTimerMs)
    this.#engine = this.inContext(() => setTimeout(fire, delayMs, this))
  }

  /**
   * The verdict waits until the sockets have been read once more (`setImmediate` comes after the poll for I/O): an event loop that
   * was blocked for a while finds the server's answer there, and must not take its own absence for the server's.
   */
  engineFired(): void {
    this.#engineAt = Number.POSITIVE_INFINITY
    this.#engine = undefined
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined
      this.#host.deadlineReached()
    })
  }

  /** Stops all of them. */
  stopAll(): void {
    for (const timer of this.#named?.values() ?? []) clearTimeout(timer)
    this.#named = undefined
    clearTimeout(this.#engine)
    clearImmediate(this.#immediate)
    this.#engine = undefined
    this.#immediate = undefined
    this.#engineAt = Number.POSITIVE_INFINITY
  }
}
