/**
 * Incoming messages: from the PUBLISH to the end of the handlers and the acknowledgement.
 *
 * Life of an arrival:   waiting -> running -> received (QoS 2, until PUBREL) -> over
 *
 * Handlers start in the order of arrival, at most `receiveWindow` at a time; later messages wait in the backlog. A message that
 * no route takes yet may be kept aside there, and the messages behind it start. A message is acknowledged after its handlers have
 * ended. Acknowledgements at one QoS are sent in the order of arrival, so a message whose handlers end early waits for those before it.
 *
 * QoS 2 is received by method B of section 4.3.3: the message is delivered when it first comes, and its identifier is kept from the
 * end of its handlers to PUBREL. A copy of a received message is acknowledged and not delivered. A copy of a message that still waits
 * or runs joins it: one delivery and one acknowledgement serve both. At QoS 2 a copy on a resumed connection joins too. At QoS 1 it
 * does not: the server may use the identifier for a new message by then, and to deliver a message twice is better than to lose one.
 *
 * Handlers may run longer than a connection lasts. An acknowledgement is sent only on a connection that carried the PUBLISH. If the
 * handlers of a QoS 2 message end after the connection, the identifier is kept, and the copy that the server will send is answered at
 * once. When the server has lost the session, its identifiers have no meaning: running handlers go on, but their messages are not
 * acknowledged. `FormerIdentifiers` says what else these identifiers may mean.
 *
 * `ReadingPolicy` decides how much may wait, and what happens to a message that has no room. A message that was not kept comes again
 * on a new connection. So the connection is given up when all other messages are acknowledged.
 */
import type { PacketIdentifier } from '../../codec/control-packet.js'
import { ProtocolViolationError } from '../../errors.js'
import type { Driver } from '../driver.js'
import type { JournalRecord, StoredSession } from '../journal/journal-record.js'
import { PagedMap } from '../lists/paged-map.js'
import type { SessionSettings } from '../session-settings.js'
import { Arrival, contentOf, type IncomingPublish } from './arrival.js'
import { Backlog } from './backlog.js'
import { FormerIdentifiers } from './former-identifiers.js'
import { OwedAcknowledgements } from './owed-acknowledgements.js'
import { type Fate, ReadingPolicy } from './reading-policy.js'

type AcknowledgedPublish = Exclude<IncomingPublish, { readonly qos: 0 }>

/** The messages that the server publishes to the client. */
export class Incoming<P, R> {
  readonly #driver: Driver<P, R>
  readonly #settings: SessionSettings
  /** [2.3.1 two directions] The identifiers of the server; the same numbers may be in use for exchanges of ours. */
  readonly #identifiers = new PagedMap<Arrival>()
  /** @internal What the identifiers of a session mean that the server says it has lost. */
  readonly former = new FormerIdentifiers()
  readonly #backlog = new Backlog()
  readonly #owed = new OwedAcknowledgements()
  /** @internal Decides how much is read and kept. */
  readonly reading: ReadingPolicy
  #running = 0
  #awaitedPubrels = 0
  #connection = 1
  /** 'draining': the client ends, so no handler starts, and messages whose handlers have not started are forgotten. */
  #state: 'receiving' | 'draining' = 'receiving'
  /** The time of the last call that passed `now`. */
  #now: number

  constructor(driver: Driver<P, R>, settings: SessionSettings, now: number) {
    this.#driver = driver
    this.#settings = settings
    this.reading = new ReadingPolicy(settings)
    this.#now = now
  }

  /** The number of messages whose handlers have started and not ended. */
  get running(): number {
    return this.#running
  }

  /** The bytes of the messages whose handlers have not started. */
  get backlogBytes(): number {
    return this.#backlog.bytes
  }

  /** The number of messages whose handlers have not started. */
  get backlogSize(): number {
    return this.#backlog.size
  }

  /** True if no Packet Identifier of the server is in use. */
  get isEmpty(): boolean {
    return this.#identifiers.size === 0
  }

  /** The number of messages whose PUBREC was sent on this connection and whose PUBREL has not come. */
  get awaitedPubrels(): number {
    return this.#awaitedPubrels
  }

  /** True if messages were not kept and all others are acknowledged: a new connection can bring the missing messages now. */
  get wantsGapFilled(): boolean {
    return this.reading.hasGap && this.#owed.isEmpty
  }

  /** Whether the socket should be read. `program` is 'waits' if the program has asked for something and has no answer yet. */
  wantsToRead(now: number, program: 'waits' | 'idle'): boolean {
    this.reading.update(now, this.#backlog.bytes, program)
    return this.#state === 'draining' || this.reading.wantsToRead
  }

  /** When `wantsToRead` may change without an event; Infinity if it cannot. */
  nextDeadline(now: number, program: 'waits' | 'idle'): number {
    this.reading.update(now, this.#backlog.bytes, program)
    return this.#state === 'draining' ? Infinity : this.reading.nextDeadline
  }

  /** Takes over the identifiers that a stored session holds. */
  restore({ held, contents = [] }: StoredSession): void {
    const noted = new Map(contents.map(({ packetId, ...content }) => [packetId, content]))
    for (const packetId of held) this.#identifiers.set(packetId, Arrival.received(packetId, noted.get(packetId)))
  }

  /** A PUBLISH came on the present connection. */
  receive(packet: IncomingPublish, now: number): ProtocolViolationError | undefined {
    this.#now = now
    if (packet.qos === 0) {
      if (this.#keeps(packet, 'comes once') === 'keep') this.#start(Arrival.of(packet))
      return undefined
    }
    const known = this.#identifiers.get(packet.packetId) ?? this.#joined(packet)
    if (known === undefined) {
      this.#receiveNew(packet, packet.packetId)
      return undefined
    }
    if (known.isReusedBy(packet, this.#connection)) return this.#reused(packet, known)
    // [MQTT-4.3.3-2] The identifier is in use, and the server does not mean a new message: a copy is acknowledged, and not delivered.
    this.#owed.add(known)
    if (known.isHandled) this.#acknowledgeReady(known)
    return undefined
  }

  /** The former arrival that this PUBLISH is a copy of. In any case the former meaning of the identifier ends. */
  #joined(packet: AcknowledgedPublish): Arrival | undefined {
    const { packetId } = packet
    const former = this.former.end(packetId)
    if (former === undefined || !this.former.isCopy(former, packet)) return this.#noLongerHeld(former)
    this.#identifiers.set(packetId, former)
    if (former.progress === 'over') this.#received(former)
    return former
  }

  #noLongerHeld(arrival: Arrival | undefined): undefined {
    if (arrival?.packetId === undefined || arrival.progress !== 'received') return
    arrival.progress = 'over'
    this.#record({ kind: 'released', packetId: arrival.packetId })
  }

  #receiveNew(packet: IncomingPublish, packetId: PacketIdentifier): void {
    const fate = this.#keeps(packet, this.#settings.cleanSession ? 'comes once' : 'comes again')
    if (fate === 'postpone') return
    const arrival = Arrival.of(packet)
    this.#identifiers.set(packetId, arrival)
    // [MQTT-4.5.0-2] [MQTT-3.3.2-3] [4.5 unasked messages] [3.10.4 late messages] An acknowledgement is owed for every message,
    // even if no subscription for it exists.
    this.#owed.add(arrival)
    if (fate === 'keep') return this.#start(arrival)
    // The dropped message is acknowledged in its turn: otherwise it would stay in the send window of the server.
    arrival.packet = undefined
    this.#received(arrival)
    this.#acknowledgeReady(arrival)
  }

  /** Decides whether a new message is kept. The driver learns of a message that is not kept, except while the client ends. */
  #keeps(packet: IncomingPublish, message: 'comes again' | 'comes once'): Fate {
    if (this.#state === 'draining') return 'postpone'
    const fate = this.reading.fateOf(this.#now, message)
    if (fate !== 'keep' && packet.type === 'publish') {
      this.#driver.dropped(packet, fate === 'postpone' ? 'comes again' : 'is lost')
    }
    return fate
  }

  /**
   * [MQTT-2.3.1-4] The server uses the Packet Identifier for a new message. The old message keeps its handlers and loses its
   * acknowledgement, which the server would take for that of the new one. The identifier is free in any case: if it were kept, later
   * connections would fail too.
   */
  #reused(packet: AcknowledgedPublish, known: Arrival): ProtocolViolationError | undefined {
    const { packetId } = packet
    if (known.progress === 'received') this.#record({ kind: 'released', packetId })
    if (known.pubrecOn === this.#connection) this.#awaitedPubrels -= 1
    this.#owed.remove(known)
    this.#identifiers.delete(packetId)
    if (this.#settings.strict) {
      return new ProtocolViolationError(
        `the server sent a PUBLISH at QoS ${packet.qos} with Packet Identifier ${packetId}, which an exchange at QoS ${known.qos} uses`,
        { violation: 'identifier-in-use', statement: 'MQTT-2.3.1-4' },
      )
    }
    this.#acknowledgeReady(known)
    this.#driver.anomaly('reused-identifier', packetId)
    this.#receiveNew(packet, packetId)
    return undefined
  }

  /**
   * PUBREL came: the identifier is free, and PUBCOMP must be sent in every case. A PUBREL before our PUBREC is 'early'. Then PUBREC
   * must not be sent later: the server could take it for the answer to its next message with this identifier.
   */
  release(packetId: PacketIdentifier): 'released' | 'early' | 'unknown' {
    const former = this.former.end(packetId)
    if (former !== undefined) return this.#noLongerHeld(former) ?? 'released'
    const known = this.#identifiers.get(packetId)
    // PUBREL has no meaning for a message at QoS 1.
    if (known === undefined || known.qos === 1) return 'unknown'
    this.#identifiers.delete(packetId)
    if (known.pubrecOn === this.#connection) this.#awaitedPubrels -= 1
    const wasReceived = known.progress === 'received'
    if (wasReceived) this.#record({ kind: 'released', packetId })
    if (known.owed === 'not owed') return wasReceived ? 'released' : 'early'
    this.#owed.remove(known)
    this.#acknowledgeReady(known)
    return 'early'
  }

  #start(arrival: Arrival): void {
    const isItsTurn = this.#running < this.#settings.receiveWindow && !this.#backlog.hasWaiting
    const answer = isItsTurn ? this.#offer(arrival) : 'later'
    if (answer === 'later') this.#backlog.push(arrival)
    if (answer === 'aside') this.#backlog.keepAside(arrival)
  }

  /** Starts handlers while the window has room, and until the driver answers 'later'. */
  pump(now: number): void {
    this.#now = now
    while (this.#running < this.#settings.receiveWindow) {
      const arrival = this.#backlog.shift()
      if (arrival === undefined) return
      const answer = this.#offer(arrival)
      if (answer === 'aside') this.#backlog.keepAside(arrival)
      if (answer !== 'later') continue
      this.#backlog.unshift(arrival)
      return
    }
  }

  /** The routes have changed, or messages are no longer to be kept aside. Offers the messages aside again, before all others. */
  routesChanged(now: number): void {
    this.#backlog.takeBackAside()
    this.pump(now)
  }

  #offer(arrival: Arrival): 'started' | 'later' | 'aside' {
    const { packet } = arrival
    if (packet === undefined) return 'started'
    arrival.progress = 'running'
    this.#running += 1
    // No handler can get a message without a Topic Name. But it takes its turn, so that the acknowledgements keep their order.
    const answer = packet.type === 'publish' ? this.#driver.deliver(arrival, packet) : 'done'
    if (answer === 'later' || answer === 'aside') {
      arrival.progress = 'waiting'
      this.#running -= 1
      return answer
    }
    if (arrival.qos === 2 && !this.#settings.cleanSession) arrival.content = contentOf(packet)
    // From now on the payload belongs to the handlers. A message that only waits for its acknowledgement needs no payload.
    arrival.packet = undefined
    if (answer === 'done') this.#finish(arrival)
    else arrival.startedAt = this.#now
    return 'started'
  }

  /** The handlers of a running arrival have ended, and the message counts as handled even if they failed. */
  handled(arrival: Arrival, now: number): void {
    this.#now = now
    this.#finish(arrival)
    this.pump(now)
  }

  #finish(arrival: Arrival): void {
    this.#handlerEnded(arrival)
    this.#received(arrival)
    this.#acknowledgeReady(arrival)
  }

  #handlerEnded({ startedAt = this.#now }: Arrival): void {
    this.#running -= 1
    this.reading.handlerEnded(this.#now, this.#now - startedAt)
  }

  #received(arrival: Arrival): void {
    const { packetId, qos } = arrival
    arrival.progress = 'over'
    if (qos !== 2 || packetId === undefined) return
    const goesOn = this.#settings.sessionPresent === 'always-0'
    if (this.#identifiers.get(packetId) !== arrival && !(goesOn && this.former.has(arrival))) return
    this.#record({ kind: 'held', packetId, ...(goesOn ? { content: arrival.content } : {}) })
    arrival.progress = 'received'
  }

  /** The handlers have failed, and the message is to come again. Forgets the arrival; no acknowledgement is sent. */
  unhandled(arrival: Arrival, now: number): void {
    this.#now = now
    this.#handlerEnded(arrival)
    // [MQTT-4.8.0-2] The acknowledgement stays owed, so later ones wait; the driver closes the connection, and the message comes again.
    this.#forget(arrival)
  }

  /** The program never started to handle this message. Forgets the arrival, and acknowledges the handled messages behind it. */
  notStarted(arrival: Arrival, now: number): void {
    this.#now = now
    this.#handlerEnded(arrival)
    this.#owed.remove(arrival)
    this.#forget(arrival)
    this.#acknowledgeReady(arrival)
  }

  #forget(arrival: Arrival): void {
    const { packetId } = arrival
    if (packetId !== undefined && this.#identifiers.get(packetId) === arrival) this.#identifiers.delete(packetId)
    this.former.forget(arrival)
  }

  /** [MQTT-4.6.0-2] [MQTT-4.6.0-3] PUBACKs and PUBRECs are sent in the order in which their PUBLISHes came. */
  #acknowledgeReady(like: Arrival): void {
    let ready = this.#owed.takeReady(like)
    while (ready !== undefined) {
      this.#acknowledge(ready)
      ready = this.#owed.takeReady(like)
    }
  }

  #acknowledge(arrival: Arrival): void {
    const { packetId, qos } = arrival
    if (packetId === undefined) return
    // [MQTT-3.3.4-1] [MQTT-2.3.1-6] PUBACK at QoS 1, PUBREC at QoS 2, with the identifier of the PUBLISH.
    if (qos === 2) {
      if (arrival.pubrecOn !== this.#connection) this.#awaitedPubrels += 1
      arrival.pubrecOn = this.#connection
      return this.#driver.sendAcknowledgement('pubrec', packetId)
    }
    // [MQTT-4.3.2-2] After PUBACK a PUBLISH with this identifier is a new message, with either value of DUP.
    this.#forget(arrival)
    this.#driver.sendAcknowledgement('puback', packetId)
  }

  /**
   * The client ends. Messages whose handlers have not started are forgotten and not acknowledged, so a persistent session brings them
   * again; handled messages behind them are acknowledged now. New messages are not kept. Copies of received messages and PUBRELs are
   * still answered.
   */
  drain(): void {
    this.#state = 'draining'
    for (const arrival of this.#backlog) {
      this.#owed.remove(arrival)
      this.#forget(arrival)
    }
    this.#backlog.keepOnly(() => false)
    for (const first of [...this.#owed]) if (first.isHandled) this.#acknowledgeReady(first)
  }

  /** Forgets the acknowledgements that the connection owed. Handlers go on. */
  connectionEnded(): void {
    this.#owed.clear()
    this.#awaitedPubrels = 0
    this.#connection += 1
    this.reading.connectionEnded()
    // [MQTT-3.1.2-6] A clean session ends with its connection; the messages in the backlog are still delivered.
    if (this.#settings.cleanSession) this.#identifiers.clear()
    else this.#dropWhatComesAgain()
    // A failed handler has left room in the window (`unhandled` starts no other), so handlers may start now.
    this.pump(this.#now)
  }

  /**
   * Drops waiting messages above QoS 0: they were not acknowledged, so the server sends them again. Forgets all identifiers at QoS 1
   * too: on the next connection a PUBLISH with one of them may be a new message.
   */
  #dropWhatComesAgain(): void {
    this.#backlog.keepOnly(({ qos }) => qos === 0)
    for (const [packetId, { qos, progress }] of this.#identifiers) {
      if (progress !== 'received' && (qos === 1 || progress === 'waiting')) this.#identifiers.delete(packetId)
    }
  }

  /** A CONNACK said that the server has no session. 'goes on': it always says so, and the journal keeps what is held. */
  serverForgot(session: 'lost' | 'goes on'): void {
    for (const unknown of this.former.take(this.#identifiers, session)) this.#noLongerHeld(unknown)
    this.#identifiers.clear()
  }

  /** The server goes on with the session that its identifiers belong to. */
  resumed(): void {
    for (const former of this.former.clear()) this.#noLongerHeld(former)
  }

  /** @internal The state as plain data, for tests and for debugging. */
  inspect() {
    return {
      reading: this.reading.inspect(),
      identifiers: [...this.#identifiers].map(([packetId, { progress }]) => ({ packetId, state: progress })),
      backlog: [...this.#backlog].map(({ packetId }) => packetId ?? 0),
      former: this.former.inspect(),
      owed: [...this.#owed].map(({ packetId, progress }) => ({ packetId, state: progress })),
    }
  }

  #record(record: Extract<JournalRecord, { readonly kind: 'held' | 'released' }>): void {
    if (this.#settings.journal === 'kept') this.#driver.record(record)
  }
}
