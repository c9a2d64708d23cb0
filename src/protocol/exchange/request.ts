import type { PacketIdentifier, SubscriptionRequest } from '../../codec/control-packet.js'

interface RequestLife<R> {
  /** The data of the driver; undefined for a request of the engine itself. */
  readonly ticket: R | undefined
  /** The state of the request. 'abandoned': sent, and the caller no longer waits; the server may still answer. */
  state: 'waiting' | 'sent' | 'abandoned' | 'over'
  /** The identifier, from sending to the answer or to the end of the connection; otherwise undefined. */
  packetId: PacketIdentifier | undefined
  /** When the request was last sent, in milliseconds on the driver's clock. */
  sentAt: number
  /** For how many milliseconds the request was sent and unanswered on earlier connections. */
  waitedMs: number
  /** 'closing': there is no answer, but the server was seen to refuse the request by closing the connection. */
  refusedBy: 'SUBACK' | 'closing'
  /** The request before it in its list; `Requests` has the three lists. */
  previous: Request<R> | undefined
  /** The request after it. */
  next: Request<R> | undefined
}

/** A SUBSCRIBE, from the call to its SUBACK. The Return Codes of SUBACK have the order of `subscriptions`. */
export interface SubscribeRequest<R> extends RequestLife<R> {
  readonly kind: 'subscribe'
  readonly subscriptions: readonly SubscriptionRequest[]
}

/** An UNSUBSCRIBE, from the call to its UNSUBACK. */
export interface UnsubscribeRequest<R> extends RequestLife<R> {
  readonly kind: 'unsubscribe'
  /** Fewer when the request is sent again: without those that a later SUBSCRIBE has been granted. */
  filters: readonly string[]
}

/** A request that the server answers by SUBACK or UNSUBACK. */
export type Request<R> = SubscribeRequest<R> | UnsubscribeRequest<R>
