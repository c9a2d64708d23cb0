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
import type { SubscribeRequest } from '../exchange/request.js'

interface Subscription<R> {
  /** What was asked for by the request that was granted last: the grant itself may be lower. */
  qos: QoS
  standing: 'asked' | 'held' | 'due'
  /** The SUBSCRIBEs for the filter that are not answered, and that are not abandoned: a Set if there are several. */
  open: SubscribeRequest<R> | Set<SubscribeRequest<R>> | undefined
}

export class Subscriptions<R> {
  /** By Topic Filter; absent before the first. */
  #known: Map<string, Subscription<R>> | undefined

  /** A SUBSCRIBE is going to be sent. */
  asked(request: SubscribeRequest<R>): void {
    this.#known ??= new Map()
    for (const { filter, qos } of request.subscriptions) {
      const known = this.#known.get(filter) ?? { qos, standing: 'asked', open: undefined }
      this.#known.set(filter, known)
      if (known.open === undefined) known.open = request
      else if (known.open instanceof Set) known.open.add(request)
      else if (known.open !== request) known.open = new Set([known.open, request])
    }
  }

  /** An UNSUBSCRIBE is going to be sent. */
  givenBack(filters: readonly string[]): void {
    for (const filter of filters) this.#known?.delete(filter)
  }

  /** SUBACK granted the filter, which was asked for at this QoS: to whichever request, it is held now. */
  granted({ filter, qos }: SubscriptionRequest, request: SubscribeRequest<R>): void {
    const subscription = this.#known?.get(filter)
    if (subscription === undefined) return
    subscription.qos = qos
    subscription.standing = 'held'
    close(subscription, request)
  }

  /** SUBACK refused the filter to this request; another request for the same filter may still bring it. */
  refused(filter: string, request: SubscribeRequest<R>): void {
    const subscription = this.#known?.get(filter)
    if (subscription === undefined || !close(subscription, request) || subscription.standing === 'held') return
    if (subscription.open === undefined) this.#known?.delete(filter)
    else subscription.standing = 'asked'
  }

  /** Nobody waits for this request any more, so nobody wants what it alone has asked for. */
  abandoned(request: SubscribeRequest<R>): void {
    for (const { filter } of request.subscriptions) {
      const subscription = this.#known?.get(filter)
      if (subscription === undefined || !close(subscription, request)) continue
      if (subscription.standing === 'asked' && subscription.open === undefined) this.#known?.delete(filter)
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

/** The request brings the subscription no more. False if it was not among those that could. */
function close<R>(subscription: Subscription<R>, request: SubscribeRequest<R>): boolean {
  const { open } = subscription
  const wasOpen = open instanceof Set ? open.delete(request) : open === request
  if (wasOpen && (!(open instanceof Set) || open.size === 0)) subscription.open = undefined
  return wasOpen
}
