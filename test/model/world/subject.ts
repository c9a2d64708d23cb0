/**
 * The engine under exploration: a real Session, and a driver that writes down what the engine asks for. The engine cannot be
 * copied, because its state is private to it; but it is deterministic, so it is brought to any state by giving a new one
 * the inputs that led there. For that, inputs are plain values.
 */
import type {
  AcknowledgementPacket,
  ControlPacket,
  PacketIdentifier,
  PublishPacket,
  QoS,
} from '../../../src/codec/control-packet.js'
import type { MqttError } from '../../../src/errors.js'
import {
  type Anomaly,
  type Arrival,
  type Connection,
  type ConnectionSettings,
  type Driver,
  type JournalRecord,
  type OutgoingMessage,
  type Pacer,
  type PublishContent,
  publishPacket,
  type Request,
  type Session,
  type SessionSettings,
  type StoredSession,
} from '../../../src/protocol/index.js'
import type { Configuration } from '../configuration/configuration.js'
import { sessionClass } from '../configuration/faults.js'
import { contentOf, type FromServer, messageOf, type NamedPacket, named, refusal } from './packet-name.js'

export type Input =
  | { readonly is: 'start'; readonly stored: StoredSession | undefined; readonly now: number }
  | { readonly is: 'publish'; readonly message: number; readonly now: number }
  | { readonly is: 'withdraw'; readonly message: number; readonly now: number }
  | { readonly is: 'receive'; readonly received: FromServer; readonly now: number }
  | { readonly is: 'handled' | 'unhandled'; readonly index: number; readonly now: number }
  | {
      readonly is:
        | 'subscribe'
        | 'unsubscribe'
        | 'ping'
        | 'connect'
        | 'lost'
        | 'cut'
        | 'tick'
        | 'full'
        | 'drained'
        | 'busy'
        | 'room'
      readonly now: number
    }

export type Output =
  | { readonly is: 'send'; readonly sent: NamedPacket }
  | { readonly is: 'record'; readonly record: JournalRecord }
  | { readonly is: 'deliver' | 'dropped' | 'settled' | 'rejected' | 'abandoned'; readonly message: number }
  | { readonly is: 'answered'; readonly request: 'subscribe' | 'unsubscribe'; readonly grants: 'all' | 'nothing' }
  | { readonly is: 'unanswered'; readonly request: 'subscribe' | 'unsubscribe' }
  | { readonly is: 'refused' }
  | { readonly is: 'connected'; readonly sessionPresent: boolean }
  | { readonly is: 'pinged' }
  | { readonly is: 'closing'; readonly error: MqttError }
  | { readonly is: 'anomaly'; readonly anomaly: Anomaly; readonly packetId: number | undefined }

export class Subject implements Driver<number, string> {
  readonly session: Session<number, string>
  /** What the engine has asked for since the last `take`. */
  #outputs: Output[] = []
  readonly #configuration: Configuration
  readonly #connectionSettings: ConnectionSettings
  readonly #running: Arrival[] = []
  readonly #messages = new Map<number, OutgoingMessage<number>>()
  #connection: Connection<number, string> | undefined
  #handlers: 'free' | 'busy' = 'free'
  /** The number of the PINGREQ that the application asked for. */
  #ping: number | undefined
  #sends = 0
  #reads = true
  #pacedUntil = 0

  constructor(configuration: Configuration, stored: StoredSession | undefined, now: number) {
    this.#configuration = configuration
    const { cleanSession, keepAlive } = configuration
    this.#connectionSettings = {
      connect: { type: 'connect', clientId: 'c', cleanSession, keepAlive },
      pingTimeoutMs: 5_000,
    }
    const settings = settingsOf(configuration, stored)
    const pacer = configuration.paceMs === undefined ? undefined : this.#pacer(configuration.paceMs)
    this.session = new (sessionClass(configuration.fault))({ ...settings, pacer }, this, stored, now)
    if (stored === undefined) this.session.table.identifiers.startAt(configuration.firstPacketId)
  }

  static replay(configuration: Configuration, inputs: readonly Input[]): Subject {
    let subject: Subject | undefined
    for (const input of inputs) {
      if (input.is === 'start') subject = new Subject(configuration, input.stored, input.now)
      else subject?.apply(input)
    }
    subject?.take()
    return subject ?? new Subject(configuration, undefined, 0)
  }

  /** When the pacer lets the next PUBLISH go. */
  get pacedUntil(): number {
    return this.#pacedUntil
  }

  /** The messages that are parked. */
  get parked(): readonly number[] {
    const { parked } = this.session.outgoing.inspect()
    const exchanges = [...this.session.table.messages()].filter(({ packetId }) => parked.includes(packetId))
    return exchanges.map(({ message }) => messageOf(message))
  }

  #pacer(paceMs: number): Pacer {
    return {
      admit: (_qos, now) => {
        if (now < this.#pacedUntil) return false
        this.#pacedUntil = now + paceMs
        return true
      },
      nextAt: () => this.#pacedUntil,
    }
  }

  take(): readonly Output[] {
    const outputs = this.#outputs
    this.#outputs = []
    return outputs
  }

  wantsToRead(now: number): boolean {
    return this.#connection?.wantsToRead(now) ?? true
  }

  apply(input: Exclude<Input, { readonly is: 'start' }>): void {
    const sends = this.#sends
    const reading = this.#reads
    this.#dispatch(input)
    if (this.session.connection === undefined) this.#connection = undefined
    if (this.#connection === undefined) this.#ping = undefined
    if (this.#ping !== undefined && (this.#connection?.pingsAnswered ?? 0) >= this.#ping) {
      this.#ping = undefined
      this.#outputs.push({ is: 'pinged' })
    }
    if (this.#sends > sends) this.#connection?.bytesSent(input.now)
    while (this.#connection?.moreWaits) this.#connection.pump(input.now)
    this.#reads = this.wantsToRead(input.now)
    if (reading && !this.#reads) this.#connection?.readingPaused()
    if (!reading && this.#reads) this.#connection?.readingResumed(input.now)
  }

  #dispatch(input: Exclude<Input, { readonly is: 'start' }>): void {
    const { now } = input
    switch (input.is) {
      case 'publish':
        return this.#publish(input.message, now)
      case 'withdraw': {
        const message = this.#messages.get(input.message)
        if (message !== undefined) this.session.withdraw(message)
        return
      }
      case 'receive':
        this.#connection?.bytesReceived(now)
        return this.#connection?.receive(input.received.packet)
      case 'handled':
        return this.#ended(input.index, (arrival) => this.session.handled(arrival, now))
      case 'unhandled':
        this.#ended(input.index, (arrival) => this.session.unhandled(arrival, now))
        return this.session.lost()
      case 'subscribe':
        this.session.subscribe([{ filter: 'in/+', qos: 2 }], 'subscribe', now)
        return
      case 'unsubscribe':
        this.session.unsubscribe(['in/+'], 'unsubscribe', now)
        return
      case 'ping':
        this.#ping = this.#connection?.ping(now)
        return
      case 'connect':
        this.#connection = this.session.connect(this.#connectionSettings, now)
        return this.#connection.open(now)
      case 'cut':
        this.#connection?.cut(now)
        return this.session.lost()
      case 'lost':
        return this.session.lost()
      case 'tick':
        return this.session.tick(now)
      case 'full':
        return this.#connection?.outputFull()
      case 'drained':
        this.#connection?.outputTaken(now, 'all')
        return this.#connection?.outputDrained(now)
      case 'busy':
        this.#handlers = 'busy'
        return
      case 'room':
        this.#handlers = 'free'
        return this.session.resumeDelivery(now)
    }
  }

  #publish(message: number, now: number): void {
    const qos = this.#configuration.outgoing[message] ?? 0
    const draft = { ...contentOf(message, this.#configuration), qos, retain: false }
    if (qos === 0 && this.session.sendAtOnce(draft)) this.#outputs.push({ is: 'settled', message })
    else this.#messages.set(message, this.session.publish(draft, message, now))
  }

  #ended(index: number, tell: (arrival: Arrival) => void): void {
    const [arrival] = this.#running.splice(index, 1)
    if (arrival !== undefined) tell(arrival)
  }

  send(packet: ControlPacket): void {
    this.#sends += 1
    this.#outputs.push({ is: 'send', sent: named(packet) })
  }

  sendPublish(message: PublishContent, qos: QoS, dup: boolean, packetId: PacketIdentifier | undefined): void {
    this.send(publishPacket(message, qos, dup, packetId))
  }

  sendAcknowledgement(type: AcknowledgementPacket['type'], packetId: PacketIdentifier): void {
    this.send({ type, packetId })
  }

  record(record: JournalRecord): void {
    this.#outputs.push({ is: 'record', record })
  }

  deliver(arrival: Arrival, packet: PublishPacket<Buffer>): 'done' | 'running' | 'later' {
    if (this.#handlers === 'busy') return 'later'
    this.#outputs.push({ is: 'deliver', message: messageOf(packet) })
    if (this.#configuration.handlers === 'at-once') return 'done'
    this.#running.push(arrival)
    return 'running'
  }

  dropped(packet: PublishPacket<Buffer>): void {
    this.#outputs.push({ is: 'dropped', message: messageOf(packet) })
  }

  settled(message: OutgoingMessage<number>): void {
    this.#outputs.push({ is: 'settled', message: messageOf(message) })
  }

  rejected(message: OutgoingMessage<number>): void {
    this.#outputs.push({ is: 'rejected', message: messageOf(message) })
  }

  answered({ kind }: Request<string>, [code = 0]: ArrayLike<number> & Iterable<number>): void {
    this.#outputs.push({ is: 'answered', request: kind, grants: code === refusal ? 'nothing' : 'all' })
  }

  unanswered({ kind }: Request<string>): void {
    this.#outputs.push({ is: 'unanswered', request: kind })
  }

  refused(): void {
    this.#outputs.push({ is: 'refused' })
  }

  abandoned(message: OutgoingMessage<number>): void {
    this.#outputs.push({ is: 'abandoned', message: messageOf(message) })
  }

  divided(): void {
    throw new Error('the application asks for one Topic Filter at a time')
  }

  connected(sessionPresent: boolean): void {
    this.#outputs.push({ is: 'connected', sessionPresent })
  }

  closing(error: MqttError): void {
    this.#outputs.push({ is: 'closing', error })
  }

  anomaly(anomaly: Anomaly, packetId: number | undefined): void {
    this.#outputs.push({ is: 'anomaly', anomaly, packetId })
  }
}

function settingsOf(configuration: Configuration, stored: StoredSession | undefined): SessionSettings {
  const { cleanSession, strict, nudge, sessionPresent, journal } = configuration
  const { maxInFlight, maxInFlightLater, receiveWindow } = configuration
  const { receiveBufferBytes, receiveBufferMaxBytes } = configuration
  return {
    cleanSession,
    strict,
    nudge,
    sessionPresent,
    journal,
    maxInFlight: stored === undefined ? maxInFlight : maxInFlightLater,
    receiveWindow,
    receiveBufferBytes,
    receiveBufferMaxBytes,
    queue: { maxMessages: 100, maxBytes: 100_000, maxAgeMs: Infinity, overflow: 'reject' },
    ackTimeoutMs: 11_000,
    operationTimeoutMs: 13_000,
    abandonAfter: configuration.abandonAfter,
    maxFiltersPerSubscribe: 10,
    strangerPacketId: 30_000,
  }
}
