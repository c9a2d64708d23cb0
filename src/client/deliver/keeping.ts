/**
 * How long messages without a route are kept aside after the first CONNACK of a client with a persistent session.
 *
 * A resumed session delivers messages right after CONNACK. A program that awaits `connect()` before it subscribes has no route at that
 * time. So nothing is delivered until `connect()` has resolved. After that, a message without a route is kept aside until the program
 * has added its routes: for a short time after the last new route, or for `unclaimedAfterMs` if it adds none. On later connections the
 * routes exist already; there a message of an old subscription, which never gets a route, would hold up each connection.
 */

/** If there is no new route for so many milliseconds, the program has probably added all its routes. */
const afterLastRouteMs = 2_000
/** The longest time for which messages are kept aside. */
const keepingMaxMs = 60_000

export class Keeping {
  readonly #begunAt: number
  readonly #unclaimedAfterMs: number
  #lastRouteAt: number | undefined

  constructor(now: number, unclaimedAfterMs: number) {
    this.#begunAt = now
    this.#unclaimedAfterMs = unclaimedAfterMs
  }

  routeAdded(now: number): void {
    this.#lastRouteAt = now
  }

  /** The time at which the keeping ends, as known at `now`. While a SUBSCRIBE of the program is unanswered, that time moves on. */
  endsAt(now: number, subscribe: 'unanswered' | 'answered'): number {
    const last = subscribe === 'unanswered' ? now : this.#lastRouteAt
    const ends = last === undefined ? this.#begunAt + this.#unclaimedAfterMs : last + afterLastRouteMs
    return Math.min(ends, this.#begunAt + keepingMaxMs)
  }
}
