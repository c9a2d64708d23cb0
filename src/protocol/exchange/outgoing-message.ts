import type { QoS } from '../../codec/control-packet.js'
import type { DeliveryState } from '../../errors.js'

/** The place of a message: in the queue, or 'elsewhere': in an exchange, or settled, or given up. Only the queue sets it. */
export type Place = 'queue' | 'elsewhere'

/**
 * One message that `publish` accepted, until its publish is settled. Its `sequence` never changes. It has no Packet Identifier: its
 * exchange has one, when the message has entered the in-flight window. The driver finds its own data for the message in `ticket`, when
 * the engine reports the outcome. A message from a session store has no ticket.
 */
export class OutgoingMessage<P> {
  /** The number of the message in the session: it rises with each message, from 1. */
  readonly sequence: number
  /** The Topic Name. */
  readonly topic: string
  /** The Application Message. */
  readonly payload: Uint8Array
  /** 0, 1 or 2 (section 4.3). */
  readonly qos: QoS
  /** RETAIN: whether the server is to keep the message for later subscribers. */
  readonly retain: boolean
  /** The data of the driver; undefined if the message is from a session store. */
  readonly ticket: P | undefined
  /** When `publish` accepted the message, in milliseconds on the driver's clock. */
  readonly queuedAt: number
  /** The present place of the message. */
  place: Place = 'elsewhere'
  /** The `delivery` of an error that rejects the publish: 'unknown' from the first PUBLISH on. */
  delivery: DeliveryState = 'none'
  /** The message before it in the queue. The queue is a linked list, so a message can be removed from its middle. */
  previous: OutgoingMessage<P> | undefined = undefined
  /** The message after it. */
  next: OutgoingMessage<P> | undefined = undefined

  constructor(
    sequence: number,
    topic: string,
    payload: Uint8Array,
    qos: QoS,
    retain: boolean,
    ticket: P | undefined,
    queuedAt: number,
  ) {
    this.sequence = sequence
    this.topic = topic
    this.payload = payload
    this.qos = qos
    this.retain = retain
    this.ticket = ticket
    this.queuedAt = queuedAt
  }

  /** The size that counts for the bound of the queue: the payload, the Topic Name, and about the size of the object. */
  get bytes(): number {
    return this.payload.byteLength + this.topic.length + 128
  }
}
