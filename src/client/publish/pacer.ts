import type { QoS } from '../../codec/control-packet.js'
import type { Pacer } from '../../protocol/session-settings.js'
import type { PublishRate } from '../options/server-profile.js'

/** Spaces messages evenly, so that no second has more of them than the server takes: in all, and for each QoS. */
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
  // A burst of 1: with a larger one the first second would have up to twice the rate.
  return ratePerSecond === undefined ? undefined : new TokenBucket({ ratePerSecond, burst: 1 })
}

/**
 * A token bucket, kept as one number. It fills at `ratePerSecond` up to `burst` tokens; each message takes one. Instead of
 * a level that would have to be topped up, it remembers when the bucket will be full again if nothing more is taken: a
 * token is there while that moment lies less than `burst - 1` tokens ahead (the virtual scheduling form of the leaky
 * bucket, ITU-T I.371).
 *
 * In any span of `s` seconds it lets through at most `burst + ratePerSecond * s` messages. A server that drops what comes
 * above its rate is therefore served with a burst of 1: even spacing, and never more than the rate within a second.
 */
export interface TokenBucketSettings {
  /** Tokens a second, above 0 and at most 1,000,000. */
  readonly ratePerSecond: number
  /** Tokens that a full bucket holds, a whole number from 1. */
  readonly burst: number
}

/** The clock is read in whole microseconds: sums of integers stay exact however long the client runs. */
const microsecondsPerMs = 1000

export class TokenBucket {
  /** Rounded up, so that a rate which does not divide a second is missed on the slow side, by less than one in a thousand below 1,000 a second. */
  readonly #interval: number
  readonly #tolerance: number
  #fullAt = Number.NEGATIVE_INFINITY

  constructor(settings: TokenBucketSettings) {
    this.#interval = Math.ceil((1000 * microsecondsPerMs) / settings.ratePerSecond)
    this.#tolerance = (settings.burst - 1) * this.#interval
  }

  /** Takes a token if there is one at `nowMs`. The clock must not run backwards between calls. */
  tryTake(nowMs: number): boolean {
    const now = Math.round(nowMs * microsecondsPerMs)
    if (this.#nextAt > now) return false
    this.#fullAt = Math.max(now, this.#fullAt) + this.#interval
    return true
  }

  /** When the next token is there: `nowMs` itself if it already is. `tryTake` succeeds at exactly that time. */
  nextAtMs(nowMs: number): number {
    const now = Math.round(nowMs * microsecondsPerMs)
    return this.#nextAt > now ? this.#nextAt / microsecondsPerMs : nowMs
  }

  get #nextAt(): number {
    return this.#fullAt - this.#tolerance
  }
}
