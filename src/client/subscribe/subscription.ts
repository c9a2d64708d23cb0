/** The subscription that a program holds: its Topic Filters, its handler, and what the server granted. */
import type { SubscriptionRequest } from '../../codec/control-packet.js'
import type { GrantedFilter, MessageHandler, Subscription } from '../surface/client-surface.js'
import { markHandled } from '../waiting/promises.js'

/** What a subscription asks of the client when the program unsubscribes. */
export interface SubscriptionOwner {
  /** Ends the uses and routes of a subscription; resolves with UNSUBACK. When it rejects, what it could not end goes on. */
  end(subscription: ActiveSubscription): Promise<void>
}

/** What one `subscribe` asked for, from the call on: a program gets it once every SUBACK of it has come. */
export class ActiveSubscription implements Subscription {
  readonly #owner: SubscriptionOwner
  readonly handler: MessageHandler | undefined
  /** Told when all of its filters are unsubscribed, whoever did that. */
  readonly ended: (() => void) | undefined
  requests: readonly SubscriptionRequest[]
  granted: readonly GrantedFilter[] = []
  /** Those of its Topic Filters for which UNSUBSCRIBE is under way: their messages still come, and nobody counts on them. */
  readonly leaving = new Set<string>()
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

  drop(filter: string): void {
    this.requests = this.requests.filter((request) => request.filter !== filter)
    this.leaving.delete(filter)
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
      // It has not ended, so it can be tried again.
      this.#unsubscribed = undefined
      throw error
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe()
  }
}
