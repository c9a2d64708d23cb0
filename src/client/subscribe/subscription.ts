/** The result of `subscribe`: its Topic Filters, its handler, and what the server granted. */
import type { QoS, SubscriptionRequest } from '../../codec/control-packet.js'
import type { GrantedFilter, MessageHandler, Subscription } from '../surface/client-surface.js'
import { markHandled } from '../waiting/promises.js'

/** What a subscription asks of the client when the program unsubscribes. */
export interface SubscriptionOwner {
  /** Ends a subscription; resolves with UNSUBACK. If the promise rejects, the filters without UNSUBACK stay subscribed. */
  end(subscription: ActiveSubscription): Promise<void>
}

/** Exists from the call of `subscribe` on. The program gets the subscription when every SUBACK for it has come. */
export class ActiveSubscription implements Subscription {
  readonly #owner: SubscriptionOwner
  readonly handler: MessageHandler | undefined
  /** Is called when the subscription has no Topic Filter any more, for whatever reason. */
  readonly ended: (() => void) | undefined
  readonly #filters = new Map<string, QoS>()
  granted: readonly GrantedFilter[] = []
  /** The Topic Filters with an UNSUBSCRIBE without UNSUBACK: their messages may still come, but no other subscription may rely on them. */
  #unsubscribing: Set<string> | undefined
  #unsubscribed: Promise<void> | undefined

  constructor(
    owner: SubscriptionOwner,
    requests: readonly SubscriptionRequest[],
    handler: MessageHandler | undefined,
    ended: (() => void) | undefined,
  ) {
    this.#owner = owner
    for (const { filter, qos } of requests) {
      if (qos >= (this.#filters.get(filter) ?? 0)) this.#filters.set(filter, qos)
    }
    this.handler = handler
    this.ended = ended
  }

  /** The Topic Filters, each with its QoS: the highest if the program gave the filter several times. */
  get filters(): ReadonlyMap<string, QoS> {
    return this.#filters
  }

  remove(filter: string): void {
    this.#filters.delete(filter)
    this.#unsubscribing?.delete(filter)
    if (this.#filters.size === 0) this.ended?.()
  }

  isUnsubscribing(filter: string): boolean {
    return this.#unsubscribing?.has(filter) ?? false
  }

  /** UNSUBSCRIBE is about to be written. False if one is on its way. */
  startUnsubscribing(filter: string): boolean {
    if (this.isUnsubscribing(filter)) return false
    this.#unsubscribing ??= new Set()
    this.#unsubscribing.add(filter)
    return true
  }

  /** No UNSUBACK comes. False if none was awaited. */
  stopUnsubscribing(filter: string): boolean {
    return this.#unsubscribing?.delete(filter) ?? false
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
