import type { QoS } from '../../codec/control-packet.js'
import type { Pacer } from '../../protocol/outgoing/pacing.js'
import type { PublishRate } from '../options/server-profile.js'
import { TokenBucket } from '../token-bucket.js'

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
