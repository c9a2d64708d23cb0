import type { PacketIdentifier, SubscriptionRequest } from '../../codec/control-packet.js'

interface RequestLife<R> {
  /** The driver's own; undefined for what the engine asks by itself. */
  readonly ticket: R | undefined
  /** How far it has come; an abandoned one is still answered, and nobody waits for it. */
  state: 'waiting' | 'sent' | 'abandoned' | 'over'
  /** From the writing to the answer, or to the end of the connection. */
  packetId: PacketIdentifier | undefined
  /** When it was last written, in milliseconds on the driver's clock. */
  sentAt: number
  /** The one before it in its list: those that wait, that somebody waits for, or that nobody waits for. */
  previous: Request<R> | undefined
  /** The one behind it. */
  next: Request<R> | undefined
}

/** A SUBSCRIBE, from the call to its SUBACK, whose Return Codes have the order of `subscriptions`. */
export interface SubscribeRequest<R> extends RequestLife<R> {
  readonly kind: 'subscribe'
  readonly subscriptions: readonly SubscriptionRequest[]
}

/** An UNSUBSCRIBE, from the call to its UNSUBACK. */
export interface UnsubscribeRequest<R> extends RequestLife<R> {
  readonly kind: 'unsubscribe'
  readonly filters: readonly string[]
}

/** What the server answers by SUBACK or UNSUBACK. */
export type Request<R> = SubscribeRequest<R> | UnsubscribeRequest<R>
