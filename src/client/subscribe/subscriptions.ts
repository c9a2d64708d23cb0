/**
 * Subscriptions as the application sees them, above the SUBSCRIBEs of the engine.
 *
 * A Topic Filter may be subscribed several times; each subscription is one use of it. SUBSCRIBE is sent for each,
 * at the highest QoS of all uses, because a second SUBSCRIBE replaces the first on the server; UNSUBSCRIBE is sent with the last.
 * Routes are there before SUBSCRIBE is written, since the server may send a matching message before SUBACK (section 3.8.4), and
 * until UNSUBACK has come, since it may send what it has begun (section 3.10.4). In between the use is leaving: others do not
 * count on it, and when no UNSUBACK comes it goes on as before.
 *
 * A subscription that was given up before its SUBACK came (aborted, timed out) or that the server refused in part has no
 * uses any more; what the server grants of it all the same is unsubscribed, unless another use has the filter.
 */
import type { QoS, SubscriptionRequest } from '../../codec/control-packet.js'
import type { Request } from '../../protocol/exchange/request.js'
import type { Session } from '../../protocol/session.js'
import { forbiddenByProfile } from '../options/profile-limits.js'
import type { ServerProfile } from '../options/server-profile.js'
import type { PublishTicket } from '../publish/publish-ticket.js'
import type { GrantedFilter, MessageHandler, Subscription } from '../surface/client-surface.js'
import { markHandled, rejection } from '../waiting/promises.js'
import { ActiveSubscription, type SubscriptionOwner } from './subscription.js'
import { type RequestTicket, SubscribeTicket, type TicketOwner, UnsubscribeTicket } from './tickets.js'

/** What the subscriptions need of the client. */
export interface SubscriptionHost {
  readonly session: Session<PublishTicket, RequestTicket>
  readonly hasEnded: boolean
  now(): number
  beginTurn(): void
}

/** Where the handlers of subscriptions are found. */
interface Routes {
  addRoute(filter: string, handler: MessageHandler): void
  removeRoute(filter: string, handler: MessageHandler): boolean
}

export class Subscriptions implements SubscriptionOwner, TicketOwner {
  readonly #host: SubscriptionHost
  readonly #routes: Routes
  /** The subscriptions that hold each filter. */
  readonly #uses = new Map<string, readonly ActiveSubscription[]>()

  /** What the server allows: how many Topic Filters at one time, and in one SUBSCRIBE or UNSUBSCRIBE. */
  readonly #profile: ServerProfile | undefined

  constructor(host: SubscriptionHost, routes: Routes, profile: ServerProfile | undefined) {
    this.#host = host
    this.#routes = routes
    this.#profile = profile
  }

  /** Refuses what would be more Topic Filters than the server allows. @throws UsageError */
  #requireRoomFor(requests: readonly SubscriptionRequest[]): void {
    const profile = this.#profile
    if (profile?.maxSubscriptions === undefined) return
    const filters = new Set([...this.#uses.keys()].filter((filter) => this.#isUsed(filter)))
    for (const { filter } of requests) filters.add(filter)
    const { size } = filters
    if (size <= profile.maxSubscriptions) return
    const asked = `this would make ${size} subscriptions`
    throw forbiddenByProfile(profile, 'maxSubscriptions', asked, `at most ${profile.maxSubscriptions}`)
  }

  /** @throws UsageError */
  subscribe(
    requests: readonly SubscriptionRequest[],
    handler: MessageHandler | undefined,
    signal: AbortSignal | undefined,
    ended?: () => void,
  ): Promise<Subscription> {
    if (signal?.aborted) return rejection(signal.reason)
    this.#requireRoomFor(requests)
    const subscription = new ActiveSubscription(this, requests, handler, ended)
    // [3.8.4 early messages] The routes are there before SUBSCRIBE is written.
    this.#add(subscription)
    return new Promise((resolve, reject) => {
      const ticket = new SubscribeTicket(this, subscription, signal, resolve, reject)
      const asked = requests.map(({ filter }) => ({ filter, qos: this.#highestQos(filter) }))
      for (const part of this.#parts(asked)) {
        ticket.asked(this.#host.session.subscribe(part, ticket, this.#host.now()))
      }
      this.#host.beginTurn()
    })
  }

  abandon(request: Request<RequestTicket>): void {
    this.#host.session.abandon(request)
  }

  #add(subscription: ActiveSubscription): void {
    for (const { filter } of subscription.requests) {
      const uses = this.#uses.get(filter) ?? []
      if (!uses.includes(subscription)) this.#uses.set(filter, [...uses, subscription])
      if (subscription.handler !== undefined) this.#routes.addRoute(filter, subscription.handler)
    }
  }

  /** Whether somebody counts on the filter, beside this subscription. */
  #isUsed(filter: string, beside?: ActiveSubscription): boolean {
    return (this.#uses.get(filter) ?? []).some((use) => use !== beside && !use.leaving.has(filter))
  }

  #highestQos(filter: string): QoS {
    let highest: QoS = 0
    for (const { requests, leaving } of this.#uses.get(filter) ?? []) {
      if (leaving.has(filter)) continue
      for (const request of requests) if (request.filter === filter && request.qos > highest) highest = request.qos
    }
    return highest
  }

  /** Ends a subscription's uses and routes at once. */
  release(subscription: ActiveSubscription): void {
    for (const filter of subscription.filters) this.#drop(subscription, filter)
  }

  /** Ends one use, and its route. */
  #drop(subscription: ActiveSubscription, filter: string): void {
    const { handler } = subscription
    for (const request of subscription.requests) {
      if (request.filter === filter && handler !== undefined) this.#routes.removeRoute(filter, handler)
    }
    subscription.drop(filter)
    const others = (this.#uses.get(filter) ?? []).filter((use) => use !== subscription)
    if (others.length > 0) this.#uses.set(filter, others)
    else this.#uses.delete(filter)
  }

  /** Ends a subscription: at once where others use its filters too, with UNSUBACK where nobody else does. */
  async end(subscription: ActiveSubscription): Promise<void> {
    const shared = [...subscription.filters].filter((filter) => this.#isUsed(filter, subscription))
    for (const filter of shared) this.#drop(subscription, filter)
    await this.#leave([...subscription.filters], () => [subscription])
  }

  /** What one packet may hold of a list; a server's profile may allow few Topic Filters in each. */
  *#parts<T>(list: readonly T[]): IterableIterator<readonly T[]> {
    const size = Math.min(list.length, this.#profile?.maxFiltersPerSubscribe ?? list.length)
    for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size)
  }

  /** Every use of these filters ends, whoever made it, and UNSUBSCRIBE is sent even for filters that no one is known to use. */
  unsubscribeAll(filters: readonly string[]): Promise<void> {
    return this.#leave(filters, (filter) => this.#uses.get(filter) ?? [])
  }

  /** Sends UNSUBSCRIBE for these filters and ends with UNSUBACK those uses of them that there are now; resolves then. */
  async #leave(filters: readonly string[], usesOf: (filter: string) => readonly ActiveSubscription[]): Promise<void> {
    await Promise.all([...this.#parts(filters)].map((part) => this.#leavePart(part, usesOf)))
  }

  #leavePart(filters: readonly string[], usesOf: (filter: string) => readonly ActiveSubscription[]): Promise<void> {
    const uses = filters.flatMap((filter) => usesOf(filter).map((subscription) => ({ subscription, filter })))
    const drop = () => {
      for (const { subscription, filter } of uses) this.#drop(subscription, filter)
    }
    // Without a client there is no subscription either.
    if (this.#host.hasEnded) return Promise.resolve(drop())
    for (const { subscription, filter } of uses) subscription.leaving.add(filter)
    return new Promise((resolve, reject) => {
      const answered = () => resolve(drop())
      const failed = (reason: unknown) => {
        for (const { subscription, filter } of uses) subscription.leaving.delete(filter)
        reject(reason)
      }
      this.#host.session.unsubscribe(filters, new UnsubscribeTicket(answered, failed), this.#host.now())
      this.#host.beginTurn()
    })
  }

  /** Takes back what the server granted to a subscription that is no more. */
  takeBack(granted: readonly GrantedFilter[]): void {
    const unused = granted.map(({ filter }) => filter).filter((filter) => !this.#isUsed(filter))
    // Nobody waits for this one: when it fails, the connection is over, and the grant with it.
    markHandled(this.#leave(unused, () => []))
  }
}
