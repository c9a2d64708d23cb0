import type { PacketIdentifier } from '../../codec/control-packet.js'
import { LinkedList } from '../lists/linked-list.js'
import { PagedMap } from '../lists/paged-map.js'
import { type Exchange, NOT_SENT, PublishExchange } from './exchange.js'
import { PacketIdentifiers } from './packet-identifiers.js'

/**
 * Every exchange that is open, by Packet Identifier: one table and one source of identifiers for PUBLISH, SUBSCRIBE and
 * UNSUBSCRIBE, so that no two can share one. The messages among them are a linked list, in the order in which the
 * packets that now await an answer were first written: the oldest stands first, and what has to be sent again is sent
 * in this order.
 */
export class ExchangeTable<P, R> {
  /** Where new Packet Identifiers come from. */
  readonly identifiers: PacketIdentifiers
  readonly #exchanges = new PagedMap<Exchange<P, R>>()
  readonly #messages = new LinkedList<PublishExchange<P>>()
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
    this.identifiers.begun(exchange.packetId)
    if (!(exchange instanceof PublishExchange)) return
    this.#messages.append(exchange)
    this.#count(exchange, 1)
  }

  /** [MQTT-2.3.1-3] Only here does an identifier become free: the exchange is settled, or its connection is gone. */
  delete(exchange: Exchange<P, R>): void {
    if (!this.#exchanges.delete(exchange.packetId)) return
    this.identifiers.ended(exchange.packetId, this.#exchanges.size)
    if (!(exchange instanceof PublishExchange)) return
    this.#messages.remove(exchange)
    this.#count(exchange, -1)
  }

  /** [MQTT-4.6.0-4] The first PUBREC moves its exchange to the end, so that PUBRELs keep the order of the PUBRECs. */
  moveToEnd(exchange: PublishExchange<P>): void {
    this.#messages.remove(exchange)
    this.#messages.append(exchange)
  }

  /** The messages, oldest first. The one that has been reached may be deleted meanwhile, but none may be moved. */
  messages(): IterableIterator<PublishExchange<P>> {
    return this.#messages[Symbol.iterator]()
  }

  /**
   * The first message that was written on the present connection. One that still waits to be sent again may stand
   * before it: an acknowledgement from before the loss moves its exchange to the end past those that wait.
   */
  oldestSent(): PublishExchange<P> | undefined {
    let exchange = this.#messages.first
    while (exchange !== undefined && exchange.sentAt === NOT_SENT) exchange = exchange.next
    return exchange
  }

  /** Puts all messages into another order. */
  reorder(messages: readonly PublishExchange<P>[]): void {
    for (const exchange of messages) this.moveToEnd(exchange)
  }

  #count({ message }: PublishExchange<P>, by: 1 | -1): void {
    this.#publishes += by
    if (message.qos === 2) this.#publishesQos2 += by
  }
}
