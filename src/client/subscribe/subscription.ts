/** The result of `subscribe`: its Topic Filters, its handler, and what the server granted. */
import type { QoS, SubscriptionRequest } from '../../codec/control-packet.js'
import type { GrantedFilter, MessageHandler, Subscription } from '../surface/client-surface.js'
import { markHandled } from '../waiting/promises.js'

/** What a subscription asks of the client when the program unsubscribes. */
export interface SubscriptionOwner {
  /** Ends a subscription; resolves with UNSUBACK. If the promise rejects, the filters without UNSUBACK stay subscribed. */
  end(subscription: ActiveSubscription): Promise<void>
}

/** A use of a Topic Filter by a subscription. */
export interface Use {
  readonly subscription: ActiveSubscription
  /** The highest QoS that the subscription has asked for this filter. */
  readonly qos: QoS
  /** 0 while an UNSUBSCRIBE has no UNSUBACK: messages may still come, but no other subscription may rely on the filter. */
  readonly counts: 0 | 1
}

/** Exists from the call of `subscribe` on. The program gets the subscription when every SUBACK for it has come. */
export class ActiveSubscription implements Subscription {
  readonly #owner: SubscriptionOwner
  /** The Topic Filters as the program gave them; it may have given one several times. */
  readonly requests: readonly SubscriptionRequest[]
  readonly handler: MessageHandler | undefined
  /** Is called when the subscription has no Topic Filter any more, for whatever reason. */
  readonly #ended: (() => void) | undefined
  granted: readonly GrantedFilter[] = []
  /** The number of uses. */
  #size = 0
  #latestUse: Use | undefined
  #unsubscribed: Promise<void> | undefined

  constructor(
    owner: SubscriptionOwner,
    requests: readonly SubscriptionRequest[],
    handler: MessageHandler | undefined,
    ended: (() => void) | undefined,
  ) {
    this.#owner = owner
    this.requests = requests
    this.handler = handler
    this.#ended = ended
  }

  /** The same uses of several Topic Filters are one object, because a call may have 100,000 filters. */
  use(qos: QoS, counts: 0 | 1): Use {
    const latest = this.#latestUse
    if (latest?.qos === qos && latest.counts === counts) return latest
    this.#latestUse = { subscription: this, qos, counts }
    return this.#latestUse
  }

  /** The number of different Topic Filters that the subscription has at this moment. */
  get size(): number {
    return this.#size
  }

  useAdded(): void {
    this.#size += 1
  }

  useRemoved(): void {
    this.#size -= 1
    if (this.#size === 0) this.#ended?.()
  }

  unsubscribe(): Promise<void> {
    this.#unsubscribed ??= markHandled(this.#end())
    return this.#unsubscribed
  }

  async #end(): Promise<void> {
    try {
      await this.#owner.end(this)
    } catch (error) {
      // The subscription goes on, so the program may call unsubscribe() again.
      this.#unsubscribed = undefined
      throw error
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe()
  }
}
