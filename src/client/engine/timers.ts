/**
 * Every timer of a client, in one list, on one clock.
 *
 * | timer           | runs from, to                                        | set to                  | when it fires                      |
 * | --------------- | ---------------------------------------------------- | ----------------------- | ---------------------------------- |
 * | (the engine's)  | the nearest of ten seconds and all that the engine waits for, such as Keep Alive and an acknowledgement | `nextDeadline()` | the engine does what is due |
 * |                 | a call of `ping()`, to its PINGRESP                  | its `timeoutMs`         | the call rejects                   |
 * | `attempt`       | the start of an attempt, to CONNACK                  | `connectTimeoutMs`      | the attempt is given up            |
 * | `retry`         | the end of a connection, to the next attempt         | the back-off            | the next attempt starts            |
 * | `keeping`       | the first CONNACK, to the end of what `Keeping` says | two seconds behind the last route | messages without a route are unclaimed |
 * | `end`           | the call of `end()`, to the end of the stream        | its `timeoutMs`         | the stream is destroyed            |
 * | `last PUBRELs`  | the end of the last handler, to the last PUBREL      | half a second           | DISCONNECT is sent all the same    |
 * | `goodbye`       | DISCONNECT, to the server's end of the stream        | a second, while nothing leaves | the stream is destroyed     |
 * | `store closing` | the end of the client, to the closed store           | ten seconds, or a second after `timeoutMs` | `closed` rejects with a StoreError |
 *
 * Two kinds of timers are elsewhere: those of a store (`fileStore` has one, for `fsync: { everyMs }`), and those of Node for a socket
 * that connects.
 */
import type { AsyncResource } from 'node:async_hooks'

/** The timers that are set once and fire once. */
export type TimerName = 'attempt' | 'retry' | 'keeping' | 'end' | 'last PUBRELs' | 'goodbye' | 'store closing'

export interface DeadlineOwner {
  /** The engine may have something to do. 'slept': the process did not run for a while, because it was frozen or the machine slept. */
  deadlineReached(before: 'slept' | 'ran'): void
}

/**
 * The engine's timer fires at least so often, so that it notices early that the process did not run. If it fires so much later than it
 * should by the time of day, the process slept. The monotonic clock does not tell: on Linux it stands still while the machine sleeps.
 */
const engineTickMs = 10_000
const sleepMs = 5_000

/** The shortest timer takes a millisecond and more. */
const soonMs = 0.1

/** One function for all clients: most clients are idle most of the time, so they share what they can. */
const fire = (timers: Timers): void => timers.engineFired()

export class Timers {
  readonly #owner: DeadlineOwner
  /** The actions of timers run in this context, and not in the context of the call that sets a timer. Undefined before `connect()`. */
  context: AsyncResource | undefined
  /** Undefined while no named timer runs: a client that is online and idle has only the engine's timer. */
  #named: Map<TimerName, NodeJS.Timeout> | undefined
  #engineAt = Infinity
  /** When the engine's timer should fire, by the time of day. */
  #engineAtTime = Infinity
  #engine: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined
  /** The last deadline that was so near that it needed no timer. */
  #soon = Number.NaN

  constructor(owner: DeadlineOwner) {
    this.#owner = owner
  }

  /** The clock of the client and its engine, in milliseconds. It is monotonic: setting the time of the machine does not move it. */
  now(): number {
    return performance.now()
  }

  /** Runs `action` in the context of the client. */
  inContext<T>(action: () => T): T {
    return this.context === undefined ? action() : this.context.runInAsyncScope(action)
  }

  /** Sets a timer, and stops an earlier timer of the same name. */
  start(name: TimerName, delayMs: number, action: () => void): void {
    this.stop(name)
    this.#named ??= new Map()
    const fired = () => {
      this.stop(name)
      action()
    }
    this.#named.set(
      name,
      this.inContext(() => setTimeout(fired, delayMs)),
    )
  }

  stop(name: TimerName): void {
    clearTimeout(this.#named?.get(name))
    this.#named?.delete(name)
    if (this.#named?.size === 0) this.#named = undefined
  }

  /**
   * Sets the engine's timer for `deadline`, on this clock; Infinity for none. A deadline that moves away does not touch the timer:
   * it then fires early, the engine finds nothing due, and the timer is set anew. So a busy connection, whose deadlines move with
   * every packet, sets no timer for any of them.
   */
  startEngine(deadline: number): void {
    if (deadline >= this.#engineAt || this.#immediate !== undefined) return
    const now = this.now()
    clearTimeout(this.#engine)
    // The next turn of the event loop comes sooner than any timer. If it comes too soon, a timer follows: the clock of a test may stand still.
    if (deadline - now < soonMs && deadline !== this.#soon) {
      this.#soon = deadline
      return this.engineAtNextTurn()
    }
    this.#engineAt = Math.min(deadline, now + engineTickMs)
    // A timer of Node rounds down; it may fire early, never late by that.
    const delayMs = Math.max(1, Math.ceil(this.#engineAt - now))
    this.#engineAtTime = Date.now() + delayMs
    this.#engine = this.inContext(() => setTimeout(fire, delayMs, this))
  }

  /** The engine's timer has fired. */
  engineFired(): void {
    this.engineAtNextTurn(Date.now() - this.#engineAtTime > sleepMs ? 'slept' : 'ran')
  }

  /**
   * The engine is not called until the sockets have been read once more (`setImmediate` runs after the poll for I/O). If the event loop
   * was blocked for a while, the answer of the server may already wait in a socket, and the server must not be blamed.
   */
  engineAtNextTurn(before: 'slept' | 'ran' = 'ran'): void {
    this.#engineAt = Infinity
    this.#engine = undefined
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined
      this.#owner.deadlineReached(before)
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
    this.#engineAt = Infinity
  }
}
