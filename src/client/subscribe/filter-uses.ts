/**
 * Which subscriptions have a Topic Filter. Each of them is one use of it. A use counts until its UNSUBSCRIBE is written: from then
 * on no other subscription may rely on it, and it counts again if no UNSUBACK comes.
 *
 * A program may have 100,000 Topic Filters, or as many subscriptions of one filter. So the uses that count are numbers by QoS, and
 * no question takes a walk over the uses.
 */
import type { QoS } from '../../codec/control-packet.js'
import type { ActiveSubscription } from './subscription.js'

export class FilterUses {
  readonly #uses = new Map<string, Uses>()
  #used = 0

  /** The number of Topic Filters with a use that counts. */
  get size(): number {
    return this.#used
  }

  /** Adds a use for each filter of a subscription. */
  add(subscription: ActiveSubscription): void {
    for (const [filter, qos] of subscription.filters) {
      const uses = this.#uses.get(filter) ?? new Uses()
      this.#uses.set(filter, uses)
      uses.add(subscription)
      this.#count(uses, qos, 1)
    }
  }

  /** Ends a use. */
  remove(subscription: ActiveSubscription, filter: string): void {
    const uses = this.#uses.get(filter)
    const qos = subscription.filters.get(filter)
    if (uses === undefined || qos === undefined) return
    if (!subscription.isUnsubscribing(filter)) this.#count(uses, qos, -1)
    if (uses.delete(subscription) === 'empty') this.#uses.delete(filter)
    subscription.remove(filter)
  }

  /** The subscriptions that have the filter at this moment. */
  of(filter: string): readonly ActiveSubscription[] {
    return this.#uses.get(filter)?.subscriptions ?? []
  }

  /** Whether a use counts that is not one of `except`. */
  isUsed(filter: string, except?: ActiveSubscription): boolean {
    const own = except?.filters.has(filter) === true && !except.isUnsubscribing(filter) ? 1 : 0
    return (this.#uses.get(filter)?.total ?? 0) > own
  }

  /** The highest QoS of the uses that count. */
  highestQos(filter: string): QoS {
    const byQos = this.#uses.get(filter)?.byQos
    if (byQos === undefined) return 0
    if (byQos[2] > 0) return 2
    return byQos[1] > 0 ? 1 : 0
  }

  /** UNSUBSCRIBE is about to be written. */
  unsubscribing(subscription: ActiveSubscription, filter: string): void {
    if (subscription.startUnsubscribing(filter)) this.#recount(subscription, filter, -1)
  }

  /** No UNSUBACK comes: the use goes on as before. */
  goesOn(subscription: ActiveSubscription, filter: string): void {
    if (subscription.stopUnsubscribing(filter)) this.#recount(subscription, filter, 1)
  }

  #recount(subscription: ActiveSubscription, filter: string, by: 1 | -1): void {
    const uses = this.#uses.get(filter)
    const qos = subscription.filters.get(filter)
    if (uses !== undefined && qos !== undefined) this.#count(uses, qos, by)
  }

  #count(uses: Uses, qos: QoS, by: 1 | -1): void {
    const before = uses.total
    uses.byQos[qos] += by
    if (before === 0) this.#used += 1
    else if (uses.total === 0) this.#used -= 1
  }
}

/** The uses of one Topic Filter. */
class Uses {
  /** The uses that count, by QoS. */
  readonly byQos: [number, number, number] = [0, 0, 0]
  /** Most filters have one use: a Set is made for the second. */
  #all: ActiveSubscription | Set<ActiveSubscription> | undefined

  get total(): number {
    return this.byQos[0] + this.byQos[1] + this.byQos[2]
  }

  get subscriptions(): readonly ActiveSubscription[] {
    if (this.#all === undefined) return []
    return this.#all instanceof Set ? [...this.#all] : [this.#all]
  }

  add(subscription: ActiveSubscription): void {
    if (this.#all === undefined) this.#all = subscription
    else if (this.#all instanceof Set) this.#all.add(subscription)
    else this.#all = new Set([this.#all, subscription])
  }

  delete(subscription: ActiveSubscription): 'empty' | 'in use' {
    if (this.#all instanceof Set) {
      this.#all.delete(subscription)
      return this.#all.size === 0 ? 'empty' : 'in use'
    }
    if (this.#all === subscription) this.#all = undefined
    return this.#all === undefined ? 'empty' : 'in use'
  }
}
