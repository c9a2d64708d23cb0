/**
 * The one timer of a client. It is set for the nearest deadline that was named, and a deadline that moves away does not touch
 * it: it then fires early, finds nothing due, and is set anew. So a busy connection, whose deadlines move with every
 * packet, sets no timer for any of them.
 *
 * When it fires, the verdict waits until the sockets have been read once more (`setImmediate` comes after the poll for I/O): an event
 * loop that was blocked for a while finds the server's answer there, and must not take its own absence for the server's.
 */
import { maxTimerMs } from '../options/checks.js'

/** Who wants to be told. */
export interface DeadlineHost {
  deadlineReached(): void
}

/** One function for all clients: most of them are idle most of the time, and hold nothing that they can share. */
const fire = (timer: DeadlineTimer): void => timer.fired()

export class DeadlineTimer {
  readonly #host: DeadlineHost
  #armedFor = Number.POSITIVE_INFINITY
  #timer: NodeJS.Timeout | undefined
  #immediate: NodeJS.Immediate | undefined

  constructor(host: DeadlineHost) {
    this.#host = host
  }

  /** `deadline` and `now` in milliseconds on the same clock; Infinity for no deadline. */
  arm(deadline: number, now: number): void {
    if (deadline >= this.#armedFor || this.#immediate !== undefined) return
    clearTimeout(this.#timer)
    this.#armedFor = deadline
    // A timer of Node takes no more than 2^31 - 1 ms, and rounds down; it may fire early, never late by that.
    this.#timer = setTimeout(fire, Math.min(Math.max(1, Math.ceil(deadline - now)), maxTimerMs), this)
  }

  fired(): void {
    this.#armedFor = Number.POSITIVE_INFINITY
    this.#timer = undefined
    this.#immediate = setImmediate(() => {
      this.#immediate = undefined
      this.#host.deadlineReached()
    })
  }

  clear(): void {
    clearTimeout(this.#timer)
    clearImmediate(this.#immediate)
    this.#timer = undefined
    this.#immediate = undefined
    this.#armedFor = Number.POSITIVE_INFINITY
  }
}
