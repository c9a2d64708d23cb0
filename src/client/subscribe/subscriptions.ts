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
 * later, is unsubscribed, unless another subscription uses that filter. If no answer came before the end of the connection, the engine
 * does so.
 */
import type { SubscriptionRequest } from '../../codec/control-packet.js'
import type { Request } from '../../protocol/exchange/request.js'
import type { Session } from '../../protocol/session.js'
import { forbiddenByProfile } from '../options/profile-limits.js'
import type { ServerProfile } from '../options/server-profile.js'
import type { PublishTicket } from '../publish/publish-ticket.js'
import type { GrantedFilter, MessageHandler, Subscription } from '../surface/client-surface.js'
import { markHandled, rejection } from '../waiting/promises.js'
import { FilterUses } from './filter-uses.js'
import { LongCalls } from './long-calls.js'
import { ActiveSubscription, type SubscriptionOwner } from './subscription.js'
import { type RequestTicket, SubscribeTicket, type TicketOwner, UnsubscribeTicket } from './tickets.js'

/** What the subscriptions ask of the driver of the engine. */
export interface SubscriptionDriver {
  readonly session: Session<PublishTicket, RequestTicket>
  /** Makes the error of a call that waits when the client has ended. Undefined until then. */
  readonly endError: (() => unknown) | undefined
  now(): number
}

/** The routes to the handlers of subscriptions. */
interface Routes {
  addRoute(filter: string, handler: MessageHandler): void
  removeRoute(filter: string, handler: MessageHandler): boolean
}

export class Subscriptions implements SubscriptionOwner, TicketOwner {
  readonly #driver: SubscriptionDriver
  readonly #routes: Routes
  readonly #uses = new FilterUses()
  readonly #longCalls = new LongCalls()
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
    const unused = new Set(requests.map(({ filter }) => filter).filter((filter) => !this.#uses.isUsed(filter)))
    const size = this.#uses.size + unused.size
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
    this.finish()
    this.#requireRoomFor(requests)
    const subscription = new ActiveSubscription(this, requests, handler, ended)
    return new Promise((resolve, reject) => {
      const ticket = new SubscribeTicket(this, subscription, signal, resolve, reject)
      // [3.8.4 early messages] The routes exist before SUBSCRIBE is written.
      const ask = (part: readonly SubscriptionRequest[]) => {
        const { endError, session } = this.#driver
        if (endError !== undefined) return ticket.failed(endError())
        ticket.addRequest(session.subscribe(this.#add(subscription, part), ticket, this.#driver.now()), part.length)
      }
      this.#longCalls.start(requests, this.#profile?.maxFiltersPerSubscribe, ask, () => ticket.isWaiting)
    })
  }

  /** Sends what the call in hand has not sent yet. */
  finish(): void {
    this.#longCalls.finish()
  }

  abandon(request: Request<RequestTicket>): void {
    this.#driver.session.abandon(request)
  }

  /** Adds the uses and the routes of a part of the requests. Returns these requests, at the highest QoS of all uses. */
  #add(subscription: ActiveSubscription, requests: readonly SubscriptionRequest[]): readonly SubscriptionRequest[] {
    const { handler } = subscription
    let others: 'none' | 'some' = 'none'
    for (const { filter, qos } of requests) {
      const added = this.#uses.add(subscription, filter, qos)
      if (added !== 'only use') others = 'some'
      if (added === 'again') continue
      subscription.useAdded()
      if (handler !== undefined) this.#routes.addRoute(filter, handler)
    }
    if (others === 'none') return requests
    return requests.map(({ filter }) => ({ filter, qos: this.#uses.highestQos(filter) }))
  }

  /** Ends the uses and the routes of a subscription at once, without UNSUBSCRIBE. */
  remove(subscription: ActiveSubscription): void {
    for (const { filter } of subscription.requests) this.#removeUse(subscription, filter)
  }

  /** Ends one use and its route, if the subscription still has the filter. */
  #removeUse(subscription: ActiveSubscription, filter: string): void {
    if (!this.#uses.remove(subscription, filter)) return
    if (subscription.handler !== undefined) this.#routes.removeRoute(filter, subscription.handler)
    subscription.useRemoved()
  }

  /** Ends a use at once if another subscription has the same filter; ends the other uses with UNSUBACK. */
  async end(subscription: ActiveSubscription): Promise<void> {
    this.finish()
    const own: string[] = []
    for (const { filter } of subscription.requests) {
      if (this.#uses.isUsed(filter, subscription)) this.#removeUse(subscription, filter)
      else if (this.#uses.has(subscription, filter)) own.push(filter)
    }
    const filters = own.length === subscription.size ? own : [...new Set(own)]
    await this.#unsubscribe(filters, () => [subscription])
  }

  /** Ends every use of these filters. Sends UNSUBSCRIBE also for a filter without a use, which a resumed session may have. */
  unsubscribeAll(filters: readonly string[]): Promise<void> {
    this.finish()
    return this.#unsubscribe(filters, (filter) => this.#uses.of(filter))
  }

  /**
   * Sends UNSUBSCRIBE for these filters; UNSUBACK ends the uses that `usesOf` returns now, but no later use. Resolves when all is
   * unsubscribed.
   */
  #unsubscribe(filters: readonly string[], usesOf: (filter: string) => readonly ActiveSubscription[]): Promise<void> {
    let left = filters.length
    if (left === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const ask = (part: readonly string[]) => {
        const answered = () => {
          left -= part.length
          if (left === 0) resolve()
        }
        this.#unsubscribePart(part, usesOf, answered, reject)
      }
      this.#longCalls.start(filters, this.#profile?.maxFiltersPerSubscribe, ask)
    })
  }

  #unsubscribePart(
    filters: readonly string[],
    usesOf: (filter: string) => readonly ActiveSubscription[],
    resolve: () => void,
    reject: (reason: unknown) => void,
  ): void {
    const uses: { readonly subscription: ActiveSubscription; readonly filter: string }[] = []
    for (const filter of filters) for (const subscription of usesOf(filter)) uses.push({ subscription, filter })
    const answered = () => {
      for (const { subscription, filter } of uses) this.#removeUse(subscription, filter)
      resolve()
    }
    // A client that has ended cannot send UNSUBSCRIBE, and it gets no messages any more.
    if (this.#driver.endError !== undefined) return answered()
    for (const { subscription, filter } of uses) this.#uses.unsubscribing(subscription, filter)
    const failed = (reason: unknown) => {
      for (const { subscription, filter } of uses) this.#uses.goesOn(subscription, filter)
      reject(reason)
    }
    this.#driver.session.unsubscribe(filters, new UnsubscribeTicket(answered, failed), this.#driver.now())
  }

  /** Unsubscribes the filters that the server granted to a failed `subscribe`, unless another subscription uses them. */
  unsubscribeUnused(granted: readonly GrantedFilter[]): void {
    if (granted.length === 0) return
    const unused = granted.map(({ filter }) => filter).filter((filter) => !this.#uses.isUsed(filter))
    if (unused.length === 0) return
    // The program does not wait for this UNSUBSCRIBE, so a failure of it is reported nowhere.
    markHandled(this.#unsubscribe(unused, () => []))
  }
}
