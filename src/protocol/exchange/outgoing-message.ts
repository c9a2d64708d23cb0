import type { QoS } from '../../codec/control-packet.js'
import type { DeliveryState } from '../../errors.js'

/** Where a message is: in the queue, under a Packet Identifier, or neither any more. */
export type Place = 'queue' | 'exchange' | 'gone'

/**
 * One message that `publish` accepted, from its place in the queue to its settlement. `sequence` is its rank among all
 * messages of the session and never changes; a Packet Identifier it gets only when it enters the in-flight window.
 * `ticket` is the driver's own: the engine hands it back with the outcome. A message that was read from a session store
 * has none.
 */
export class OutgoingMessage<P> {
  /** Its rank among all messages of the session, from 1. */
  readonly sequence: number
  /** The Topic Name. */
  readonly topic: string
  /** The Application Message. */
  readonly payload: Uint8Array
  /** 0, 1 or 2 (section 4.3). */
  readonly qos: QoS
  /** Whether the server is asked to keep it. */
  readonly retain: boolean
  /** The driver's own; undefined if the message was read from a session store. */
  readonly ticket: P | undefined
  /** When it was accepted, in milliseconds on the driver's clock. */
  readonly queuedAt: number
  /** Where it is now. */
  place: Place = 'queue'
  /** What a rejection would have to say: 'unknown' from the moment in which a PUBLISH is written. */
  delivery: DeliveryState = 'none'
  /** The one before it in the queue: a linked list, so that a message can be taken from its middle. */
  previous: OutgoingMessage<P> | undefined = undefined
  /** The one behind it. */
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

  /** What it counts for in the bound of the queue: its payload, its Topic Name, and about what the object costs. */
  get bytes(): number {
    return this.payload.byteLength + this.topic.length + 128
  }
}
