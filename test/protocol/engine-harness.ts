/**
 * An engine that a test drives. `EngineHarness` is a driver that keeps the promises of `Driver`. It notes each call of the engine
 * as one line, in order. Time is a number, which only the test changes.
 *
 *   send PUBREL#5      deliver a        settled a          answered s1: 0 128       closing MQTT_TIMEOUT ping
 *   record held 5      anomaly ... 5    rejected a: ...    unanswered s1: ...       connected new
 *
 * After every call the harness checks that the next deadline is later than now. At every packet it checks that only CONNECT is
 * sent before CONNACK.
 */
import type {
  AcknowledgementPacket,
  ConnectPacket,
  ControlPacket,
  PacketIdentifier,
  PublishPacket,
  QoS,
  SubscriptionRequest,
  UnnamedPublishPacket,
} from '../../src/codec/control-packet.js'
import { ConnectionRefusedError, type MqttError, ProtocolViolationError, TimeoutError } from '../../src/errors.js'
import {
  type Anomaly,
  type Arrival,
  type Connection,
  type Driver,
  type JournalRecord,
  type OutgoingMessage,
  type PublishContent,
  publishPacket,
  type Request,
  Session,
  type SessionSettings,
  type StoredSession,
} from '../../src/protocol/index.js'
import { connack, notation } from './packet-notation.js'

export type Ticket = string

type HandlersAnswer = ReturnType<Driver<Ticket, Ticket>['deliver']>

interface HarnessSettings extends Partial<SessionSettings> {
  readonly keepAlive?: number
  readonly pingTimeoutMs?: number
  readonly stored?: StoredSession
  /**
   * What handlers do with a message: they are done at once, run until `finish`, or take the message later, after `makeRoom`.
   */
  readonly handlers?: HandlersAnswer
}

const roomy: SessionSettings = {
  cleanSession: false,
  journal: 'none',
  strict: true,
  nudge: false,
  maxInFlight: 100,
  receiveWindow: 100,
  receiveBufferBytes: 1_000_000,
  receiveBufferMaxBytes: 16_000_000,
  queue: { maxMessages: 100_000, maxBytes: 100_000_000, maxAgeMs: Infinity, overflow: 'reject' },
  ackTimeoutMs: 20_000,
  operationTimeoutMs: 10_000,
  abandonAfter: 5,
  maxFiltersPerSubscribe: 100,
  strangerPacketId: 30_000,
}

export class EngineHarness implements Driver<Ticket, Ticket> {
  readonly session: Session<Ticket, Ticket>
  readonly connectPacket: ConnectPacket
  readonly messages = new Map<Ticket, OutgoingMessage<Ticket>>()
  readonly requests = new Map<Ticket, Request<Ticket>>()
  readonly records: JournalRecord[] = []
  readonly packets: ControlPacket[] = []
  handlers: HandlersAnswer
  now = 1_000_000
  lastError: MqttError | undefined
  #running: { readonly topic: string; readonly arrival: Arrival }[] = []
  #connection: Connection<Ticket, Ticket> | undefined
  #log: string[] = []
  #unflushed = 0
  readonly #pingTimeoutMs: number

  constructor(settings: HarnessSettings = {}) {
    const { keepAlive = 0, pingTimeoutMs = 5_000, stored, handlers = 'done', ...own } = settings
    this.handlers = handlers
    this.session = new Session({ ...roomy, ...own }, this, stored, this.now)
    this.connectPacket = { type: 'connect', clientId: 'c', cleanSession: this.session.settings.cleanSession, keepAlive }
    this.#pingTimeoutMs = pingTimeoutMs
  }

  // What a test reads

  /** Everything that has happened since the last call. */
  news(): string[] {
    const news = this.#log
    this.#log = []
    return news
  }

  /** The packets that were sent since the last call. Other news is skipped. */
  sent(): string[] {
    return this.#pick('send ')
  }

  /** The messages whose handlers were started since the last call. */
  delivered(): string[] {
    return this.#pick('deliver ')
  }

  #pick(start: string): string[] {
    return this.news().flatMap((line) => (line.startsWith(start) ? [line.slice(start.length)] : []))
  }

  get connection(): Connection<Ticket, Ticket> {
    if (this.#connection === undefined) throw new Error('the test has not connected')
    return this.#connection
  }

  /** Milliseconds until something is due. */
  get dueIn(): number {
    return this.session.nextDeadline() - this.now
  }

  get running(): string[] {
    return this.#running.map(({ topic }) => topic)
  }

  // What a test does: connections

  /** Opens a connection and sends CONNECT. CONNACK does not come yet. */
  open(connect: Partial<ConnectPacket> = {}): this {
    return this.#call(() => {
      this.#connection = this.session.connect(
        {
          connect: { ...this.connectPacket, ...connect },
          pingTimeoutMs: this.#pingTimeoutMs,
        },
        this.now,
      )
      this.#connection.open(this.now)
    })
  }

  /** A stream is being opened; CONNECT has not been sent. */
  dial(): this {
    return this.#call(() => {
      const { keepAlive: _, ...rest } = this.connectPacket
      this.#connection = this.session.connect(
        {
          connect: { ...rest, keepAlive: 0 },
          pingTimeoutMs: this.#pingTimeoutMs,
        },
        this.now,
      )
    })
  }

  /** A connection up to CONNACK with Session Present 0. */
  connect(): this {
    return this.open().receive(connack(false))
  }

  /** The same with Session Present 1. */
  resume(): this {
    return this.open().receive(connack(true))
  }

  /** The server or the network has ended the stream. */
  cutBySomebody(): this {
    return this.#call(() => this.connection.cut(this.now))
  }

  /** The driver gives the socket up. */
  cut(): this {
    return this.#call(() => this.session.lost())
  }

  disconnect(): this {
    return this.#call(() => this.connection.disconnect())
  }

  receive(...packets: ControlPacket<Buffer>[]): this {
    return this.#receive(packets)
  }

  /** PUBLISHes whose Topic Name is no text. */
  receiveUnnamed(...packets: UnnamedPublishPacket<Buffer>[]): this {
    return this.#receive(packets)
  }

  #receive(packets: readonly Parameters<Connection<Ticket, Ticket>['receive']>[0][]): this {
    return this.#call(() => {
      this.connection.bytesReceived(this.now)
      for (const packet of packets) this.connection.receive(packet)
    })
  }

  outputFull(): this {
    return this.#call(() => this.connection.outputFull())
  }

  outputDrained(): this {
    return this.#call(() => this.connection.outputDrained(this.now))
  }

  outputTaken(extent: 'part' | 'all' = 'part'): this {
    return this.#call(() => this.connection.outputTaken(this.now, extent))
  }

  /** PINGREQ, because the program wants to know. */
  ping(): this {
    return this.#call(() => this.connection.ping(this.now))
  }

  readingPaused(): this {
    return this.#call(() => this.connection.readingPaused())
  }

  readingResumed(): this {
    return this.#call(() => this.connection.readingResumed(this.now))
  }

  // What a test does: commands

  publish(topic: string, qos: 0 | 1 | 2, payload: Uint8Array = Buffer.from(topic)): this {
    return this.#call(() => {
      this.messages.set(topic, this.session.publish({ topic, payload, qos, retain: false }, topic, this.now))
    })
  }

  withdraw(topic: string): boolean {
    const message = this.messages.get(topic)
    if (message === undefined) throw new Error(`${topic} was never published`)
    let done = false
    this.#call(() => {
      done = this.session.withdraw(message)
    })
    return done
  }

  subscribe(ticket: Ticket, ...filters: (string | SubscriptionRequest)[]): this {
    const subscriptions = filters.map((filter) => (typeof filter === 'string' ? { filter, qos: 0 as const } : filter))
    return this.#call(() => {
      this.requests.set(ticket, this.session.subscribe(subscriptions, ticket, this.now))
    })
  }

  unsubscribe(ticket: Ticket, ...filters: string[]): this {
    return this.#call(() => {
      this.requests.set(ticket, this.session.unsubscribe(filters, ticket, this.now))
    })
  }

  abandon(ticket: Ticket): boolean {
    const request = this.requests.get(ticket)
    if (request === undefined) throw new Error(`${ticket} was never asked`)
    let unsent = false
    this.#call(() => {
      unsent = this.session.abandon(request)
    })
    return unsent
  }

  /** The handlers of the oldest running message of this topic have ended. */
  finish(topic: string): this {
    const arrival = this.#take(topic)
    return this.#call(() => this.session.handled(arrival, this.now))
  }

  /** The handlers of the oldest running message of this topic have failed. */
  fail(topic: string): this {
    const arrival = this.#take(topic)
    return this.#call(() => this.session.unhandled(arrival, this.now))
  }

  finishAll(): this {
    for (let [topic] = this.running; topic !== undefined; [topic] = this.running) this.finish(topic)
    return this
  }

  /** The handlers that put messages off answer `handlers` from now on. */
  makeRoom(handlers: HandlersAnswer): this {
    this.handlers = handlers
    return this.#call(() => this.session.resumeDelivery(this.now))
  }

  #take(topic: string): Arrival {
    const found = this.#running.find((running) => running.topic === topic)
    if (found === undefined) throw new Error(`no handler of ${topic} is running`)
    this.#running = this.#running.filter((running) => running !== found)
    return found.arrival
  }

  // Time

  /** Lets time pass. `tick` is called at each deadline of the engine. */
  pass(milliseconds: number): this {
    const end = this.now + milliseconds
    for (let due = this.session.nextDeadline(); due <= end; due = this.session.nextDeadline()) {
      this.now = Math.max(this.now, due)
      this.tick()
    }
    this.now = end
    return this
  }

  tick(): this {
    return this.#call(() => this.session.tick(this.now))
  }

  // What the engine asks for

  send(packet: ControlPacket): void {
    if (this.session.connection?.phase === 'connecting' && packet.type !== 'connect') {
      throw new Error(`${packet.type} is sent before CONNECT`)
    }
    this.packets.push(packet)
    this.#log.push(`send ${notation(packet)}`)
    this.#unflushed += 1
  }

  sendPublish(message: PublishContent, qos: QoS, dup: boolean, packetId: PacketIdentifier | undefined): void {
    this.send(publishPacket(message, qos, dup, packetId))
  }

  sendAcknowledgement(type: AcknowledgementPacket['type'], packetId: PacketIdentifier): void {
    this.send({ type, packetId })
  }

  record(record: JournalRecord): void {
    this.records.push(record)
    this.#log.push(`record ${recordNotation(record)}`)
  }

  deliver(arrival: Arrival, { topic, retain }: PublishPacket<Buffer>): HandlersAnswer {
    const what = { done: 'deliver', running: 'deliver', later: 'put off', aside: 'keep aside' }[this.handlers]
    this.#log.push(`${what} ${topic}${retain ? ' retain' : ''}`)
    if (this.handlers === 'running') this.#running.push({ topic, arrival })
    return this.handlers
  }

  dropped({ topic }: PublishPacket<Buffer>, fate: 'comes again' | 'is lost'): void {
    this.#log.push(`drop ${topic}, which ${fate}`)
  }

  settled(message: OutgoingMessage<Ticket>): void {
    this.#log.push(`settled ${message.topic}`)
  }

  rejected(message: OutgoingMessage<Ticket>, error: MqttError): void {
    this.lastError = error
    this.#log.push(`rejected ${message.topic}: ${error.code} ${error.delivery}`)
  }

  abandoned(message: OutgoingMessage<Ticket>, error: MqttError): void {
    this.lastError = error
    this.#log.push(`abandoned ${message.topic}: ${error.code} ${error.delivery}`)
  }

  divided(request: Request<Ticket>, parts: readonly Request<Ticket>[]): void {
    this.#log.push(`divided ${request.ticket} into ${parts.length}`)
  }

  answered(request: Request<Ticket>, returnCodes: ArrayLike<number>): void {
    this.#log.push(`answered ${request.ticket}: ${Array.from(returnCodes).join(' ')}`)
  }

  unanswered(request: Request<Ticket>, error: MqttError): void {
    this.lastError = error
    this.#log.push(`unanswered ${request.ticket}: ${errorNotation(error)}`)
  }

  refused(filters: readonly string[]): void {
    this.#log.push(`refused ${filters.join(' ')}`)
  }

  connected(sessionPresent: boolean): void {
    this.#log.push(`connected ${sessionPresent ? 'resumed' : 'new'}`)
  }

  closing(error: MqttError): void {
    this.lastError = error
    this.#log.push(`closing ${errorNotation(error)}`)
  }

  anomaly(anomaly: Anomaly, packetId?: number): void {
    this.#log.push(packetId === undefined ? `anomaly ${anomaly}` : `anomaly ${anomaly} ${packetId}`)
  }

  #call(command: () => void): this {
    const before = this.session.connection
    command()
    if (this.#unflushed > 0 && this.session.connection !== undefined) this.session.connection.bytesSent(this.now)
    this.#unflushed = 0
    while (this.session.connection?.moreWaits) this.session.connection.pump(this.now)
    // The end of a connection may put messages back into the queue that are too old by now. The engine gets no time with
    // that call.
    const isLost = this.session.connection === undefined || this.session.connection !== before
    if (isLost && this.session.nextDeadline() <= this.now) this.session.tick(this.now)
    // By hand: some tests come here 100,000 times, and `expect` would take most of their time.
    const deadline = this.session.nextDeadline()
    if (!(deadline > this.now)) throw new Error(`the next deadline, ${deadline}, is not later than now, ${this.now}`)
    return this
  }
}

function recordNotation(record: JournalRecord): string {
  switch (record.kind) {
    case 'queued':
      return `queued ${record.sequence} ${record.topic}`
    case 'bound':
      return `bound ${record.sequence} #${record.packetId}`
    case 'received':
    case 'settled':
    case 'withdrawn':
    case 'abandoned':
      return `${record.kind} ${record.sequence}`
    case 'held':
    case 'released':
    case 'reserved':
      return `${record.kind} #${record.packetId}`
    case 'forgotten':
      return 'forgotten'
  }
}

function errorNotation(error: MqttError): string {
  if (error instanceof ProtocolViolationError) return `${error.violation} [${error.statement}]`
  if (error instanceof TimeoutError) return `${error.code} ${error.operation}`
  if (error instanceof ConnectionRefusedError) return `${error.code} ${error.returnCode}`
  return error.code
}
