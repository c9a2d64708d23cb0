/**
 * The subscriptions of the client, by Topic Filter, and the state of each:
 *
 *   requested --granted--> granted --the server lost the session--> lost --granted--> granted
 *
 * UNSUBSCRIBE ends a subscription in every state. A refused request ends it only in the states `requested` and `lost`: the server does
 * not end a granted subscription when it refuses a second SUBSCRIBE. An abandoned request ends it only in the state `requested`.
 *
 * Several requests may have the same filter, and a grant for any of them counts. So a refused or abandoned request does not end a
 * subscription while another request for the filter is open. The QoS of the subscription is that of the request that was granted last.
 */
import type { QoS, SubscriptionRequest } from '../../codec/control-packet.js'
import type { SubscribeRequest } from '../exchange/request.js'

interface Subscription<R> {
  /** The QoS in the request that was granted last; the granted QoS may be lower. */
  qos: QoS
  state: 'requested' | 'granted' | 'lost'
  /** The open SUBSCRIBEs for the filter, neither answered nor abandoned: one, or a Set of several; undefined if there is none. */
  open: SubscribeRequest<R> | Set<SubscribeRequest<R>> | undefined
}

export class Subscriptions<R> {
  /** The subscriptions by Topic Filter; undefined before the first one. */
  #known: Map<string, Subscription<R>> | undefined
  /** Whether subscriptions have ended: messages for them may still come. */
  #ended: 'none' | 'some' = 'none'

  get ended(): 'none' | 'some' {
    return this.#ended
  }

  /** The Topic Filters of all subscriptions, whatever their state. */
  get filters(): Iterable<string> {
    return this.#known?.keys() ?? []
  }

  #end(filter: string): void {
    if (this.#known?.delete(filter)) this.#ended = 'some'
  }

  /** A SUBSCRIBE will be sent. */
  requested(request: SubscribeRequest<R>): void {
    this.#known ??= new Map()
    for (const { filter, qos } of request.subscriptions) {
      const known = this.#known.get(filter) ?? { qos, state: 'requested', open: undefined }
      this.#known.set(filter, known)
      if (known.open === undefined) known.open = request
      else if (known.open instanceof Set) known.open.add(request)
      else if (known.open !== request) known.open = new Set([known.open, request])
    }
  }

  /** An UNSUBSCRIBE will be sent. */
  unsubscribed(filters: readonly string[]): void {
    for (const filter of filters) this.#end(filter)
  }

  /** SUBACK granted this filter. `qos` is the QoS of the request. */
  granted({ filter, qos }: SubscriptionRequest, request: SubscribeRequest<R>): void {
    const subscription = this.#known?.get(filter)
    if (subscription === undefined) return
    subscription.qos = qos
    subscription.state = 'granted'
    close(subscription, request)
  }

  /** SUBACK refused this filter of the request. Another open request for the same filter may still be granted. */
  refused(filter: string, request: SubscribeRequest<R>): void {
    const subscription = this.#known?.get(filter)
    if (subscription === undefined || !close(subscription, request) || subscription.state === 'granted') return
    if (subscription.open === undefined) this.#end(filter)
    else subscription.state = 'requested'
  }

  /** The caller no longer waits for this request, so filters that only this request has are not wanted. */
  abandoned(request: SubscribeRequest<R>): void {
    for (const { filter } of request.subscriptions) {
      const subscription = this.#known?.get(filter)
      if (subscription === undefined || !close(subscription, request)) continue
      if (subscription.state === 'requested' && subscription.open === undefined) this.#end(filter)
    }
  }

  /** Those of the filters that no SUBACK has granted since the last UNSUBSCRIBE. */
  notGranted(filters: readonly string[]): readonly string[] {
    return filters.filter((filter) => this.#known?.get(filter)?.state !== 'granted')
  }

  /** The server may have forgotten every subscription. */
  serverForgot(): void {
    for (const subscription of this.#known?.values() ?? []) {
      if (subscription.state === 'granted') subscription.state = 'lost'
    }
  }

  /** The subscriptions that the server has lost, each with the QoS of its request. */
  lost(): SubscriptionRequest[] {
    return this.inspect()
      .filter(({ state }) => state === 'lost')
      .map(({ filter, qos }) => ({ filter, qos }))
  }

  /** The state as plain data. */
  inspect() {
    return [...(this.#known ?? [])].map(([filter, { qos, state }]) => ({ filter, qos, state }))
  }
}

/** Removes a request from the open ones. Returns false if it was not open. */
function close<R>(subscription: Subscription<R>, request: SubscribeRequest<R>): boolean {
  const { open } = subscription
  const wasOpen = open instanceof Set ? open.delete(request) : open === request
  if (wasOpen && (!(open instanceof Set) || open.size === 0)) subscription.open = undefined
  return wasOpen
}
