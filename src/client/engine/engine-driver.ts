/**
 * Drives the engine: gives it a clock, a timer, a socket and a journal, and hands its answers to whoever waits for them.
 *
 * Work is gathered by turns of the event loop. The first thing that is sent or recorded in a turn schedules a flush for its end. The
 * flush writes one chunk, starts one append to the journal, and looks at the next deadline once, for any number of messages.
 */
import type {
  AcknowledgementPacket,
  ConnectPacket,
  ControlPacket,
  DecodedPacket,
  PacketIdentifier,
  PublishPacket,
  QoS,
} from '../../codec/control-packet.js'
import type { PacketAnomaly } from '../../codec/decode/packet-reader.js'
import { type MqttError, StoreError } from '../../errors.js'
import type { Connection } from '../../protocol/connection/connection.js'
import type { Anomaly, Driver, PublishContent } from '../../protocol/driver.js'
import type { OutgoingMessage } from '../../protocol/exchange/outgoing-message.js'
import type { Request, SubscribeRequest } from '../../protocol/exchange/request.js'
import type { Arrival } from '../../protocol/incoming/arrival.js'
import type { JournalRecord } from '../../protocol/journal/journal-record.js'
import { Session } from '../../protocol/session.js'
import type { OpenTransport, Peer } from '../../transport/index.js'
import { Delivery } from '../deliver/delivery.js'
import type { ClientSettings } from '../options/client-settings.js'
import { PublishOutcomes } from '../publish/publish-outcomes.js'
import type { PublishTicket } from '../publish/publish-ticket.js'
import type { RequestTicket } from '../subscribe/tickets.js'
import { ClientCounters } from '../surface/counters.js'
import { channels } from '../surface/diagnostics.js'
import { acknowledgementBytes, ConnectionStream, type StreamOwner } from './connection-stream.js'
import { DeliveryBridge, type DeliveryDriver } from './delivery-bridge.js'
import { engineSettings } from './engine-settings.js'
import { tellMisformed, warnOfDropped, warnOfMissingQos2, warnOfUnansweredPubrel } from './message-warnings.js'
import { OpenedStore } from './opened-store.js'
import { type PingSettings, Pings } from './pings.js'
import { type DeadlineOwner, Timers } from './timers.js'

/** What the driver tells the lifecycle of the client. */
export interface EngineEvents {
  connected(sessionPresent: boolean): void
  /** The connection has ended or has to end. Every end of a connection is reported here, whatever its cause. */
  connectionEnded(error: Error): void
  /** The client has to end with this error. */
  failed(error: Error): void
  refused(filters: readonly string[]): void
  abandoned(message: OutgoingMessage<PublishTicket>, error: Error): void
  /** A turn has ended: `end()` may be able to go on. */
  turnEnded(): void
}

export class EngineDriver implements Driver<PublishTicket, RequestTicket>, DeliveryDriver, DeadlineOwner, StreamOwner {
  /** The MqttClient, for the messages of the diagnostics channels. */
  readonly client: object
  readonly counters = new ClientCounters()
  readonly delivery: Delivery
  readonly timers = new Timers(this)
  readonly outcomes: PublishOutcomes
  readonly #settings: ClientSettings
  readonly #events: EngineEvents
  #session: Session<PublishTicket, RequestTicket> | undefined
  /** Undefined before the first attempt, and for good if there is no store. */
  #store: OpenedStore | undefined
  #stream: ConnectionStream | undefined
  /** Reports of the engine. They run when its call has returned, because the code that gets a report may call the engine again. */
  #reports: (() => void)[] = noReports
  /** The number of calls of `deliver` that have not returned. Only `deliver` may call the engine before the engine's call returns. */
  #deliveries = 0
  /** Makes the error of a call that waits when the client has ended. Undefined until then. */
  endError: ((message?: Pick<OutgoingMessage<PublishTicket>, 'delivery'>) => unknown) | undefined
  /** Whether `deliver` is called again, at the end of this turn, for the arrivals that got 'later' or 'aside'. */
  #offers: 'as before' | 'again' = 'as before'
  #pings: Pings | undefined
  #turn: { readonly is: 'none' } | { readonly is: 'begun'; readonly at: number } = noTurn

  constructor(client: object, settings: ClientSettings, events: EngineEvents) {
    this.client = client
    this.outcomes = new PublishOutcomes(client, this.counters)
    this.#settings = settings
    this.#events = events
    this.delivery = new Delivery(client, new DeliveryBridge(this, settings), settings.delivery)
    if (settings.store === undefined)
      this.#session = new Session(engineSettings(this.#settings, 'none'), this, undefined, this.now())
  }

  // The session and its store.

  get isOpen(): boolean {
    return this.#session !== undefined
  }

  get session(): Session<PublishTicket, RequestTicket> {
    if (this.#session === undefined) throw new StoreError('the session store has not been opened')
    return this.#session
  }

  /** Reads the stored session, once. @throws StoreError */
  async openSession(sessionId: string): Promise<void> {
    const { store } = this.#settings
    if (store === undefined) return
    this.#store ??= new OpenedStore(store, this.timers, (error) => this.#events.failed(error))
    const stored = await this.#store.open(sessionId)
    // An attempt that timed out may have waited for the same opening.
    this.#session ??= new Session(engineSettings(this.#settings, 'kept'), this, stored, this.now())
  }

  /** @throws StoreError */
  async closeSession(withinMs: number): Promise<void> {
    await this.#store?.close(withinMs)
  }

  /** True while the store has not confirmed every record. */
  get isStoring(): boolean {
    return this.#store?.journal?.isBehind === true || !this.outcomes.isEmpty
  }

  // The connection.

  get connection(): Connection<PublishTicket, RequestTicket> | undefined {
    return this.#session?.connection
  }

  /** The server at the other end, while there is a stream to it. */
  get peer(): Peer | undefined {
    return this.#stream?.peer
  }

  /** Opens a stream to a server; CONNECT is sent on it. */
  connect(connect: ConnectPacket, open: OpenTransport): void {
    const { pingTimeoutMs, maxPacketBytes } = this.#settings.connection
    const { session } = this
    const connection = session.connect({ connect, pingTimeoutMs }, this.now())
    const { strict } = this.#settings.engine
    const decoding = { maxPacketBytes, maxReturnCodes: () => session.requests.maxReturnCodes, strict }
    this.#stream = new ConnectionStream(this, this.client, this.counters, connection, open, decoding)
  }

  /** Bytes that were written and have not left. */
  get unsentBytes(): number {
    return this.#stream?.unsentBytes ?? 0
  }

  /** The client is about to end: no handler starts any more, and nothing that comes is kept. */
  drain(): void {
    this.delivery.drain()
    this.#session?.drain(this.beginTurn())
    this.engineReturned()
    this.#stream?.regulateReading()
  }

  /** Says DISCONNECT, and closes the stream when everything has been written. */
  sayGoodbye(): void {
    const stream = this.#stream
    stream?.connection.disconnect()
    this.flush()
    // [MQTT-3.14.4-1] After DISCONNECT the connection is closed from our side.
    this.whenSafe(() => stream?.end())
  }

  /** Sends PINGREQ; resolves with the milliseconds until its PINGRESP came. @throws ConnectionLostError */
  ping(settings: PingSettings): Promise<number> {
    const now = this.now()
    this.#pings ??= new Pings()
    this.beginTurn()
    return this.#pings.send(now, settings, () => this.connection?.ping(now))
  }

  /** Sends PINGREQ; the connection ends if no byte comes within `timeoutMs`. */
  probe(timeoutMs: number): void {
    this.connection?.ping(this.beginTurn(), timeoutMs)
  }

  pingAnswered(pingresps: number): void {
    this.#pings?.answered(pingresps, this.now())
  }

  /** The connection is over, or must not be used any more. */
  detach(): void {
    this.#pings?.lost()
    this.delivery.connectionEnded()
    this.#session?.lost()
    this.#stream?.destroy()
    this.#stream = undefined
  }

  // What the stream tells.

  misformed(anomaly: PacketAnomaly, packet: DecodedPacket<false>, bytes: Uint8Array): void {
    tellMisformed(this.client, this.counters, anomaly, packet, bytes)
  }

  ended(stream: ConnectionStream, cause: Error): void {
    if (this.#stream === stream) this.#events.connectionEnded(cause)
  }

  mayRest(bytes: number): boolean {
    const awaited = this.session.table.size + (this.#pings?.isEmpty === false ? 1 : 0)
    return !this.#settings.connection.lowLatency && (awaited === 0 || awaited * acknowledgementBytes > bytes)
  }

  duringRead(read: () => void): void {
    this.delivery.duringRead(read)
  }

  engineReturned(): void {
    // In a handler that calls the client, the engine's call of `deliver` has not returned.
    if (this.#deliveries > 0) return
    while (this.#reports.length > 0) {
      const reports = this.#reports
      this.#reports = noReports
      for (const report of reports) report()
    }
    if (this.#stream?.hasMuchOutput) this.flush()
  }

  reportLater(report: () => void): void {
    if (this.#reports === noReports) this.#reports = []
    this.#reports.push(report)
    this.beginTurn()
  }

  // Time, and the turn of the event loop.

  now(): number {
    return this.timers.now()
  }

  /** Everything that is sent and recorded in this turn of the event loop is written at its end. Returns the time at which the turn began. */
  beginTurn(): number {
    if (this.#turn.is === 'begun') return this.#turn.at
    const at = this.now()
    this.#turn = { is: 'begun', at }
    process.nextTick(endTurn, this)
    return at
  }

  readonly turnEnds = (): void => {
    if (this.#offers === 'again' && this.#session !== undefined) {
      this.#offers = 'as before'
      this.#session.routesChanged(this.now())
      this.#stream?.regulateReading()
    }
    this.engineReturned()
    this.flush()
  }

  flush(): void {
    this.#turn = noTurn
    this.#stream?.flush(this.#store?.journal)
    if (!this.outcomes.isEmpty) this.whenSafe(this.outcomes.take())
    this.#store?.journal?.append()
    // After the end of the client, messages that are still in the queue must not keep the process alive.
    if (this.#session !== undefined && this.endError === undefined) {
      const waits = this.#pings?.deadline ?? Infinity
      this.timers.startEngine(Math.min(this.#session.nextDeadline(), waits))
    }
    this.#events.turnEnded()
  }

  /** Runs `action` when every record so far is safe in the store; at once without a store. */
  whenSafe(action: () => void): void {
    if (this.#store?.journal === undefined) action()
    else this.#store.journal.whenSafe(action)
  }

  deadlineReached(before: 'slept' | 'ran'): void {
    if (before === 'slept') this.connection?.slept(this.now())
    if (this.#stream?.putsDeadlinesOff() === true) return this.timers.engineAtNextTurn()
    this.#pings?.expire(this.now())
    this.#session?.tick(this.now())
    this.engineReturned()
    this.#stream?.regulateReading()
    this.flush()
  }

  /** Rejects every pending promise of a publish, subscribe or unsubscribe. */
  rejectAll(errorFor: NonNullable<EngineDriver['endError']>): void {
    this.endError = errorFor
    if (this.#session === undefined) return
    this.outcomes.rejectAll(this.#session.outgoing.unsettled(), errorFor)
    for (const request of [...this.#session.requests.unanswered()]) request.ticket?.failed(errorFor())
  }

  // What the engine asks of its driver.

  send(packet: ControlPacket): void {
    this.#stream?.send(packet)
    this.beginTurn()
  }

  sendPublish(message: PublishContent, qos: QoS, dup: boolean, packetId: PacketIdentifier | undefined): void {
    this.#stream?.publish(message, qos, dup, packetId)
    this.beginTurn()
  }

  sendAcknowledgement(type: AcknowledgementPacket['type'], packetId: PacketIdentifier): void {
    this.#stream?.acknowledge(type, packetId)
    this.beginTurn()
  }

  record(record: JournalRecord): void {
    this.#store?.journal?.record(record)
    this.beginTurn()
  }

  deliver(arrival: Arrival, packet: PublishPacket<Buffer>): 'done' | 'running' | 'later' | 'aside' {
    this.#deliveries += 1
    try {
      return this.delivery.deliver(arrival, packet)
    } finally {
      this.#deliveries -= 1
    }
  }

  dropped({ topic }: PublishPacket<Buffer>, fate: 'comes again' | 'is lost'): void {
    warnOfDropped(this.counters, topic, fate)
  }

  settled(message: OutgoingMessage<PublishTicket>): void {
    message.ticket?.resolve()
  }

  rejected({ ticket }: OutgoingMessage<PublishTicket>, error: MqttError): void {
    this.reportLater(() => this.outcomes.rejectWhenStored(ticket, error))
  }

  abandoned(message: OutgoingMessage<PublishTicket>, error: MqttError): void {
    this.rejected(message, error)
    this.reportLater(() => this.whenSafe(() => this.#events.abandoned(message, error)))
  }

  divided(request: SubscribeRequest<RequestTicket>, parts: readonly SubscribeRequest<RequestTicket>[]): void {
    request.ticket?.divided(request, parts)
  }

  answered(request: Request<RequestTicket>, returnCodes: ArrayLike<number>): void {
    this.reportLater(() => request.ticket?.answered(request, returnCodes))
  }

  unanswered(request: Request<RequestTicket>, error: MqttError): void {
    this.reportLater(() => request.ticket?.failed(error))
  }

  refused(filters: readonly string[]): void {
    this.reportLater(() => this.#events.refused(filters))
  }

  connected(sessionPresent: boolean): void {
    this.reportLater(() => this.#events.connected(sessionPresent))
  }

  closing(error: MqttError): void {
    this.reportLater(() => this.#events.connectionEnded(error))
  }

  anomaly(anomaly: Anomaly, packetId: number | undefined): void {
    this.counters.anomalies += 1
    if (anomaly === 'puback-at-qos-2') warnOfMissingQos2(this.counters)
    if (anomaly === 'unanswered-pubrel') warnOfUnansweredPubrel(packetId)
    if (!channels.anomaly.hasSubscribers) return
    this.reportLater(() => channels.anomaly.publish({ client: this.client, anomaly, packetId }))
  }

  // Calls of the delivery bridge.

  deliveryReturned(): void {
    this.engineReturned()
    this.#stream?.regulateReading()
  }

  offerAgain(): void {
    this.#offers = 'again'
    this.beginTurn()
  }

  connectionEnded(error: Error): void {
    this.#events.connectionEnded(error)
  }

  failed(error: Error): void {
    this.#events.failed(error)
  }
}

const noTurn = { is: 'none' } as const

/** Always empty; all idle drivers share it. */
const noReports: (() => void)[] = []

const endTurn = (driver: EngineDriver): void => driver.timers.inContext(driver.turnEnds)
