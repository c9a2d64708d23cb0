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
import { SUBSCRIBE_FAILURE } from '../../codec/packet-constants.js'
import type { SubscribeRequest } from '../exchange/request.js'
import { TextMap } from '../lists/text-map.js'

/** The open SUBSCRIBEs for a Topic Filter, neither answered nor abandoned: one, or a Set of several; undefined if there is none. */
type Open<R> = SubscribeRequest<R> | Set<SubscribeRequest<R>> | undefined

/**
 * A subscription. A call may have 100,000 Topic Filters, so those with the same subscription share one object: it never changes, but
 * its Set does, which belongs to one filter.
 */
interface Subscription<R> {
  /** The QoS in the request that was granted last; the granted QoS may be lower. */
  readonly qos: QoS
  readonly state: 'requested' | 'granted' | 'lost'
  readonly open: Open<R>
}

export class Subscriptions<R> {
  /** The subscriptions by Topic Filter; undefined before the first one. */
  #known: TextMap<Subscription<R>> | undefined
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
    this.#known ??= new TextMap()
    let latest: Subscription<R> | undefined
    for (const { filter, qos } of request.subscriptions) {
      const known = this.#known.get(filter)
      if (known?.open instanceof Set) known.open.add(request)
      else if (known?.open !== request) {
        const open = known?.open === undefined ? request : new Set([known.open, request])
        latest = subscription(latest, known?.qos ?? qos, known?.state ?? 'requested', open)
        this.#known.set(filter, latest)
      }
    }
  }

  /** An UNSUBSCRIBE will be sent. */
  unsubscribed(filters: readonly string[]): void {
    for (const filter of filters) this.#end(filter)
  }

  /** SUBACK came. Returns the filters that it refused. */
  answered(request: SubscribeRequest<R>, returnCodes: ArrayLike<number>): readonly string[] {
    const refused: string[] = []
    let latest: Subscription<R> | undefined
    // [MQTT-3.9.3-1] The Return Codes have the order of the filters.
    request.subscriptions.forEach(({ filter, qos }, index) => {
      const isRefused = (returnCodes[index] ?? 0) >= SUBSCRIBE_FAILURE
      if (isRefused) refused.push(filter)
      const known = isRefused ? undefined : this.#known?.get(filter)
      if (known === undefined) return
      latest = subscription(latest, qos, 'granted', without(known.open, request))
      this.#known?.set(filter, latest)
    })
    for (const filter of refused) this.#notGranted(filter, request, 'requested')
    return refused
  }

  /** The caller no longer waits for this request, so filters that only this request has are not wanted. */
  abandoned(request: SubscribeRequest<R>): void {
    for (const { filter } of request.subscriptions) this.#notGranted(filter, request, 'lost')
  }

  /** Another open request for the same filter may still be granted. */
  #notGranted(filter: string, request: SubscribeRequest<R>, ifLost: 'requested' | 'lost'): void {
    const known = this.#known?.get(filter)
    if (known === undefined || !isOpen(known, request)) return
    const open = without(known.open, request)
    const state = known.state === 'lost' ? ifLost : known.state
    if (state === 'requested' && open === undefined) this.#end(filter)
    else this.#known?.set(filter, { ...known, state, open })
  }

  /** Those of the filters that no subscription has. */
  notKnown(filters: readonly string[]): readonly string[] {
    return filters.filter((filter) => this.#known?.get(filter) === undefined)
  }

  /** Those of the filters that no SUBACK has granted since the last UNSUBSCRIBE. */
  notGranted(filters: readonly string[]): readonly string[] {
    return filters.filter((filter) => this.#known?.get(filter)?.state !== 'granted')
  }

  /** The server may have forgotten every subscription. */
  serverForgot(): void {
    let latest: Subscription<R> | undefined
    this.#known?.forEach(({ qos, state, open }, filter) => {
      if (state !== 'granted') return
      latest = subscription(latest, qos, 'lost', open)
      this.#known?.set(filter, latest)
    })
  }

  /** The subscriptions that the server has lost and the engine has not asked for again, each with the QoS of its request. */
  lost(): SubscriptionRequest[] {
    const lost: SubscriptionRequest[] = []
    this.#known?.forEach(({ qos, state, open }, filter) => {
      // A request of the engine itself has no ticket. Of several, one is of the program: then the filter is asked for again.
      if (state === 'lost' && (!open || open instanceof Set || open.ticket)) lost.push({ filter, qos })
    })
    return lost
  }

  /** The state as plain data. */
  inspect() {
    return [...(this.#known ?? [])].map(([filter, { qos, state }]) => ({ filter, qos, state }))
  }
}

/** `like`, if it is the same. */
function subscription<R>(
  like: Subscription<R> | undefined,
  qos: QoS,
  state: Subscription<R>['state'],
  open: Open<R>,
): Subscription<R> {
  return like?.qos === qos && like.state === state && like.open === open ? like : { qos, state, open }
}

function isOpen<R>({ open }: Subscription<R>, request: SubscribeRequest<R>): boolean {
  return open instanceof Set ? open.has(request) : open === request
}

/** What is open without this request. */
function without<R>(open: Open<R>, request: SubscribeRequest<R>): Open<R> {
  if (!(open instanceof Set)) return open === request ? undefined : open
  open.delete(request)
  return open.size === 0 ? undefined : open
}
