import type { PacketIdentifier } from '../../codec/control-packet.js'
import { LinkedList } from '../lists/linked-list.js'
import { PagedMap } from '../lists/paged-map.js'
import { type Exchange, NOT_SENT, PublishExchange } from './exchange.js'
import { PacketIdentifiers } from './packet-identifiers.js'

/**
 * All open exchanges, by Packet Identifier. PUBLISH, SUBSCRIBE and UNSUBSCRIBE share one table and one source of identifiers, so no
 * two exchanges have the same identifier. The exchanges of messages are also in a linked list. Its order is the one in which the
 * packets that now await an answer were first sent, the oldest first. Packets are sent again in this order.
 */
export class ExchangeTable<P, R> {
  /** The source of new Packet Identifiers. */
  readonly identifiers: PacketIdentifiers
  readonly #exchanges = new PagedMap<Exchange<P, R>>()
  readonly #messages = new LinkedList<PublishExchange<P>>()
  #publishes = 0
  #publishesQos2 = 0
  /** Packet Identifiers without an exchange that are not free; undefined if there is none. */
  #reserved: Set<PacketIdentifier> | undefined

  /** `nextPacketId` is the first identifier to try. */
  constructor(nextPacketId: PacketIdentifier) {
    this.identifiers = new PacketIdentifiers(nextPacketId)
  }

  /** The number of exchanges of messages. */
  get publishes(): number {
    return this.#publishes
  }

  /** The number of exchanges of messages at QoS 2. */
  get publishesQos2(): number {
    return this.#publishesQos2
  }

  /** The number of open exchanges. */
  get size(): number {
    return this.#exchanges.size
  }

  /** A Packet Identifier that no exchange has; undefined if all 65,535 are in use. */
  takeIdentifier(): PacketIdentifier | undefined {
    const reserved = this.#reserved
    if (reserved === undefined) return this.identifiers.take(this.#exchanges)
    return this.identifiers.take({
      size: this.#exchanges.size + reserved.size,
      has: (packetId) => this.#exchanges.has(packetId) || reserved.has(packetId),
    })
  }

  /** Identifiers of abandoned messages at QoS 2. */
  get reserved(): readonly PacketIdentifier[] {
    return [...(this.#reserved ?? [])]
  }

  /** The server may await PUBREL for a message that is given up, so its identifier is not used until the server has lost the session. */
  reserve(packetId: PacketIdentifier): void {
    this.#reserved ??= new Set()
    this.#reserved.add(packetId)
    this.identifiers.begun(packetId)
  }

  /** The server has lost the session. */
  serverForgot(): void {
    for (const packetId of this.#reserved ?? []) this.identifiers.ended(packetId, this.#exchanges.size)
    this.#reserved = undefined
  }

  /** The exchange with this identifier; undefined if there is none. */
  get(packetId: PacketIdentifier): Exchange<P, R> | undefined {
    return this.#exchanges.get(packetId)
  }

  /** Adds an exchange. One of a message goes to the end of the list. */
  add(exchange: Exchange<P, R>): void {
    this.#exchanges.set(exchange.packetId, exchange)
    this.identifiers.begun(exchange.packetId)
    if (!(exchange instanceof PublishExchange)) return
    this.#messages.append(exchange)
    this.#count(exchange, 1)
  }

  /** [MQTT-2.3.1-3] An identifier becomes free only here: its exchange is settled, or its connection has ended. */
  delete(exchange: Exchange<P, R>): void {
    if (!this.#exchanges.delete(exchange.packetId)) return
    this.identifiers.ended(exchange.packetId, this.#exchanges.size)
    if (!(exchange instanceof PublishExchange)) return
    this.#messages.remove(exchange)
    this.#count(exchange, -1)
  }

  /** [MQTT-4.6.0-4] The first PUBREC moves its exchange to the end of the list, so PUBRELs have the order of the PUBRECs. */
  moveToEnd(exchange: PublishExchange<P>): void {
    this.#messages.remove(exchange)
    this.#messages.append(exchange)
  }

  /** The exchanges of messages, the oldest first. During the iteration the current one may be deleted; none may be moved. */
  messages(): IterableIterator<PublishExchange<P>> {
    return this.#messages[Symbol.iterator]()
  }

  /**
   * The first exchange in the list whose packet was sent on the present connection. Exchanges that wait to be sent again may be before
   * it: a late PUBREC moves its exchange to the end of the list, behind those that wait.
   */
  oldestSent(): PublishExchange<P> | undefined {
    let exchange = this.#messages.first
    while (exchange !== undefined && exchange.sentAt === NOT_SENT) exchange = exchange.next
    return exchange
  }

  /** Moves these exchanges of messages to the end of the list, in this order. */
  reorder(messages: readonly PublishExchange<P>[]): void {
    for (const exchange of messages) this.moveToEnd(exchange)
  }

  #count({ message }: PublishExchange<P>, by: 1 | -1): void {
    this.#publishes += by
    if (message.qos === 2) this.#publishesQos2 += by
  }
}
