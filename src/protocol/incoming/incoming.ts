/**
 * Incoming messages: from the PUBLISH to the end of the handlers and the acknowledgement.
 *
 * Life of an arrival:   waiting -> running -> received (QoS 2, until PUBREL) -> over
 *
 * Handlers start in the order of arrival, at most `receiveWindow` at a time; what arrives meanwhile waits in the backlog. A message that
 * no route takes yet may be kept aside there, and those behind it start. A message is acknowledged after its handlers have ended.
 * Acknowledgements at one QoS leave in the order of arrival, so one whose handlers end early waits for those before it.
 *
 * QoS 2 is received by method B of section 4.3.3: the message is delivered when it first comes, and its identifier is kept from the
 * end of its handlers to PUBREL. A copy of a received message is acknowledged and not delivered; a copy of one that is still
 * waiting or running joins it. At QoS 2 that is true across a resumed connection as well; at QoS 1 it is not, because there a server
 * may legally have moved on, and delivering twice beats losing.
 *
 * Handlers outlive connections. An acknowledgement goes only to a connection that carried the PUBLISH: when the handlers of a QoS 2
 * message end after that connection has, the identifier is kept, and the copy that the server will send is answered at once. When
 * the server has lost the session, its identifiers mean nothing any more: whatever still runs is detached, and its
 * acknowledgement dies with it.
 *
 * How much may wait, and what becomes of a message that has no room, `ReadingPolicy` says. A message that was not kept comes again on a
 * new connection; so when all others are acknowledged, the connection is given up for it.
 */
import type { PacketIdentifier, PublishAcknowledgedPacket, PublishPacket } from '../../codec/control-packet.js'
import { ProtocolViolationError } from '../../errors.js'
import type { Driver } from '../driver.js'
import { PagedMap } from '../lists/paged-map.js'
import type { SessionSettings } from '../session-settings.js'
import { Arrival } from './arrival.js'
import { Backlog } from './backlog.js'
import { OwedAcknowledgements } from './owed-acknowledgements.js'
import { ReadingPolicy } from './reading-policy.js'

/** The messages that the server publishes to the client. */
export class Incoming<P, R> {
  readonly #driver: Driver<P, R>
  readonly #settings: SessionSettings
  /** [2.3.1 two directions] The server numbers for itself: these may be the numbers of exchanges of ours. */
  readonly #identifiers = new PagedMap<Arrival>()
  readonly #backlog = new Backlog()
  readonly #owed = new OwedAcknowledgements()
  /** @internal How much is read and kept. */
  readonly reading: ReadingPolicy
  #running = 0
  #awaitedPubrels = 0
  /** Counts the connections, the present one included. */
  #connection = 1
  /** 'draining': the client ends. No handler starts any more, and what has not started is as if it had not come. */
  #state: 'receiving' | 'draining' = 'receiving'
  /** The time of the last call that told it. */
  #now: number

  constructor(driver: Driver<P, R>, settings: SessionSettings, now: number) {
    this.#driver = driver
    this.#settings = settings
    this.reading = new ReadingPolicy(settings)
    this.#now = now
  }

  /** Messages whose handlers have started and not ended. */
  get running(): number {
    return this.#running
  }

  /** Bytes of the messages whose handlers have not started. */
  get backlogBytes(): number {
    return this.#backlog.bytes
  }

  /** Messages whose handlers have not started. */
  get backlogSize(): number {
    return this.#backlog.size
  }

  /** True if no Packet Identifier of the server's stands for anything. */
  get isEmpty(): boolean {
    return this.#identifiers.size === 0
  }

  /** How many messages are there for which PUBREC was sent on this connection and PUBREL has not come. */
  get awaitedPubrels(): number {
    return this.#awaitedPubrels
  }

  /** True when messages were not kept and all others are acknowledged: the session may bring them again now. */
  get wantsGapFilled(): boolean {
    return this.reading.hasGap && this.#owed.isEmpty
  }

  /** Whether the socket is to be read. `program`: whether something that the program asked for is open. */
  wantsToRead(now: number, program: 'waits' | 'idle'): boolean {
    this.reading.update(now, this.#backlog.bytes, program)
    return this.#state === 'draining' || this.reading.wantsToRead
  }

  /** When `wantsToRead` may change by time alone; Infinity if it does not. */
  nextDeadline(now: number, program: 'waits' | 'idle'): number {
    this.reading.update(now, this.#backlog.bytes, program)
    return this.#state === 'draining' ? Number.POSITIVE_INFINITY : this.reading.nextDeadline
  }

  /** Takes over the identifiers that a stored session has received. */
  restore(held: readonly PacketIdentifier[]): void {
    for (const packetId of held) this.#identifiers.set(packetId, Arrival.received(packetId))
  }

  /** A PUBLISH came on the present connection. */
  receive(packet: PublishPacket<Buffer>, now: number): ProtocolViolationError | undefined {
    this.#now = now
    if (packet.qos === 0) {
      if (this.#keeps(packet, 'comes once') === 'keep') this.#start(Arrival.of(packet))
      return undefined
    }
    const known = this.#identifiers.get(packet.packetId)
    if (known === undefined) {
      this.#receiveNew(packet, packet.packetId)
      return undefined
    }
    if (known.qos !== packet.qos) return this.#refuseReuse(packet, known)
    // [MQTT-4.3.3-2] A copy is acknowledged by the state of its identifier, whatever its DUP says, and never delivered.
    this.#owed.add(known)
    if (known.isHandled) this.#acknowledgeReady(known)
    return undefined
  }

  #receiveNew(packet: PublishPacket<Buffer>, packetId: PacketIdentifier): void {
    const fate = this.#keeps(packet, this.#settings.cleanSession ? 'comes once' : 'comes again')
    if (fate === 'leave') return
    const arrival = Arrival.of(packet)
    this.#identifiers.set(packetId, arrival)
    // [MQTT-4.5.0-2] [MQTT-3.3.2-3] [4.5 unasked messages] [3.10.4 late messages] Nobody asks here whether it was
    // subscribed, or still is: an acknowledgement is owed for every message.
    this.#owed.add(arrival)
    if (fate === 'keep') return this.#start(arrival)
    // It is acknowledged in its turn, so that the server goes on.
    arrival.packet = undefined
    this.#received(arrival)
    this.#acknowledgeReady(arrival)
  }

  /** Whether a new message is kept. What is not is told, unless the client ends: then the server keeps it, or nobody wants it. */
  #keeps(packet: PublishPacket<Buffer>, message: 'comes again' | 'comes once'): 'keep' | 'leave' | 'drop' {
    if (this.#state === 'draining') return 'leave'
    const fate = this.reading.fateOf(this.#now, message)
    if (fate !== 'keep') this.#driver.dropped(packet, fate === 'leave' ? 'comes again' : 'is lost')
    return fate
  }

  /** [MQTT-2.3.1-4] The server took an identifier that it still uses. Kept, it would make later connections fail. */
  #refuseReuse(packet: PublishAcknowledgedPacket, known: Arrival): ProtocolViolationError {
    if (known.progress === 'received') this.#record({ kind: 'released', packetId: packet.packetId })
    this.#identifiers.delete(packet.packetId)
    return new ProtocolViolationError(
      `the server sent a PUBLISH at QoS ${packet.qos} with Packet Identifier ${packet.packetId}, on which an exchange at QoS ${known.qos} is open`,
      { violation: 'identifier-in-use', statement: 'MQTT-2.3.1-4' },
    )
  }

  /**
   * PUBREL came: the identifier is free, and PUBCOMP is owed in every case. It is early if we have not sent PUBREC:
   * then PUBREC is not owed any more, and must not follow, because the server could take it for the answer to the next
   * message under this identifier.
   */
  release(packetId: PacketIdentifier): 'released' | 'early' | 'unknown' {
    const known = this.#identifiers.get(packetId)
    // A message at QoS 1 is none of PUBREL's business.
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

  /** Starts handlers as far as the window reaches, and as long as the next message's handlers have room for it. */
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

  /** There are other routes than before, or nothing is kept aside any more: what is aside is offered again, before all others. */
  routesChanged(now: number): void {
    this.#backlog.takeBackAside()
    this.pump(now)
  }

  #offer(arrival: Arrival): 'started' | 'later' | 'aside' {
    const { packet } = arrival
    if (packet === undefined) return 'started'
    arrival.progress = 'running'
    arrival.startedAt = this.#now
    this.#running += 1
    const answer = this.#driver.deliver(arrival, packet)
    if (answer === 'later' || answer === 'aside') {
      arrival.progress = 'waiting'
      this.#running -= 1
      return answer
    }
    // From here on the payload belongs to the handlers: what waits for its turn to be acknowledged weighs nothing.
    arrival.packet = undefined
    if (answer === 'done') this.#finish(arrival)
    return 'started'
  }

  /** The handlers of a running arrival have ended well (or its failure is to be overlooked). */
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

  #handlerEnded(arrival: Arrival): void {
    this.#running -= 1
    this.reading.handlerEnded(this.#now, this.#now - arrival.startedAt)
  }

  #received(arrival: Arrival): void {
    const { packetId, qos } = arrival
    arrival.progress = 'over'
    if (qos !== 2 || packetId === undefined || this.#identifiers.get(packetId) !== arrival) return
    this.#record({ kind: 'held', packetId })
    arrival.progress = 'received'
  }

  /** The handlers have failed, and the message is to come again: it is as if it had never arrived. */
  unhandled(arrival: Arrival, now: number): void {
    this.#now = now
    this.#handlerEnded(arrival)
    // [MQTT-4.8.0-2] It is not acknowledged: the connection is closed for it, and the server sends it again.
    this.#forget(arrival)
  }

  /** The handlers have not begun after all: it is as if it had never arrived, and what was handled behind it is acknowledged. */
  givenBack(arrival: Arrival, now: number): void {
    this.#now = now
    this.#handlerEnded(arrival)
    this.#owed.remove(arrival)
    this.#forget(arrival)
    this.#acknowledgeReady(arrival)
  }

  #forget(arrival: Arrival): void {
    const { packetId } = arrival
    if (packetId !== undefined && this.#identifiers.get(packetId) === arrival) this.#identifiers.delete(packetId)
  }

  /** [MQTT-4.6.0-2] [MQTT-4.6.0-3] PUBACKs and PUBRECs leave in the order in which their PUBLISHes came. */
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
    // [MQTT-3.3.4-1] [MQTT-2.3.1-6] PUBACK at QoS 1, PUBREC at QoS 2, under the identifier of the PUBLISH.
    if (qos === 2) {
      if (arrival.pubrecOn !== this.#connection) this.#awaitedPubrels += 1
      arrival.pubrecOn = this.#connection
      return this.#driver.sendAcknowledgement('pubrec', packetId)
    }
    // [MQTT-4.3.2-2] After PUBACK the identifier means a new message, whatever its DUP says.
    this.#forget(arrival)
    this.#driver.sendAcknowledgement('puback', packetId)
  }

  /**
   * The client ends: what has not started is not handled any more, and not acknowledged, so that the session brings it again; what was
   * handled behind it is acknowledged now. Of what still comes nothing is kept, but copies of received messages and PUBRELs are answered.
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

  /** What was owed on the connection is owed no more; messages and handlers stay. */
  connectionEnded(): void {
    this.#owed.clear()
    this.#awaitedPubrels = 0
    this.#connection += 1
    this.reading.connectionEnded()
    // [MQTT-3.1.2-6] A clean session is forgotten with its connection; what has arrived is still delivered.
    if (this.#settings.cleanSession) this.#identifiers.clear()
    else this.#dropWhatComesAgain()
    // A failed handler has left room in the window, and nobody but us would fill it.
    this.pump(this.#now)
  }

  /** What has not been started was never acknowledged: the server sends it again, and its room is free for that. */
  #dropWhatComesAgain(): void {
    this.#backlog.keepOnly(({ qos }) => qos === 0)
    for (const [packetId, { qos, progress }] of this.#identifiers) {
      if (progress !== 'received' && (qos === 1 || progress === 'waiting')) this.#identifiers.delete(packetId)
    }
  }

  /** The server has lost the session: its identifiers mean nothing any more. */
  serverForgot(): void {
    this.#identifiers.clear()
  }

  /** @internal The state as plain data, for tests and for whoever looks for a fault. */
  inspect() {
    return {
      reading: this.reading.inspect(),
      identifiers: [...this.#identifiers].map(([packetId, { progress }]) => ({ packetId, state: progress })),
      backlog: [...this.#backlog].map(({ packetId }) => packetId ?? 0),
      owed: [...this.#owed].map(({ packetId, progress }) => ({ packetId, state: progress })),
    }
  }

  #record(record: { readonly kind: 'held' | 'released'; readonly packetId: PacketIdentifier }): void {
    if (this.#settings.journal === 'kept') this.#driver.record(record)
  }
}
