import type { PacketIdentifier } from '../codec/control-packet.js'
import { type Exchange, NOT_SENT, PublishExchange } from './exchange.js'
import { PacketIdentifiers } from './packet-identifiers.js'

/**
 * Every exchange that is open, by Packet Identifier: one table and one source of identifiers for PUBLISH, SUBSCRIBE and
 * UNSUBSCRIBE, so that no two can share one. Its order is the order in which the packets that now await an answer were
 * first written: the oldest stands first, and what has to be sent again is sent in this order.
 */
export class ExchangeTable<P, R> {
  readonly identifiers: PacketIdentifiers
  readonly #exchanges = new Map<PacketIdentifier, Exchange<P, R>>()
  #publishes = 0
  #publishesQos2 = 0

  constructor(nextPacketId: PacketIdentifier) {
    this.identifiers = new PacketIdentifiers(nextPacketId)
  }

  /** How many of the exchanges are messages. */
  get publishes(): number {
    return this.#publishes
  }

  /** How many of them are at QoS 2. */
  get publishesQos2(): number {
    return this.#publishesQos2
  }

  get size(): number {
    return this.#exchanges.size
  }

  takeIdentifier(): PacketIdentifier | undefined {
    return this.identifiers.take(this.#exchanges)
  }

  get(packetId: PacketIdentifier): Exchange<P, R> | undefined {
    return this.#exchanges.get(packetId)
  }

  add(exchange: Exchange<P, R>): void {
    this.#exchanges.set(exchange.packetId, exchange)
    if (exchange instanceof PublishExchange) this.#count(exchange, 1)
  }

  /** [MQTT-2.3.1-3] Only here does an identifier become free: the exchange is settled, or its connection is gone. */
  delete(exchange: Exchange<P, R>): void {
    if (this.#exchanges.delete(exchange.packetId) && exchange instanceof PublishExchange) this.#count(exchange, -1)
  }

  /** [MQTT-4.6.0-4] The first PUBREC moves its exchange to the end, so that PUBRELs keep the order of the PUBRECs. */
  moveToEnd(exchange: PublishExchange<P>): void {
    this.#exchanges.delete(exchange.packetId)
    this.#exchanges.set(exchange.packetId, exchange)
  }

  /** The messages, oldest first. */
  *messages(): IterableIterator<PublishExchange<P>> {
    for (const exchange of this.#exchanges.values()) if (exchange instanceof PublishExchange) yield exchange
  }

  /**
   * The first message that was written on the present connection. One that still waits to be sent again may stand before
   * it: an acknowledgement from before the loss moves its exchange to the end past those that wait.
   */
  oldestSent(): PublishExchange<P> | undefined {
    for (const exchange of this.#exchanges.values()) {
      if (exchange instanceof PublishExchange && exchange.sentAt !== NOT_SENT) return exchange
    }
    return undefined
  }

  /** Puts the messages into another order; there must be no other exchanges. */
  reorder(messages: readonly PublishExchange<P>[]): void {
    this.#exchanges.clear()
    this.#publishes = 0
    this.#publishesQos2 = 0
    for (const exchange of messages) this.add(exchange)
  }

  #count({ message }: PublishExchange<P>, by: 1 | -1): void {
    this.#publishes += by
    if (message.qos === 2) this.#publishesQos2 += by
  }
}
