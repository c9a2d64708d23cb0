/** The subscription that a program holds: its Topic Filters, its handler, and what the server granted. */
import type { SubscriptionRequest } from '../../codec/control-packet.js'
import type { GrantedFilter, MessageHandler, Subscription } from '../surface/client-surface.js'
import { tamed } from '../waiting/promises.js'

/** What a subscription asks of the client when the program unsubscribes. */
export interface SubscriptionOwner {
  /** Ends the uses and routes of a subscription. Returns the Topic Filters that nobody uses any more. */
  release(subscription: ActiveSubscription): readonly string[]
  /** Sends UNSUBSCRIBE; resolves with UNSUBACK. */
  unsubscribe(filters: readonly string[]): Promise<void>
}

/** What one `subscribe` asked for, from the call on: a program gets it once every SUBACK of it has come. */
export class ActiveSubscription implements Subscription {
  readonly #owner: SubscriptionOwner
  readonly handler: MessageHandler | undefined
  /** Told when somebody else has unsubscribed all of its filters. */
  readonly ended: (() => void) | undefined
  requests: readonly SubscriptionRequest[]
  granted: readonly GrantedFilter[] = []
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

  drop(filter: string): void {
    this.requests = this.requests.filter((request) => request.filter !== filter)
  }

  unsubscribe(): Promise<void> {
    this.#unsubscribed ??= tamed(this.#owner.unsubscribe(this.#owner.release(this)))
    return this.#unsubscribed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe()
  }
}
