import type { PacketIdentifier } from '../codec/control-packet.js'
import { type Exchange, NOT_SENT, PublishExchange } from './exchange.js'
import { IdentifierMap } from './identifier-map.js'
import { PacketIdentifiers } from './packet-identifiers.js'

/**
 * Every exchange that is open, by Packet Identifier: one table and one source of identifiers for PUBLISH, SUBSCRIBE and
 * UNSUBSCRIBE, so that no two can share one. The messages among them are a linked list, in the order in which the packets
 * that now await an answer were first written: the oldest stands first, and what has to be sent again is sent in this order.
 */
export class ExchangeTable<P, R> {
  /** Where new Packet Identifiers come from. */
  readonly identifiers: PacketIdentifiers
  readonly #exchanges = new IdentifierMap<Exchange<P, R>>()
  #oldest: PublishExchange<P> | undefined
  #newest: PublishExchange<P> | undefined
  #publishes = 0
  #publishesQos2 = 0

  /** `nextPacketId` is the identifier that will be tried first. */
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

  /** How many exchanges are open. */
  get size(): number {
    return this.#exchanges.size
  }

  /** A Packet Identifier that no exchange has; undefined when all 65,535 are taken. */
  takeIdentifier(): PacketIdentifier | undefined {
    return this.identifiers.take(this.#exchanges)
  }

  /** The exchange under an identifier, if there is one. */
  get(packetId: PacketIdentifier): Exchange<P, R> | undefined {
    return this.#exchanges.get(packetId)
  }

  /** Opens an exchange; a message goes to the end of the list. */
  add(exchange: Exchange<P, R>): void {
    this.#exchanges.set(exchange.packetId, exchange)
    if (!(exchange instanceof PublishExchange)) return
    this.#link(exchange)
    this.#count(exchange, 1)
  }

  /** [MQTT-2.3.1-3] Only here does an identifier become free: the exchange is settled, or its connection is gone. */
  delete(exchange: Exchange<P, R>): void {
    if (!this.#exchanges.delete(exchange.packetId) || !(exchange instanceof PublishExchange)) return
    this.#unlink(exchange)
    this.#count(exchange, -1)
  }

  /** [MQTT-4.6.0-4] The first PUBREC moves its exchange to the end, so that PUBRELs keep the order of the PUBRECs. */
  moveToEnd(exchange: PublishExchange<P>): void {
    this.#unlink(exchange)
    this.#link(exchange)
  }

  /** The messages, oldest first. The one that has been reached must stay in its place meanwhile. */
  *messages(): IterableIterator<PublishExchange<P>> {
    for (let exchange = this.#oldest; exchange !== undefined; exchange = exchange.newer) yield exchange
  }

  /**
   * The first message that was written on the present connection. One that still waits to be sent again may stand before
   * it: an acknowledgement from before the loss moves its exchange to the end past those that wait.
   */
  oldestSent(): PublishExchange<P> | undefined {
    let exchange = this.#oldest
    while (exchange !== undefined && exchange.sentAt === NOT_SENT) exchange = exchange.newer
    return exchange
  }

  /** Puts all messages into another order. */
  reorder(messages: readonly PublishExchange<P>[]): void {
    for (const exchange of messages) this.moveToEnd(exchange)
  }

  #link(exchange: PublishExchange<P>): void {
    exchange.older = this.#newest
    if (this.#newest === undefined) this.#oldest = exchange
    else this.#newest.newer = exchange
    this.#newest = exchange
  }

  #unlink(exchange: PublishExchange<P>): void {
    const { older, newer } = exchange
    if (older === undefined) this.#oldest = newer
    else older.newer = newer
    if (newer === undefined) this.#newest = older
    else newer.older = older
    exchange.older = undefined
    exchange.newer = undefined
  }

  #count({ message }: PublishExchange<P>, by: 1 | -1): void {
    this.#publishes += by
    if (message.qos === 2) this.#publishesQos2 += by
  }
}
