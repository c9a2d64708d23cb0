import type { QoS } from '../codec/control-packet.js'
import type { DeliveryState } from '../errors.js'

/** Where a message is: in the queue, under a Packet Identifier, or neither any more. */
export type Place = 'queue' | 'exchange' | 'gone'

/**
 * One message that `publish` accepted, from its place in the queue to its settlement. `sequence` is its rank among all
 * messages of the session and never changes; a Packet Identifier it gets only when it enters the in-flight window.
 * `ticket` is the driver's own: the engine hands it back with the outcome. A message that was read from a session store
 * has none.
 */
export class OutgoingMessage<P> {
  readonly sequence: number
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly retain: boolean
  readonly ticket: P | undefined
  /** Milliseconds on the driver's clock. */
  readonly queuedAt: number
  place: Place = 'queue'
  /** What a rejection would have to say: 'unknown' from the moment in which a PUBLISH is written. */
  delivery: DeliveryState = 'none'
  /** The neighbours in the queue, which is a linked list so that a message can be taken from its middle. */
  previous: OutgoingMessage<P> | undefined = undefined
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

  /** What the message counts for in the queue's bound: its payload, its Topic Name, and about what the object itself costs. */
  get bytes(): number {
    return this.payload.byteLength + this.topic.length + 128
  }
}
