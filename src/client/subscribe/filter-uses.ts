/**
 * Which subscriptions have a Topic Filter. Each of them is one use of it. A use counts until its UNSUBSCRIBE is written: from then
 * on no other subscription may rely on it, and it counts again if no UNSUBACK comes.
 *
 * A program may have 100,000 Topic Filters, or as many subscriptions of one filter. So the uses that count are numbers by QoS, and
 * no question takes a walk over the uses.
 */
import type { QoS } from '../../codec/control-packet.js'
import { TextMap } from '../../protocol/lists/text-map.js'
import type { ActiveSubscription, Use } from './subscription.js'

export class FilterUses {
  /** Most filters have one use. */
  readonly #uses = new TextMap<Use | SharedUses>()
  #used = 0

  /** The number of Topic Filters with a use that counts. */
  get size(): number {
    return this.#used
  }

  /** Adds a use of a filter. 'again': the subscription has given the filter before. */
  add(subscription: ActiveSubscription, filter: string, qos: QoS): 'only use' | 'one of several' | 'again' {
    const uses = this.#uses.get(filter)
    const before = useOf(uses, subscription)
    if (before === undefined || before.qos < qos) this.#change(filter, uses, subscription, subscription.use(qos, 1))
    if (before !== undefined) return 'again'
    return uses === undefined ? 'only use' : 'one of several'
  }

  /** Ends a use. Returns false if there was none. */
  remove(subscription: ActiveSubscription, filter: string): boolean {
    const uses = this.#uses.get(filter)
    if (useOf(uses, subscription) === undefined) return false
    this.#change(filter, uses, subscription, undefined)
    return true
  }

  #change(
    filter: string,
    uses: Use | SharedUses | undefined,
    subscription: ActiveSubscription,
    use: Use | undefined,
  ): void {
    const before = countOf(uses)
    let changed: Use | SharedUses | undefined = use
    if (uses instanceof SharedUses) changed = uses.put(subscription, use)
    else if (uses !== undefined && use !== undefined && uses.subscription !== subscription)
      changed = new SharedUses(uses, use)
    if (changed === undefined) this.#uses.delete(filter)
    else if (changed !== uses) this.#uses.set(filter, changed)
    this.#used += Math.min(1, countOf(changed)) - Math.min(1, before)
  }

  /** Whether a subscription has the filter at this moment. */
  has(subscription: ActiveSubscription, filter: string): boolean {
    return useOf(this.#uses.get(filter), subscription) !== undefined
  }

  /** The subscriptions that have the filter at this moment. */
  of(filter: string): readonly ActiveSubscription[] {
    const uses = this.#uses.get(filter)
    if (uses === undefined) return []
    return uses instanceof SharedUses ? uses.subscriptions : [uses.subscription]
  }

  /** Whether a use counts that is not one of `except`. */
  isUsed(filter: string, except?: ActiveSubscription): boolean {
    const uses = this.#uses.get(filter)
    return countOf(uses) > (except === undefined ? 0 : (useOf(uses, except)?.counts ?? 0))
  }

  /** The highest QoS of the uses that count. */
  highestQos(filter: string): QoS {
    const uses = this.#uses.get(filter)
    if (uses instanceof SharedUses) return uses.highestQos
    return uses?.counts === 1 ? uses.qos : 0
  }

  /** UNSUBSCRIBE is about to be written. */
  unsubscribing(subscription: ActiveSubscription, filter: string): void {
    this.#count(subscription, filter, 0)
  }

  /** No UNSUBACK comes: the use goes on as before. */
  goesOn(subscription: ActiveSubscription, filter: string): void {
    this.#count(subscription, filter, 1)
  }

  #count(subscription: ActiveSubscription, filter: string, counts: 0 | 1): void {
    const uses = this.#uses.get(filter)
    const use = useOf(uses, subscription)
    if (use !== undefined) this.#change(filter, uses, subscription, subscription.use(use.qos, counts))
  }
}

function useOf(uses: Use | SharedUses | undefined, subscription: ActiveSubscription): Use | undefined {
  if (uses instanceof SharedUses) return uses.get(subscription)
  return uses?.subscription === subscription ? uses : undefined
}

/** How many uses count. */
function countOf(uses: Use | SharedUses | undefined): number {
  return uses instanceof SharedUses ? uses.count : (uses?.counts ?? 0)
}

/** The uses of a Topic Filter that has had several of them. */
class SharedUses {
  readonly #all = new Map<ActiveSubscription, Use>()
  /** The uses that count, by QoS. */
  readonly #byQos: [number, number, number] = [0, 0, 0]

  constructor(...uses: readonly Use[]) {
    for (const use of uses) this.put(use.subscription, use)
  }

  get count(): number {
    return this.#byQos[0] + this.#byQos[1] + this.#byQos[2]
  }

  get highestQos(): QoS {
    if (this.#byQos[2] > 0) return 2
    return this.#byQos[1] > 0 ? 1 : 0
  }

  get subscriptions(): readonly ActiveSubscription[] {
    return [...this.#all.keys()]
  }

  get(subscription: ActiveSubscription): Use | undefined {
    return this.#all.get(subscription)
  }

  /** Sets the use of a subscription, or removes it. Returns undefined if no use is left. */
  put(subscription: ActiveSubscription, use: Use | undefined): SharedUses | undefined {
    const before = this.#all.get(subscription)
    if (before !== undefined) this.#byQos[before.qos] -= before.counts
    if (use === undefined) this.#all.delete(subscription)
    else {
      this.#all.set(subscription, use)
      this.#byQos[use.qos] += use.counts
    }
    return this.#all.size === 0 ? undefined : this
  }
}
