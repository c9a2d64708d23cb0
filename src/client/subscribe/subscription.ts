/** The result of `subscribe`: its Topic Filters, its handler, and what the server granted. */
import type { SubscriptionRequest } from '../../codec/control-packet.js'
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
  requests: readonly SubscriptionRequest[]
  granted: readonly GrantedFilter[] = []
  /** The Topic Filters with an UNSUBSCRIBE without UNSUBACK: their messages may still come, but no other subscription may rely on them. */
  readonly unsubscribing = new Set<string>()
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
    this.ended = ended
  }

  get filters(): ReadonlySet<string> {
    return new Set(this.requests.map(({ filter }) => filter))
  }

  remove(filter: string): void {
    this.requests = this.requests.filter((request) => request.filter !== filter)
    this.unsubscribing.delete(filter)
    if (this.requests.length === 0) this.ended?.()
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
