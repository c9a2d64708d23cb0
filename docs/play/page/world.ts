/**
 * A client with the real engine, a server, and the network between them. Nothing happens by itself: each move is one step of the
 * network, the program or the server, and says what was done and by which rule.
 *
 * A packet that was sent waits in the network until it is delivered. A cut loses what waits there, as the end of a TCP connection
 * does. A crash loses the memory of the client as well; what is on its disk stays.
 */
import type {
  AcknowledgementPacket,
  ControlPacket,
  PacketIdentifier,
  PublishPacket,
  QoS,
} from '../../../src/codec/index.js'
import {
  type Arrival,
  type Connection,
  type Driver,
  type JournalRecord,
  type OutgoingMessage,
  type PublishContent,
  publishPacket,
  Session,
  type SessionSettings,
} from '../../../src/protocol/index.js'
import { SessionReducer } from '../../../src/protocol/journal/session-reducer.js'
import { Broker } from '../../../src/testing/broker/broker.js'
import { allHabits } from '../../../src/testing/broker/habits.js'
import { ServedConnection } from '../../../src/testing/broker/served-connection.js'
import type { Move } from './move.js'
import { type Reason, reasonOf, recordReason } from './reasons.js'
import { ServerView } from './server-view.js'
import { nameOf, recordText } from './words.js'

/** Something that was done, and the rule behind it. */
export interface Step extends Reason {
  readonly by: 'program' | 'client' | 'disk' | 'network' | 'server'
  readonly what: string
}

/** No time passes by itself, so no time-out ends a step that the reader thinks about. */
const never = 1_000_000_000
/** Longer than a connection has to last until the engine trusts it. */
const connectionMs = 60_000

const settings: SessionSettings = {
  cleanSession: false,
  journal: 'kept',
  strict: false,
  nudge: false,
  maxInFlight: 10,
  receiveWindow: 1,
  receiveBufferBytes: 1_000_000,
  receiveBufferMaxBytes: 1_000_000,
  queue: { maxMessages: 100, maxBytes: 100_000, maxAgeMs: Infinity, overflow: 'reject' },
  ackTimeoutMs: never,
  operationTimeoutMs: never,
  abandonAfter: Infinity,
  maxFiltersPerSubscribe: 10,
  strangerPacketId: 1_000,
}

const clientId = 'lamp'
const newsTopic = 'news'

export class World implements Driver<number, string> {
  readonly steps: Step[] = []
  /** The journal of the client: everything that outlives a crash. */
  readonly disk: JournalRecord[] = []
  /** Packets on their way, the oldest first. */
  readonly toServer: ControlPacket<Buffer>[] = []
  readonly toClient: ControlPacket<Buffer>[] = []
  readonly server = new ServerView()
  /** How often a handler was called, by message. */
  readonly handled = new Map<string, number>()
  /** How often other clients got a message of this client, by message. */
  readonly published = new Map<string, number>()
  readonly #broker = new Broker(allHabits(undefined))
  readonly #running: { readonly arrival: Arrival; readonly text: string }[] = []
  #session: Session<number, string> | undefined
  #connection: Connection<number, string> | undefined
  #served: ServedConnection | undefined
  #now = 0
  #lastPublished = 0
  #lastNews = 0
  #wantsNews = false

  constructor() {
    this.#watch()
    this.#boot()
  }

  /** The world after these moves; a move that is not possible is left out. */
  static after(list: readonly Move[]): World {
    const world = new World()
    for (const move of list) if (world.allows(move)) world.do(move)
    return world
  }

  /** Whether the client has a connection, of whatever phase. */
  get isConnected(): boolean {
    return this.#connection !== undefined
  }

  /** The messages whose handlers run. */
  get running(): readonly string[] {
    return this.#running.map(({ text }) => text)
  }

  /** The text of a message of the client, by its number in the Session. A message at QoS 0 is not on the disk. */
  textOf(sequence: number): string {
    for (const record of this.disk) {
      if (record.kind === 'queued' && record.sequence === sequence) return Buffer.from(record.payload).toString()
    }
    return 'at QoS 0'
  }

  /** The state of the engine, as plain data. */
  get engine() {
    return this.#session?.inspect(this.#now)
  }

  /** Whether the move is possible now. */
  allows(move: Move): boolean {
    switch (move) {
      case 'connect':
        return !this.isConnected
      case 'subscribe':
        return !this.#wantsNews
      case 'to-server':
        return this.toServer.length > 0
      case 'to-client':
        return this.toClient.length > 0
      case 'handler-ends':
        return this.#running.length > 0
      case 'cut':
      case 'crash':
        return this.isConnected
      default:
        return true
    }
  }

  do(move: Move): void {
    switch (move) {
      case 'connect':
        return this.#connect()
      case 'subscribe':
        return this.#subscribe()
      case 'publish-0':
        return this.#publish(0)
      case 'publish-1':
        return this.#publish(1)
      case 'publish-2':
        return this.#publish(2)
      case 'news-0':
        return this.#news(0)
      case 'news-1':
        return this.#news(1)
      case 'news-2':
        return this.#news(2)
      case 'to-server':
        return this.#deliverToServer()
      case 'to-client':
        return this.#deliverToClient()
      case 'handler-ends':
        return this.#handlerEnds()
      case 'cut':
        return this.#cut()
      case 'crash':
        return this.#crash()
      case 'forget':
        return this.#forget()
    }
  }

  /** Another client, that reads whatever this one publishes. */
  #watch(): void {
    const reader = new ServedConnection(
      this.#broker,
      {
        send: (packet) => {
          if (packet.type === 'publish') count(this.published, packet.payload.toString())
        },
        close: () => {},
        fail: () => {},
        isFull: false,
      },
      () => ({ connect: () => 0, filter: () => false, publish: () => false }),
    )
    reader.receive({ type: 'connect', clientId: 'reader', cleanSession: true, keepAlive: 0 })
    reader.receive({ type: 'subscribe', packetId: 1, subscriptions: [{ filter: `${clientId}/#`, qos: 0 }] })
  }

  /** A process of the client starts, with what the disk has. */
  #boot(): void {
    const reducer = new SessionReducer()
    for (const record of this.disk) reducer.apply(record)
    const stored = this.disk.length === 0 ? undefined : reducer.snapshot()
    this.#session = new Session(settings, this, stored, this.#now)
    if (this.#wantsNews) this.#session.subscribe([{ filter: newsTopic, qos: 2 }], newsTopic, this.#now)
  }

  #connect(): void {
    if (this.#session === undefined) this.#boot()
    const session = this.#session
    if (session === undefined) return
    const hangUp = () => this.#lose('the server closes the connection')
    this.#served = new ServedConnection(
      this.#broker,
      { send: (packet) => this.#serverSends(packet), close: hangUp, fail: hangUp, isFull: false },
      () => ({ connect: () => 0, filter: () => false, publish: () => false }),
    )
    const connect = { type: 'connect', clientId, cleanSession: false, keepAlive: 0 } as const
    this.#connection = session.connect({ connect, pingTimeoutMs: never }, this.#now)
    this.#engine(() => this.#connection?.open(this.#now))
  }

  #subscribe(): void {
    this.#wantsNews = true
    this.#note('program', `subscribe('${newsTopic}', { qos: 2 })`)
    this.#engine((session) => void session.subscribe([{ filter: newsTopic, qos: 2 }], newsTopic, this.#now))
  }

  #publish(qos: QoS): void {
    this.#lastPublished += 1
    const message = this.#lastPublished
    const topic = `${clientId}/${message}`
    this.#note('program', `publish('${topic}', 'm${message}', { qos: ${qos} })`)
    const draft = { topic, payload: Buffer.from(`m${message}`), qos, retain: false }
    this.#engine((session) => {
      if (qos === 0 && session.sendAtOnce(draft)) this.#settledText(topic)
      else session.publish(draft, message, this.#now)
    })
  }

  #news(qos: QoS): void {
    this.#lastNews += 1
    const payload = Buffer.from(`n${this.#lastNews}`)
    this.#note('server', `another client publishes 'n${this.#lastNews}' on '${newsTopic}' at QoS ${qos}`)
    this.#broker.publish({ topic: newsTopic, payload, qos, retain: false })
  }

  #deliverToServer(): void {
    const packet = this.toServer.shift()
    if (packet === undefined) return
    this.#step('server', `gets ${nameOf(packet)}`, this.server.got(packet))
    this.#served?.receive(packet)
  }

  #deliverToClient(): void {
    const packet = this.toClient.shift()
    if (packet === undefined) return
    this.#note('client', `gets ${nameOf(packet)}`)
    this.#engine(() => {
      this.#connection?.bytesReceived(this.#now)
      this.#connection?.receive(packet)
    })
  }

  #handlerEnds(): void {
    const ended = this.#running.shift()
    if (ended === undefined) return
    this.#note('program', `the handler of '${ended.text}' ends`)
    this.#engine((session) => session.handled(ended.arrival, this.#now))
  }

  #cut(): void {
    this.#lose('the connection is cut')
  }

  /** Both sides lose the connection, and what is on its way is lost. */
  #lose(what: string): void {
    const lost = this.toServer.length + this.toClient.length
    this.#note('network', lost === 0 ? what : `${what}; ${lost} ${lost === 1 ? 'packet is' : 'packets are'} lost`)
    this.#disconnected()
    this.#now += connectionMs
    const connection = this.#connection
    this.#connection = undefined
    connection?.cut(this.#now)
    this.#session?.lost()
  }

  #disconnected(): void {
    this.toServer.length = 0
    this.toClient.length = 0
    const served = this.#served
    this.#served = undefined
    served?.end()
  }

  #crash(): void {
    this.#note('client', 'the process of the client is killed; its disk stays')
    this.#disconnected()
    this.#now += connectionMs
    this.#running.length = 0
    this.#connection = undefined
    this.#session = undefined
  }

  #forget(): void {
    if (this.isConnected) this.#lose('the server restarts')
    this.#step('server', 'has lost all Sessions', {
      why: 'It may: the standard lets a server discard Sessions, for example at a failure. CONNACK will say so.',
      statement: 'section 4.1',
    })
    this.#broker.forget(clientId)
    this.server.forget()
  }

  /** Calls the engine as a driver has to: what it sends may stand before a write, and then it is asked to go on. */
  #engine(call: (session: Session<number, string>) => void): void {
    if (this.#session === undefined) this.#boot()
    if (this.#session !== undefined) call(this.#session)
    this.#connection?.bytesSent(this.#now)
    while (this.#connection?.moreWaits) this.#connection.pump(this.#now)
  }

  #serverSends(packet: ControlPacket<Buffer>): void {
    this.toClient.push(packet)
    this.#step('server', `sends ${nameOf(packet)}`, reasonOf(packet, 'server'))
    this.server.sent(packet)
  }

  send(packet: ControlPacket): void {
    const owned = withBuffers(packet)
    this.toServer.push(owned)
    this.#step('client', `sends ${nameOf(owned)}`, reasonOf(owned, 'client'))
  }

  sendPublish(message: PublishContent, qos: QoS, dup: boolean, packetId: PacketIdentifier | undefined): void {
    this.send(publishPacket(message, qos, dup, packetId))
  }

  sendAcknowledgement(type: AcknowledgementPacket['type'], packetId: PacketIdentifier): void {
    this.send({ type, packetId })
  }

  record(record: JournalRecord): void {
    this.disk.push(record)
    this.#step('disk', `keeps: ${recordText(record)}`, recordReason(record))
  }

  deliver(arrival: Arrival, packet: PublishPacket<Buffer>): 'running' {
    const text = packet.payload.toString()
    this.#running.push({ arrival, text })
    count(this.handled, text)
    this.#step('program', `the handler of '${text}' is called`, {
      why:
        packet.qos === 2
          ? 'The message is delivered when it first comes; from then on its Packet Identifier tells copies from it.'
          : 'A message is delivered when it comes.',
      statement: packet.qos === 2 ? 'MQTT-4.3.3-2' : packet.qos === 1 ? 'MQTT-4.3.2-2' : '',
    })
    return 'running'
  }

  settled({ topic }: OutgoingMessage<number>): void {
    this.#settledText(topic)
  }

  #settledText(topic: string): void {
    this.#note('program', `publish('${topic}') resolves`)
  }

  rejected({ topic }: OutgoingMessage<number>): void {
    this.#note('program', `publish('${topic}') rejects`)
  }

  abandoned(message: OutgoingMessage<number>): void {
    this.rejected(message)
  }

  answered({ kind }: { readonly kind: string }): void {
    this.#note('program', `${kind}() resolves`)
  }

  unanswered(): void {}

  refused(): void {}

  divided(): void {}

  dropped(): void {}

  anomaly(): void {}

  connected(sessionPresent: boolean): void {
    this.#note('program', `the client is online, ${sessionPresent ? 'and its Session goes on' : 'with a new Session'}`)
  }

  closing(error: Error): void {
    this.#note('client', `closes the connection: ${error.message}`)
  }

  #note(by: Step['by'], what: string): void {
    this.steps.push({ by, what, why: '', statement: '' })
  }

  #step(by: Step['by'], what: string, reason: Reason): void {
    this.steps.push({ by, what, ...reason })
  }
}

/** The payload of a PUBLISH as a copy of its own: it may wait in the network longer than the engine keeps it. */
function withBuffers(packet: ControlPacket): ControlPacket<Buffer> {
  switch (packet.type) {
    case 'publish':
      return { ...packet, payload: Buffer.from(packet.payload) }
    case 'connect':
      return { type: 'connect', clientId, cleanSession: packet.cleanSession, keepAlive: packet.keepAlive }
    default:
      return packet
  }
}

function count(counts: Map<string, number>, text: string): void {
  counts.set(text, (counts.get(text) ?? 0) + 1)
}
