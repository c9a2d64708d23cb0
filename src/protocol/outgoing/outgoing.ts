/**
 * Outgoing messages: the queue, the in-flight window, and what happens to both when a connection or a session is lost.
 *
 * A message waits in the queue until the window has room, then gets a Packet Identifier and becomes an exchange. On a
 * new connection the exchanges come first, again in the order in which they were first sent, as far as the window
 * reaches; only when all of them are out does the queue go on. A message at QoS 0 leaves the queue and is settled by
 * being written.
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

/** The connection, as far as messages need it. */
interface Line {
  /** Asked before each message. */
  readonly takesMessages: boolean
  /** A message has been sent: its payload and its Topic Name count, and no more than is written. */
  messageSent(bytes: number): void
}

/** The messages that the client publishes. */
export class Outgoing<P, R> {
  readonly #table: ExchangeTable<P, R>
  readonly #driver: Driver<P, R>
  readonly #settings: SessionSettings
  readonly #queue: OutgoingQueue<P, R>
  /** Absent without a pacer. */
  readonly #gate: PacingGate | undefined
  /** What is still to be sent again on this connection, and how far that has come. */
  #again: readonly PublishExchange<P>[] = nothing
  #againFrom = 0
  /** Messages written on this connection and not yet settled. */
  #outstanding = 0
  #resent = 0
  #roundTripMs: number | undefined

  constructor(table: ExchangeTable<P, R>, driver: Driver<P, R>, settings: SessionSettings) {
    this.#table = table
    this.#driver = driver
    this.#settings = settings
    this.#queue = new OutgoingQueue(settings.queue, driver, settings.journal)
    if (settings.pacer !== undefined) this.#gate = new PacingGate(settings.pacer)
  }

  /** The queue, to look at. */
  get queue(): { readonly size: number; readonly bytes: number; readonly limits: QueueLimits } {
    return this.#queue
  }

  /** PUBLISH and PUBREL packets that were sent more than once. */
  get resent(): number {
    return this.#resent
  }

  /** Milliseconds from the writing of the latest settled packet to its acknowledgement. */
  get roundTripMs(): number | undefined {
    return this.#roundTripMs
  }

  /** Messages that the pacer has made wait. */
  get paced(): number {
    return this.#gate?.paced ?? 0
  }

  /** When the pacer lets the next message go; Infinity if none waits for it. */
  get pacingDeadline(): number {
    return this.#gate?.opensAt ?? Number.POSITIVE_INFINITY
  }

  /** The sequence number of the next message. */
  get nextSequence(): number {
    return this.#queue.nextSequence
  }

  /** Takes over the messages of a stored session. */
  restore(stored: StoredSession, now: number): void {
    this.#queue.nextSequence = stored.nextSequence
    for (const { sequence, topic, payload, qos, retain, binding } of stored.messages) {
      const message = new OutgoingMessage<P>(sequence, topic, payload, qos, retain, undefined, now)
      message.delivery = 'stored'
      if (binding === undefined) this.#queue.put(message)
      else {
        message.place = 'exchange'
        this.#table.add(
          new PublishExchange(binding.packetId, message, binding.received ? 'pubcomp' : firstAwaited(qos)),
        )
      }
    }
  }

  /** True if nothing stands between a new message and the wire. */
  get isClear(): boolean {
    if (this.#settings.pacer !== undefined) return false
    return this.#queue.first === undefined && this.#againFrom === this.#again.length
  }

  /** Puts a message at the end of the queue. @throws QueueFullError if it is at one of its bounds and has to reject. */
  append(draft: MessageDraft, ticket: P | undefined, now: number): OutgoingMessage<P> {
    return this.#queue.append(draft, ticket, now)
  }

  /** Takes back a message that has no Packet Identifier; false if it has one, or is gone. */
  withdraw(message: OutgoingMessage<P>): boolean {
    return this.#queue.withdraw(message)
  }

  /** Rejects the messages that have waited in the queue for longer than `queue.maxAgeMs`. */
  expire(now: number): void {
    this.#queue.expire(now)
  }

  /** When `expire` has something to do; Infinity if nothing can grow too old. */
  get expiryDeadline(): number {
    return this.#queue.expiryDeadline
  }

  /** When the packet was written that has waited longest for its answer on this connection; Infinity if none waits. */
  get oldestWrittenAt(): number {
    return this.#table.oldestSent()?.sentAt ?? Number.POSITIVE_INFINITY
  }

  /** Writes what may be written: first what is sent again, then the queue. */
  pump(line: Line, now: number): void {
    this.#gate?.reset()
    while (
      this.#againFrom < this.#again.length &&
      this.#outstanding < this.#settings.maxInFlight &&
      line.takesMessages
    ) {
      const exchange = this.#again[this.#againFrom]
      if (exchange !== undefined && this.#isDue(exchange)) {
        if (exchange.awaits !== 'pubcomp' && this.#holdsBack(exchange.message, now)) return
        this.#sendAgain(exchange, line, now)
      }
      this.#againFrom += 1
    }
    if (this.#againFrom < this.#again.length) return
    this.#again = nothing
    this.#againFrom = 0
    for (let message = this.#queue.first; message !== undefined && line.takesMessages; message = this.#queue.first) {
      if (message.qos === 0) {
        if (this.#holdsBack(message, now)) return
        this.#queue.take(message)
        message.place = 'gone'
        this.sendQos0(message, line)
        this.#driver.settled(message)
      } else if (!this.#bind(message, message.qos, line, now)) return
    }
  }

  #holdsBack(message: { readonly qos: QoS }, now: number): boolean {
    return this.#gate !== undefined && !this.#gate.admits(message, now)
  }

  /** False if an acknowledgement from before the loss has overtaken the sending. */
  #isDue(exchange: PublishExchange<P>): boolean {
    return exchange.sentAt === NOT_SENT && this.#table.get(exchange.packetId) === exchange
  }

  /** Writes a message at QoS 0. */
  sendQos0(message: PublishContent, line: Line): void {
    // [MQTT-4.3.1-1] Sent once, with QoS 0 and DUP 0, and forgotten.
    this.#driver.sendPublish(message, 0, false, undefined)
    line.messageSent(message.topic.length + message.payload.byteLength)
  }

  #bind(message: OutgoingMessage<P>, qos: 1 | 2, line: Line, now: number): boolean {
    const { maxInFlight, maxInFlightQos2 = maxInFlight } = this.#settings
    if (qos === 2 && this.#table.publishesQos2 >= maxInFlightQos2) return false
    if (this.#table.publishes >= maxInFlight || this.#holdsBack(message, now)) return false
    const packetId = this.#table.takeIdentifier()
    if (packetId === undefined) return false
    this.#queue.take(message)
    message.place = 'exchange'
    const exchange = new PublishExchange(packetId, message, firstAwaited(qos))
    this.#table.add(exchange)
    this.#outstanding += 1
    if (this.#settings.journal === 'kept') this.#driver.record({ kind: 'bound', sequence: message.sequence, packetId })
    // [MQTT-3.3.1-3] DUP says only whether we have sent it before, whatever was received.
    // [MQTT-4.3.2-1] [MQTT-4.3.3-1] A message first goes out under an unused identifier with DUP 0, and is kept.
    this.#driver.sendPublish(message, qos, false, packetId)
    line.messageSent(message.topic.length + message.payload.byteLength)
    exchange.sentAt = now
    if (message.delivery === 'none') message.delivery = 'unknown'
    return true
  }

  #sendAgain(exchange: PublishExchange<P>, line: Line, now: number): void {
    this.#outstanding += 1
    this.#resent += 1
    exchange.sentAt = now
    if (exchange.awaits === 'pubcomp') return this.#driver.sendAcknowledgement('pubrel', exchange.packetId)
    // [MQTT-3.3.1-1] A PUBLISH that may have been sent before carries DUP 1.
    const { message, packetId } = exchange
    this.#driver.sendPublish(message, exchange.awaits === 'puback' ? 1 : 2, true, packetId)
    line.messageSent(message.topic.length + message.payload.byteLength)
  }

  /** The first PUBREC. */
  received(exchange: PublishExchange<P>, now: number): void {
    if (this.#settings.journal === 'kept')
      this.#driver.record({ kind: 'received', sequence: exchange.message.sequence })
    if (exchange.sentAt === NOT_SENT) this.#outstanding += 1
    exchange.awaits = 'pubcomp'
    exchange.sentAt = now
    this.#table.moveToEnd(exchange)
  }

  /** An exchange has come to its end: its identifier is free. */
  settle(exchange: PublishExchange<P>, now: number): void {
    if (exchange.sentAt !== NOT_SENT) {
      this.#outstanding -= 1
      this.#roundTripMs = now - exchange.sentAt
    }
    this.#table.delete(exchange)
    exchange.message.place = 'gone'
    if (this.#settings.journal === 'kept') this.#driver.record({ kind: 'settled', sequence: exchange.message.sequence })
    this.#driver.settled(exchange.message)
  }

  /** Nothing of what was sent counts as sent on the next connection; with a clean session all of it is queued again. */
  connectionEnded(): void {
    this.#again = []
    this.#againFrom = 0
    this.#outstanding = 0
    this.#gate?.reset()
    // [MQTT-3.1.2-4] [MQTT-4.1.0-1] The exchanges stay: they belong to the session, not to the connection.
    for (const exchange of this.#table.messages()) exchange.sentAt = NOT_SENT
    // [MQTT-4.1.0-2] A clean session ends here, with its connection and not before.
    if (this.#settings.cleanSession) this.#requeue()
  }

  /** [MQTT-3.1.2-6] With a clean session, state ends with the connection: what is unacknowledged is a new message. */
  #requeue(): void {
    const unsettled = [...this.#table.messages()].sort(bySequence)
    for (const exchange of unsettled) this.#table.delete(exchange)
    for (const { message } of unsettled.reverse()) this.#queue.prepend(message)
  }

  /** The server has no memory of any exchange: everything is a PUBLISH again, in the order of the messages. */
  serverForgot(): void {
    for (const exchange of this.#table.messages()) exchange.awaits = firstAwaited(exchange.message.qos)
    this.#table.reorder([...this.#table.messages()].sort(bySequence))
  }

  /** [MQTT-4.4.0-1] All that is unacknowledged is to be sent again: PUBRELs in the order of PUBREC, then PUBLISHes. */
  resend(): void {
    const messages = [...this.#table.messages()]
    // [MQTT-4.6.0-1] Within each kind the order of the table is the order in which they were first sent.
    const again = [
      ...messages.filter(({ awaits }) => awaits === 'pubcomp'),
      ...messages.filter(({ awaits }) => awaits !== 'pubcomp'),
    ]
    this.#table.reorder(again)
    // [4.4 no retry timer] Only here, so only once on a connection, does anything become due to be sent again.
    this.#again = again
    this.#againFrom = 0
  }

  /** @internal The state as plain data, for tests and for whoever looks for a fault; exchanges in the table's order. */
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
