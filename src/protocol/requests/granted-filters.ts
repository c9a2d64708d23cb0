/**
 * What the server is known to have subscribed, filter by filter. A subscription counts once it was acknowledged in the
 * present session of the server:
 *
 *   asked --granted--> held --the server lost the session--> due --granted--> held
 *
 * It is over when it is given back by UNSUBSCRIBE, and, unless it is held, when its request is refused; as long as it
 * was only asked for, also when its request is abandoned. A refusal takes nothing away that was granted before.
 *
 * Several requests may name one filter. Any grant counts; a subscription without one is over only when none of them is
 * left that could bring it. The QoS is that of the latest grant too: a refused request for a higher one changes nothing.
 */
import type { QoS, SubscriptionRequest } from '../../codec/control-packet.js'
import type { Request, SubscribeRequest } from '../exchange/request.js'

interface Subscription<R> {
  /** What was asked for by the request that was granted last: the grant itself may be lower. */
  qos: QoS
  standing: 'asked' | 'held' | 'due'
  /** The SUBSCRIBE whose refusal would be the end of it; let go of with any grant, since it leads to the ticket. */
  request: SubscribeRequest<R> | undefined
}

export class Subscriptions<R> {
  /** By Topic Filter; absent before the first. */
  #known: Map<string, Subscription<R>> | undefined

  /** A SUBSCRIBE is going to be sent. */
  asked(request: SubscribeRequest<R>): void {
    this.#known ??= new Map()
    for (const { filter, qos } of request.subscriptions) {
      const known = this.#known.get(filter)
      if (known === undefined) this.#known.set(filter, { qos, standing: 'asked', request })
      else known.request = request
    }
  }

  /** An UNSUBSCRIBE is going to be sent. */
  givenBack(filters: readonly string[]): void {
    for (const filter of filters) this.#known?.delete(filter)
  }

  /** SUBACK granted the filter, which was asked for at this QoS: to whichever request, it is held now. */
  granted({ filter, qos }: SubscriptionRequest): void {
    const subscription = this.#known?.get(filter)
    if (subscription === undefined) return
    subscription.qos = qos
    subscription.standing = 'held'
    subscription.request = undefined
  }

  /** SUBACK refused the filter to this request. `unanswered`: the requests that somebody still waits for. */
  refused(filter: string, request: SubscribeRequest<R>, unanswered: Iterable<Request<R>>): void {
    const subscription = this.#known?.get(filter)
    if (subscription?.request !== request || subscription.standing === 'held') return
    this.#handOver(
      filter,
      subscription,
      [...unanswered].filter((other) => other !== request),
    )
  }

  /** Nobody waits for this request any more, so nobody wants what it alone has asked for. */
  abandoned(request: SubscribeRequest<R>, unanswered: Iterable<Request<R>>): void {
    const others = [...unanswered].filter((other) => other !== request)
    for (const { filter } of request.subscriptions) {
      const subscription = this.#known?.get(filter)
      if (subscription?.request !== request || subscription.standing !== 'asked') continue
      this.#handOver(filter, subscription, others)
    }
  }

  /** The request brings no subscription; another one for the same filter still may. */
  #handOver(filter: string, subscription: Subscription<R>, others: readonly Request<R>[]): void {
    const other = others.find((request) => asksFor(request, filter))
    if (other?.kind !== 'subscribe') this.#known?.delete(filter)
    else {
      subscription.standing = 'asked'
      subscription.request = other
    }
  }

  /** The server may have forgotten every subscription. */
  serverForgot(): void {
    for (const subscription of this.#known?.values() ?? []) {
      if (subscription.standing === 'held') subscription.standing = 'due'
    }
  }

  /** What the server had granted before it lost the session, at the QoS that was asked for then. */
  due(): SubscriptionRequest[] {
    return this.inspect()
      .filter(({ standing }) => standing === 'due')
      .map(({ filter, qos }) => ({ filter, qos }))
  }

  /** The state as plain data. */
  inspect() {
    return [...(this.#known ?? [])].map(([filter, { qos, standing }]) => ({ filter, qos, standing }))
  }
}

function asksFor<R>(request: Request<R>, filter: string): boolean {
  return request.kind === 'subscribe' && request.subscriptions.some((asked) => asked.filter === filter)
}
