/**
 * The subscriptions of the program, above the SUBSCRIBE and UNSUBSCRIBE packets of the engine.
 *
 * A program may subscribe the same Topic Filter several times; each of these subscriptions is one use of the filter. Each use sends
 * a SUBSCRIBE, at the highest QoS of all uses, because on the server a second SUBSCRIBE replaces the first. Only the end of the last
 * use sends UNSUBSCRIBE.
 *
 * A route exists before SUBSCRIBE is written, because the server may send a matching message before SUBACK (section 3.8.4). It exists
 * until UNSUBACK comes, because the server may finish a delivery that has begun (section 3.10.4). Between UNSUBSCRIBE and UNSUBACK no
 * other subscription relies on this use. If no UNSUBACK comes, the use goes on as before.
 *
 * If a `subscribe` fails (aborted, timed out, refused in part), its uses end at once. A filter that the server grants for it, even
 * later, is unsubscribed, unless another subscription uses that filter.
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

/** What the subscriptions ask of the driver of the engine. */
export interface SubscriptionDriver {
  readonly session: Session<PublishTicket, RequestTicket>
  readonly hasEnded: boolean
  now(): number
  beginTurn(): void
}

/** The routes to the handlers of subscriptions. */
interface Routes {
  addRoute(filter: string, handler: MessageHandler): void
  removeRoute(filter: string, handler: MessageHandler): boolean
}

export class Subscriptions implements SubscriptionOwner, TicketOwner {
  readonly #driver: SubscriptionDriver
  readonly #routes: Routes
  /** The uses of each Topic Filter: the subscriptions that have it. */
  readonly #uses = new Map<string, readonly ActiveSubscription[]>()

  /** May limit the Topic Filters at one time, and in one SUBSCRIBE or UNSUBSCRIBE. */
  readonly #profile: ServerProfile | undefined

  constructor(driver: SubscriptionDriver, routes: Routes, profile: ServerProfile | undefined) {
    this.#driver = driver
    this.#routes = routes
    this.#profile = profile
  }

  /** Refuses requests that would make more Topic Filters than the profile allows. @throws UsageError */
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
    // [3.8.4 early messages] The routes exist before SUBSCRIBE is written.
    this.#add(subscription)
    return new Promise((resolve, reject) => {
      const ticket = new SubscribeTicket(this, subscription, signal, resolve, reject)
      const subscriptions = requests.map(({ filter }) => ({ filter, qos: this.#highestQos(filter) }))
      for (const part of this.#parts(subscriptions)) {
        ticket.addRequest(this.#driver.session.subscribe(part, ticket, this.#driver.now()))
      }
      this.#driver.beginTurn()
    })
  }

  abandon(request: Request<RequestTicket>): void {
    this.#driver.session.abandon(request)
  }

  #add(subscription: ActiveSubscription): void {
    for (const { filter } of subscription.requests) {
      const uses = this.#uses.get(filter) ?? []
      if (!uses.includes(subscription)) this.#uses.set(filter, [...uses, subscription])
      if (subscription.handler !== undefined) this.#routes.addRoute(filter, subscription.handler)
    }
  }

  /** Whether a subscription, other than `except`, relies on the filter. */
  #isUsed(filter: string, except?: ActiveSubscription): boolean {
    return (this.#uses.get(filter) ?? []).some((use) => use !== except && !use.unsubscribing.has(filter))
  }

  #highestQos(filter: string): QoS {
    let highest: QoS = 0
    for (const { requests, unsubscribing } of this.#uses.get(filter) ?? []) {
      if (unsubscribing.has(filter)) continue
      for (const request of requests) if (request.filter === filter && request.qos > highest) highest = request.qos
    }
    return highest
  }

  /** Ends the uses and the routes of a subscription at once, without UNSUBSCRIBE. */
  remove(subscription: ActiveSubscription): void {
    for (const filter of subscription.filters) this.#removeUse(subscription, filter)
  }

  /** Ends one use and its route. */
  #removeUse(subscription: ActiveSubscription, filter: string): void {
    const { handler } = subscription
    for (const request of subscription.requests) {
      if (request.filter === filter && handler !== undefined) this.#routes.removeRoute(filter, handler)
    }
    subscription.remove(filter)
    const others = (this.#uses.get(filter) ?? []).filter((use) => use !== subscription)
    if (others.length > 0) this.#uses.set(filter, others)
    else this.#uses.delete(filter)
  }

  /** Ends a use at once if another subscription has the same filter; ends the other uses with UNSUBACK. */
  async end(subscription: ActiveSubscription): Promise<void> {
    const shared = [...subscription.filters].filter((filter) => this.#isUsed(filter, subscription))
    for (const filter of shared) this.#removeUse(subscription, filter)
    await this.#unsubscribe([...subscription.filters], () => [subscription])
  }

  /** Divides a list into parts, one for each packet: the profile may limit the Topic Filters in one packet. */
  *#parts<T>(list: readonly T[]): IterableIterator<readonly T[]> {
    const size = Math.min(list.length, this.#profile?.maxFiltersPerSubscribe ?? list.length)
    for (let from = 0; from < list.length; from += size) yield list.slice(from, from + size)
  }

  /** Ends every use of these filters. Sends UNSUBSCRIBE also for a filter without a use, which a resumed session may have. */
  unsubscribeAll(filters: readonly string[]): Promise<void> {
    return this.#unsubscribe(filters, (filter) => this.#uses.get(filter) ?? [])
  }

  /**
   * Sends UNSUBSCRIBE for these filters; UNSUBACK ends the uses that `usesOf` returns now, but no later use. Resolves when all is
   * unsubscribed.
   */
  async #unsubscribe(
    filters: readonly string[],
    usesOf: (filter: string) => readonly ActiveSubscription[],
  ): Promise<void> {
    await Promise.all([...this.#parts(filters)].map((part) => this.#unsubscribePart(part, usesOf)))
  }

  #unsubscribePart(
    filters: readonly string[],
    usesOf: (filter: string) => readonly ActiveSubscription[],
  ): Promise<void> {
    const uses = filters.flatMap((filter) => usesOf(filter).map((subscription) => ({ subscription, filter })))
    const removeUses = () => {
      for (const { subscription, filter } of uses) this.#removeUse(subscription, filter)
    }
    // A client that has ended cannot send UNSUBSCRIBE, and it gets no messages any more.
    if (this.#driver.hasEnded) return Promise.resolve(removeUses())
    for (const { subscription, filter } of uses) subscription.unsubscribing.add(filter)
    return new Promise((resolve, reject) => {
      const answered = () => resolve(removeUses())
      const failed = (reason: unknown) => {
        for (const { subscription, filter } of uses) subscription.unsubscribing.delete(filter)
        reject(reason)
      }
      this.#driver.session.unsubscribe(filters, new UnsubscribeTicket(answered, failed), this.#driver.now())
      this.#driver.beginTurn()
    })
  }

  /** Unsubscribes the filters that the server granted to a failed `subscribe`, unless another subscription uses them. */
  unsubscribeUnused(granted: readonly GrantedFilter[]): void {
    const unused = granted.map(({ filter }) => filter).filter((filter) => !this.#isUsed(filter))
    // The program does not wait for this UNSUBSCRIBE, so a failure of it is reported nowhere.
    markHandled(this.#unsubscribe(unused, () => []))
  }
}
