/**
 * How long messages without a route are kept aside, behind the first CONNACK of a client with a persistent session.
 *
 * A resumed session delivers right behind CONNACK, and a program that awaits `connect()` before it subscribes has no route by then. So
 * nothing is delivered before the program has heard of the connection, and what matches no route is kept until it asks for more: for
 * a while after its last route, or for `unclaimedAfterMs` if it never adds one. On later connections the routes are there; one stale
 * subscription would hold up each of them.
 */

/** Milliseconds without a new route, behind the last one: the program seems to have subscribed to all that it wants. */
const afterLastRouteMs = 2_000
/** Milliseconds that it lasts at most. */
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

  /** When it ends, as of `now`. While a SUBSCRIBE of the program is unanswered, the time behind the last route does not run. */
  endsAt(now: number, subscribe: 'unanswered' | 'answered'): number {
    const last = subscribe === 'unanswered' ? now : this.#lastRouteAt
    const ends = last === undefined ? this.#begunAt + this.#unclaimedAfterMs : last + afterLastRouteMs
    return Math.min(ends, this.#begunAt + keepingMaxMs)
  }
}
