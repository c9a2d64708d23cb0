/**
 * Outgoing messages: the queue, the in-flight window, and what happens to both when a connection or a session is lost.
 *
 * A message waits in the queue until the window has room. Then it gets a Packet Identifier and becomes an exchange. On a new
 * connection the exchanges are sent first, in the order in which they were first sent, as far as the window has room. When all of them
 * are sent, the queue continues. A message at QoS 0 is settled when it is written.
 */
import type { QoS } from '../../codec/control-packet.js'
import type { Driver, PublishContent } from '../driver.js'
import { NOT_SENT, PublishExchange } from '../exchange/exchange.js'
import type { ExchangeTable } from '../exchange/exchange-table.js'
import { OutgoingMessage } from '../exchange/outgoing-message.js'
import type { StoredSession } from '../journal/journal-record.js'
import type { QueueLimits, SessionSettings } from '../session-settings.js'
import { type MessageDraft, OutgoingQueue } from './outgoing-queue.js'
import { PacingGate } from './pacing.js'

const nothing: readonly never[] = []
const none = new Set<never>()

/** How many messages `sendOne` looks at: work for one packet must not grow with the queue. */
const looksMax = 1_000

/** The connection, as this module sees it. */
interface Line {
  /** Whether another message may be sent; read before each message. */
  readonly hasRoom: boolean
  /** A message was sent; `bytes` is the size of its payload and its Topic Name. */
  messageSent(bytes: number): void
}

/** The messages that the client publishes. */
export class Outgoing<P, R> {
  readonly #table: ExchangeTable<P, R>
  readonly #driver: Driver<P, R>
  readonly #settings: SessionSettings
  readonly #queue: OutgoingQueue<P, R>
  /** Undefined without a pacer. */
  readonly #gate: PacingGate | undefined
  /** The exchanges to send again on this connection. */
  #again: readonly PublishExchange<P>[] = nothing
  /** The index in `#again` of the next one to send. */
  #againFrom = 0
  #outstanding = 0
  /** Messages that the server may refuse by closing: they keep their identifiers, and are sent only by `sendParked`. */
  #parked: Set<PublishExchange<P>> = none
  #resent = 0
  #roundTripMs: number | undefined

  constructor(table: ExchangeTable<P, R>, driver: Driver<P, R>, settings: SessionSettings) {
    this.#table = table
    this.#driver = driver
    this.#settings = settings
    this.#queue = new OutgoingQueue(settings.queue, driver, settings.journal)
    if (settings.pacer !== undefined) this.#gate = new PacingGate(settings.pacer)
  }

  /** The size and the bounds of the queue. */
  get queue(): { readonly size: number; readonly bytes: number; readonly limits: QueueLimits } {
    return this.#queue
  }

  /** How many PUBLISH and PUBREL packets were sent again. */
  get resent(): number {
    return this.#resent
  }

  /** Milliseconds from the last packet of the exchange that was settled last to its acknowledgement. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs
  }

  /** How many messages had to wait for the pacer. */
  get paced(): number {
    return this.#gate?.paced ?? 0
  }

  /** When the pacer admits the next message; Infinity if no message waits for the pacer. */
  get pacingDeadline(): number {
    return this.#gate?.opensAt ?? Infinity
  }

  /** The sequence number of the next message. */
  get nextSequence(): number {
    return this.#queue.nextSequence
  }

  /** Takes over the messages of a stored session. */
  restore(stored: StoredSession, now: number): void {
    this.#queue.nextSequence = stored.nextSequence
    for (const packetId of stored.reserved ?? []) this.#table.reserve(packetId)
    for (const { sequence, topic, payload, qos, retain, binding } of stored.messages) {
      const message = new OutgoingMessage<P>(sequence, topic, payload, qos, retain, undefined, now)
      message.delivery = 'stored'
      if (binding === undefined) this.#queue.put(message)
      else {
        this.#table.add(
          new PublishExchange(binding.packetId, message, binding.received ? 'pubcomp' : firstAwaited(qos)),
        )
      }
    }
  }

  /** True if a new message would be the next to be sent, with no wait for the pacer. */
  get isClear(): boolean {
    if (this.#settings.pacer !== undefined) return false
    return this.#queue.first === undefined && this.#againFrom === this.#again.length
  }

  /** Puts a message at the end of the queue. @throws QueueFullError if a bound is reached and the new message must be rejected. */
  append(draft: MessageDraft, ticket: P | undefined, now: number): OutgoingMessage<P> {
    return this.#queue.append(draft, ticket, now)
  }

  /** Removes a message from the queue. Returns false if it is not there: it has a Packet Identifier, or is gone. */
  withdraw(message: OutgoingMessage<P>): boolean {
    return this.#queue.withdraw(message)
  }

  /** Rejects the messages that have waited in the queue for longer than `queue.maxAgeMs`. */
  expire(now: number): void {
    this.#queue.expire(now)
  }

  /** When `expire` is due; Infinity if it is not. */
  get expiryDeadline(): number {
    return this.#queue.expiryDeadline
  }

  /** When the packet was sent that has waited longest for its answer on this connection; Infinity if no packet waits. */
  get oldestWrittenAt(): number {
    return this.#table.oldestSent()?.sentAt ?? Infinity
  }

  /** Sends as many messages as the window, the pacer and the connection allow: first the exchanges to send again, then the queue. */
  pump(line: Line, now: number): void {
    this.#gate?.reset()
    if (!this.#pumpAgain(line, now, 'all')) return
    this.#again = nothing
    this.#againFrom = 0
    for (let message = this.#queue.first; message !== undefined && line.hasRoom; message = this.#queue.first) {
      if (this.#sendFirst(message, line, now) === undefined) return
    }
  }

  /** Sends the PUBRELs of the exchanges to send again. */
  sendReleases(line: Line, now: number): void {
    this.#gate?.reset()
    this.#pumpAgain(line, now, 'PUBREL')
  }

  /** Returns true when all exchanges are sent again. Those that await PUBCOMP come first. */
  #pumpAgain(line: Line, now: number, which: 'all' | 'PUBREL'): boolean {
    while (this.#againFrom < this.#again.length && this.#outstanding < this.#settings.maxInFlight && line.hasRoom) {
      const exchange = this.#again[this.#againFrom]
      if (exchange !== undefined && this.#isDue(exchange)) {
        if (exchange.awaits !== 'pubcomp' && (which === 'PUBREL' || this.#mustWait(exchange.message, now))) return false
        this.#sendAgain(exchange, line, now)
      }
      this.#againFrom += 1
    }
    return this.#againFrom === this.#again.length
  }

  /** Sends a message of the queue. Undefined if it has to wait. */
  #sendFirst(message: OutgoingMessage<P>, line: Line, now: number): PublishExchange<P> | 'at QoS 0' | undefined {
    if (message.qos !== 0) return this.#bind(message, message.qos, line, now)
    if (this.#mustWait(message, now)) return undefined
    this.#queue.take(message)
    this.sendQos0(message, line)
    this.#driver.settled(message)
    return 'at QoS 0'
  }

  /** Sends the first PUBLISH that `wants` chooses, and no other. Undefined if none is sent. Looks at a limited number of messages. */
  sendOne(
    line: Line,
    now: number,
    wants: (message: OutgoingMessage<P>) => boolean,
  ): PublishExchange<P> | 'at QoS 0' | undefined {
    let looks = 0
    for (let at = this.#againFrom; at < this.#again.length && looks < looksMax; at += 1) {
      const exchange = this.#again[at]
      looks += 1
      if (exchange === undefined || !this.#isDue(exchange) || !wants(exchange.message)) continue
      if (this.#mustWait(exchange.message, now)) return undefined
      this.#sendAgain(exchange, line, now)
      return exchange
    }
    for (const message of this.#queue) {
      looks += 1
      if (looks > looksMax) return undefined
      if (wants(message)) return this.#sendFirst(message, line, now)
    }
    return undefined
  }

  /** How many exchanges were sent on this connection and are not settled. */
  get outstanding(): number {
    return this.#outstanding
  }

  /** Lets the other messages go on without this one. */
  park(exchange: PublishExchange<P>): void {
    if (this.#parked === none) this.#parked = new Set()
    this.#parked.add(exchange)
  }

  /** No message is parked any more: each is sent again in its place, which in a clean session is the one in the queue. */
  unpark(): void {
    if (this.#parked.size === 0) return
    this.#parked.clear()
    return this.#settings.cleanSession ? this.#requeue() : this.resend()
  }

  /** Sends the first parked message that `wants` chooses. */
  sendParked(line: Line, wants: (message: OutgoingMessage<P>) => boolean, now: number): PublishExchange<P> | undefined {
    const exchange = [...this.#parked].find((parked) => this.#isDue(parked) && wants(parked.message))
    if (exchange === undefined || this.#mustWait(exchange.message, now)) return undefined
    this.#sendAgain(exchange, line, now)
    return exchange
  }

  /** Gives up a message that awaits PUBACK or PUBREC. */
  abandon(exchange: PublishExchange<P>): void {
    const { message, packetId } = exchange
    this.#parked.delete(exchange)
    this.#table.delete(exchange)
    if (message.qos === 2 && !this.#settings.cleanSession) this.#table.reserve(packetId)
    if (this.#settings.journal === 'kept') this.#driver.record({ kind: 'abandoned', sequence: message.sequence })
  }

  #mustWait(message: { readonly qos: QoS }, now: number): boolean {
    return this.#gate !== undefined && !this.#gate.admits(message, now)
  }

  /** False if the exchange need not be sent again, because a late acknowledgement of its earlier packet came first. */
  #isDue(exchange: PublishExchange<P>): boolean {
    return exchange.sentAt === NOT_SENT && this.#table.get(exchange.packetId) === exchange
  }

  /** Sends a message at QoS 0. */
  sendQos0(message: PublishContent, line: Line): void {
    // [MQTT-4.3.1-1] The message is sent once, with QoS 0 and DUP 0, and is not kept.
    this.#driver.sendPublish(message, 0, false, undefined)
    line.messageSent(message.topic.length + message.payload.byteLength)
  }

  #bind(message: OutgoingMessage<P>, qos: 1 | 2, line: Line, now: number): PublishExchange<P> | undefined {
    const { maxInFlight, maxInFlightQos2 = maxInFlight } = this.#settings
    // Parked messages take no room: otherwise they could stop all others.
    let inFlightQos2 = this.#table.publishesQos2
    for (const parked of this.#parked) if (parked.message.qos === 2) inFlightQos2 -= 1
    if (qos === 2 && inFlightQos2 >= maxInFlightQos2) return undefined
    if (this.#table.publishes - this.#parked.size >= maxInFlight || this.#mustWait(message, now)) return undefined
    const packetId = this.#table.takeIdentifier()
    if (packetId === undefined) return undefined
    this.#queue.take(message)
    const exchange = new PublishExchange(packetId, message, firstAwaited(qos))
    this.#table.add(exchange)
    this.#outstanding += 1
    if (this.#settings.journal === 'kept') this.#driver.record({ kind: 'bound', sequence: message.sequence, packetId })
    // [MQTT-3.3.1-3] DUP says only whether we have sent this message before. DUP of a received PUBLISH does not matter.
    // [MQTT-4.3.2-1] [MQTT-4.3.3-1] The first PUBLISH has an unused identifier and DUP 0, and the message is kept.
    this.#driver.sendPublish(message, qos, false, packetId)
    line.messageSent(message.topic.length + message.payload.byteLength)
    exchange.sentAt = now
    if (message.delivery === 'none') message.delivery = 'unknown'
    return exchange
  }

  #sendAgain(exchange: PublishExchange<P>, line: Line, now: number): void {
    this.#outstanding += 1
    this.#resent += 1
    exchange.sentAt = now
    if (exchange.awaits === 'pubcomp') {
      exchange.releases += 1
      return this.#driver.sendAcknowledgement('pubrel', exchange.packetId)
    }
    // [MQTT-3.3.1-1] A PUBLISH that may have been sent before has DUP 1. In a clean session, a parked message is a new one.
    const { message, packetId } = exchange
    this.#driver.sendPublish(message, exchange.awaits === 'puback' ? 1 : 2, !this.#settings.cleanSession, packetId)
    line.messageSent(message.topic.length + message.payload.byteLength)
  }

  /** The first PUBREC of an exchange came. */
  received(exchange: PublishExchange<P>, now: number): void {
    if (this.#settings.journal === 'kept')
      this.#driver.record({ kind: 'received', sequence: exchange.message.sequence })
    if (exchange.sentAt === NOT_SENT) this.#outstanding += 1
    this.#parked.delete(exchange)
    exchange.awaits = 'pubcomp'
    exchange.sentAt = now
    this.#table.moveToEnd(exchange)
  }

  /** The last acknowledgement of an exchange came: its identifier is free, and the publish is settled. */
  settle(exchange: PublishExchange<P>, now: number): void {
    if (exchange.sentAt !== NOT_SENT) {
      this.#outstanding -= 1
      this.#roundTripMs = now - exchange.sentAt
    }
    this.#table.delete(exchange)
    this.#parked.delete(exchange)
    if (this.#settings.journal === 'kept') {
      const { sequence } = exchange.message
      // A server without QoS 2 has sent PUBACK, which stands for PUBREC too: the log knows no other end of a message at QoS 2.
      if (exchange.awaits === 'pubrec') this.#driver.record({ kind: 'received', sequence })
      this.#driver.record({ kind: 'settled', sequence })
    }
    this.#driver.settled(exchange.message)
  }

  /** The connection has ended: no exchange counts as sent. With a clean session the messages return to the queue. */
  connectionEnded(): void {
    this.#again = []
    this.#againFrom = 0
    this.#outstanding = 0
    this.#gate?.reset()
    // [MQTT-3.1.2-4] [MQTT-4.1.0-1] The exchanges stay, because they belong to the session, not to the connection.
    for (const exchange of this.#table.messages()) exchange.sentAt = NOT_SENT
    // [MQTT-4.1.0-2] A clean session ends with its connection, and not before.
    if (this.#settings.cleanSession) this.#requeue()
  }

  /** [MQTT-3.1.2-6] The state of a clean session ends with its connection: an unacknowledged message becomes a new message. */
  #requeue(): void {
    const unsettled = [...this.#table.messages()].filter((exchange) => !this.#parked.has(exchange)).sort(bySequence)
    for (const exchange of unsettled) this.#table.delete(exchange)
    this.#queue.putBack(unsettled)
  }

  /** The server has lost the session: each exchange begins again with PUBLISH, in the order of the messages. */
  serverForgot(): void {
    this.#table.serverForgot()
    for (const exchange of this.#table.messages()) exchange.awaits = firstAwaited(exchange.message.qos)
    this.#table.reorder([...this.#table.messages()].sort(bySequence))
  }

  /**
   * The server never says that it has a session. It owns each message since its PUBREC. If PUBREL was sent again on two connections and
   * stayed unanswered, the server has lost the session, and would never answer.
   */
  settleUnreleased(): void {
    for (const exchange of [...this.#table.messages()]) {
      if (exchange.awaits !== 'pubcomp' || exchange.releases < 2) continue
      this.#driver.anomaly('unanswered-pubrel', exchange.packetId)
      this.settle(exchange, 0)
    }
  }

  /** [MQTT-4.4.0-1] Every unacknowledged packet must be sent again: first PUBRELs in the order of PUBREC, then PUBLISHes. */
  resend(): void {
    // [MQTT-4.6.0-1] In the table the PUBRELs, and the PUBLISHes too, have the order in which they were first sent. A
    // parked message keeps its place.
    this.#table.reorder([...this.#table.messages()].filter(({ awaits }) => awaits !== 'pubcomp'))
    // [4.4 no retry timer] Packets are sent again only from here, so only once on a connection.
    this.#again = [...this.#table.messages()].filter((exchange) => !this.#parked.has(exchange))
    this.#againFrom = 0
  }

  /** @internal The state as plain data, for tests and for debugging. The exchanges have the order of the table. */
  inspect() {
    return {
      nextSequence: this.#queue.nextSequence,
      exchanges: [...this.#table.messages()].map(({ packetId, message, awaits, sentAt }) => ({
        packetId,
        sequence: message.sequence,
        awaits,
        sentAt,
      })),
      queue: [...this.#queue].map(({ sequence, qos }) => ({ sequence, qos })),
      again: this.#again.slice(this.#againFrom).map(({ packetId }) => packetId),
      outstanding: this.#outstanding,
      parked: [...this.#parked].map(({ packetId }) => packetId),
      reserved: this.#table.reserved,
    }
  }

  /** Every message that is not settled. */
  *unsettled(): IterableIterator<OutgoingMessage<P>> {
    for (const { message } of this.#table.messages()) yield message
    yield* this.#queue
  }
}

function firstAwaited(qos: 0 | 1 | 2): 'puback' | 'pubrec' {
  return qos === 2 ? 'pubrec' : 'puback'
}

function bySequence<P>(a: PublishExchange<P>, b: PublishExchange<P>): number {
  return a.message.sequence - b.message.sequence
}
