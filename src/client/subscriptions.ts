/**
 * Subscriptions as the application sees them, above the SUBSCRIBEs of the engine.
 *
 * A Topic Filter may be subscribed several times; each subscription is one use of it. SUBSCRIBE is sent for each,
 * at the highest QoS of all uses, because a second SUBSCRIBE replaces the first on the server; UNSUBSCRIBE is sent with the last.
 * Routes are there before SUBSCRIBE is written, since the server may send a matching message before SUBACK (section 3.8.4).
 *
 * A subscription that was given up before its SUBACK came (aborted, timed out) or that the server refused in part has no
 * uses any more; what the server grants of it all the same is unsubscribed, unless another use has the filter.
 */
import type { QoS, SubscriptionRequest } from '../codec/control-packet.js'
import { SubscribeRefusedError } from '../errors.js'
import type { Request } from '../protocol/requests.js'
import type { Session } from '../protocol/session.js'
import type { GrantedFilter, MessageHandler, Subscription } from './client-surface.js'
import { type PublishTicket, rejection } from './publish-ticket.js'
import { type RequestTicket, readGrants } from './request-ticket.js'
import { type Abortable, SignalWatches } from './signal-watches.js'
import type { TopicRouter } from './topic-router.js'

/** What the subscriptions need of the client. */
export interface SubscriptionHost {
  readonly session: Session<PublishTicket, RequestTicket>
  readonly hasEnded: boolean
  now(): number
  scheduleFlush(): void
}

export class Subscriptions {
  readonly #host: SubscriptionHost
  readonly #router: TopicRouter<MessageHandler>
  readonly signals = new SignalWatches()
  /** The subscriptions that hold each filter. */
  readonly #uses = new Map<string, Set<ActiveSubscription>>()

  constructor(host: SubscriptionHost, router: TopicRouter<MessageHandler>) {
    this.#host = host
    this.#router = router
  }

  /** How many Topic Filters are subscribed or being subscribed. */
  get size(): number {
    return this.#uses.size
  }

  subscribe(
    requests: readonly SubscriptionRequest[],
    handler: MessageHandler | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Subscription> {
    if (signal?.aborted) return rejection(signal.reason)
    const subscription = new ActiveSubscription(this, requests, handler)
    // [3.8.4 early messages] The routes are there before SUBSCRIBE is written.
    this.#add(subscription)
    return new Promise((resolve, reject) => {
      const ticket = new SubscribeTicket(this, subscription, signal, resolve, reject)
      const asked = requests.map(({ filter }) => ({ filter, qos: this.#highestQos(filter) }))
      ticket.send(this.#host.session.subscribe(asked, ticket, this.#host.now()))
      this.#host.scheduleFlush()
    })
  }

  abandon(request: Request<RequestTicket>): void {
    this.#host.session.abandon(request)
  }

  #add(subscription: ActiveSubscription): void {
    for (const { filter } of subscription.requests) {
      const uses = this.#uses.get(filter) ?? new Set()
      uses.add(subscription)
      this.#uses.set(filter, uses)
      if (subscription.handler !== undefined) this.#router.add(filter, subscription.handler)
    }
  }

  #highestQos(filter: string): QoS {
    let highest: QoS = 0
    for (const { requests } of this.#uses.get(filter) ?? []) {
      for (const request of requests) if (request.filter === filter && request.qos > highest) highest = request.qos
    }
    return highest
  }

  /** Ends a subscription's uses and routes. The filters that nobody uses any more are returned. */
  release(subscription: ActiveSubscription): readonly string[] {
    const unused: string[] = []
    for (const { filter } of subscription.requests) {
      if (subscription.handler !== undefined) this.#router.remove(filter, subscription.handler)
      const uses = this.#uses.get(filter)
      if (!uses?.delete(subscription) || uses.size > 0) continue
      this.#uses.delete(filter)
      unused.push(filter)
    }
    subscription.requests = []
    return unused
  }

  /** Sends UNSUBSCRIBE; resolves with UNSUBACK. */
  unsubscribe(filters: readonly string[]): Promise<void> {
    // Without a client there is no subscription either.
    if (filters.length === 0 || this.#host.hasEnded) return Promise.resolve()
    return new Promise((resolve, reject) => {
      this.#host.session.unsubscribe(filters, new UnsubscribeTicket(resolve, reject), this.#host.now())
      this.#host.scheduleFlush()
    })
  }

  /** Every use of these filters ends, whoever made it, and UNSUBSCRIBE is sent even for filters that no one is known to use. */
  unsubscribeAll(filters: readonly string[]): Promise<void> {
    for (const filter of filters) {
      for (const subscription of [...(this.#uses.get(filter) ?? [])]) this.#dropFilter(subscription, filter)
      this.#uses.delete(filter)
    }
    return this.unsubscribe(filters)
  }

  #dropFilter(subscription: ActiveSubscription, filter: string): void {
    for (const request of subscription.requests) {
      if (request.filter === filter && subscription.handler !== undefined)
        this.#router.remove(filter, subscription.handler)
    }
    subscription.drop(filter)
  }

  /** Takes back what the server granted to a subscription that is no more. */
  takeBack(granted: readonly GrantedFilter[]): void {
    const unused = granted.map(({ filter }) => filter).filter((filter) => !this.#uses.has(filter))
    // Nobody waits for this one: when it fails, the connection is over, and the grant with it.
    this.unsubscribe(unused).catch(() => {})
  }
}

/** One successful, or still unanswered, `subscribe`. */
class ActiveSubscription implements Subscription {
  readonly #owner: Subscriptions
  readonly handler: MessageHandler | undefined
  requests: readonly SubscriptionRequest[]
  granted: readonly GrantedFilter[] = []
  #unsubscribed: Promise<void> | undefined

  constructor(owner: Subscriptions, requests: readonly SubscriptionRequest[], handler: MessageHandler | undefined) {
    this.#owner = owner
    this.requests = requests
    this.handler = handler
  }

  drop(filter: string): void {
    this.requests = this.requests.filter((request) => request.filter !== filter)
  }

  unsubscribe(): Promise<void> {
    this.#unsubscribed ??= this.#owner.unsubscribe(this.#owner.release(this))
    return this.#unsubscribed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.unsubscribe()
  }
}

class SubscribeTicket implements RequestTicket, Abortable {
  readonly #owner: Subscriptions
  readonly #subscription: ActiveSubscription
  readonly #signal: AbortSignal | undefined
  readonly #resolve: (subscription: Subscription) => void
  readonly #reject: (reason: unknown) => void
  #request: Request<RequestTicket> | undefined
  #state: 'waiting' | 'given-up' | 'over' = 'waiting'

  constructor(
    owner: Subscriptions,
    subscription: ActiveSubscription,
    signal: AbortSignal | undefined,
    resolve: (subscription: Subscription) => void,
    reject: (reason: unknown) => void,
  ) {
    this.#owner = owner
    this.#subscription = subscription
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
    if (signal !== undefined) owner.signals.add(signal, this)
  }

  send(request: Request<RequestTicket>): void {
    this.#request = request
  }

  aborted(reason: unknown): void {
    if (this.#request !== undefined) this.#owner.abandon(this.#request)
    this.failed(reason)
  }

  answered(request: Request<RequestTicket>, returnCodes: readonly number[]): void {
    if (request.kind !== 'subscribe') return
    const { granted, refused } = readGrants(request, returnCodes)
    if (this.#state !== 'waiting') {
      this.#owner.takeBack(granted)
      return
    }
    this.#end('over')
    if (refused.length === 0) {
      this.#subscription.granted = granted
      this.#resolve(this.#subscription)
      return
    }
    this.#owner.release(this.#subscription)
    this.#owner.takeBack(granted)
    this.#reject(new SubscribeRefusedError(refused))
  }

  failed(reason: unknown): void {
    if (this.#state !== 'waiting') return
    this.#end('given-up')
    this.#owner.release(this.#subscription)
    this.#reject(reason)
  }

  #end(state: 'given-up' | 'over'): void {
    this.#state = state
    if (this.#signal !== undefined) this.#owner.signals.delete(this.#signal, this)
  }
}

class UnsubscribeTicket implements RequestTicket {
  readonly #resolve: () => void
  readonly #reject: (reason: unknown) => void

  constructor(resolve: () => void, reject: (reason: unknown) => void) {
    this.#resolve = resolve
    this.#reject = reject
  }

  answered(): void {
    this.#resolve()
  }

  failed(reason: unknown): void {
    this.#reject(reason)
  }
}
