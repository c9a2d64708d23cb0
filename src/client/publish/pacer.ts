import type { QoS } from '../../codec/control-packet.js'
import type { Pacer } from '../../protocol/session-settings.js'
import type { PublishRate } from '../options/server-profile.js'

/** Spaces messages evenly, so that no second has more messages than the server takes: neither in total nor at one QoS. */
export class PublishPacer implements Pacer {
  readonly #total: TokenBucket | undefined
  readonly #byQos: readonly (TokenBucket | undefined)[]

  constructor({ total, qos0, qos1 }: PublishRate) {
    this.#total = bucketOf(total)
    this.#byQos = [bucketOf(qos0), bucketOf(qos1), undefined]
  }

  admit(qos: QoS, now: number): boolean {
    if (this.nextAt(qos, now) > now) return false
    this.#total?.tryTake(now)
    this.#byQos[qos]?.tryTake(now)
    return true
  }

  nextAt(qos: QoS, now: number): number {
    return Math.max(this.#total?.nextAtMs(now) ?? now, this.#byQos[qos]?.nextAtMs(now) ?? now)
  }
}

function bucketOf(ratePerSecond: number | undefined): TokenBucket | undefined {
  // With a burst above 1, the first second could have up to twice the rate.
  return ratePerSecond === undefined ? undefined : new TokenBucket({ ratePerSecond, burst: 1 })
}

export interface TokenBucketSettings {
  /** Tokens a second, above 0 and at most 1,000,000. */
  readonly ratePerSecond: number
  /** The number of tokens in a full bucket, a whole number from 1. */
  readonly burst: number
}

/** Times are whole microseconds: sums of integers stay exact, however long the client runs. */
const microsecondsPerMs = 1000

/**
 * A token bucket in one number. The bucket fills at `ratePerSecond` up to `burst` tokens; each message takes one token. The
 * number is not the level of the bucket, which would have to be updated all the time. It is the time at which the bucket will be full
 * if no message takes another token. A token is available while that time is at most `burst - 1` intervals in the future (the
 * virtual scheduling form of the leaky bucket, ITU-T I.371).
 *
 * In any span of `s` seconds the bucket lets at most `burst + ratePerSecond * s` messages through. Some servers drop every message
 * above their rate: for those a burst of 1 spaces the messages evenly and keeps each second within the rate.
 */
export class TokenBucket {
  /** Microseconds for one token. Rounded up: the rate may be too low by less than 0.1 % (below 1,000 a second), but never too high. */
  readonly #interval: number
  readonly #tolerance: number
  #fullAt = -Infinity

  constructor(settings: TokenBucketSettings) {
    this.#interval = Math.ceil((1000 * microsecondsPerMs) / settings.ratePerSecond)
    this.#tolerance = (settings.burst - 1) * this.#interval
  }

  /** Takes a token if one is available at `nowMs`. The clock must not run backwards between calls. */
  tryTake(nowMs: number): boolean {
    const now = Math.round(nowMs * microsecondsPerMs)
    if (this.#nextAt > now) return false
    this.#fullAt = Math.max(now, this.#fullAt) + this.#interval
    return true
  }

  /** The time of the next token: `nowMs` if a token is available now. `tryTake` succeeds at exactly that time. */
  nextAtMs(nowMs: number): number {
    const now = Math.round(nowMs * microsecondsPerMs)
    return this.#nextAt > now ? this.#nextAt / microsecondsPerMs : nowMs
  }

  get #nextAt(): number {
    return this.#fullAt - this.#tolerance
  }
}
