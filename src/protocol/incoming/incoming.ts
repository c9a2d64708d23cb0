/**
 * Incoming messages: from the PUBLISH to the end of the handlers and the acknowledgement.
 *
 * Life of an arrival:   waiting -> running -> done
 *
 * Handlers start in the order of arrival, at most `receiveWindow` at a time; what arrives meanwhile waits in the
 * backlog. A message is acknowledged after its handlers are done, and acknowledgements leave in the order of arrival,
 * so one that is done early waits for those before it.
 *
 * QoS 2 is received by method B of section 4.3.3: the message is delivered when it first comes, and its identifier is
 * 'held' from the end of its handlers to PUBREL. A copy of a held message is acknowledged and not delivered; a copy of
 * one that is still waiting or running joins it. At QoS 2 that is true across a resumed connection as well; at QoS 1 it
 * is not, because there a server may legally have moved on, and delivering twice beats losing.
 *
 * Handlers outlive connections. An acknowledgement goes only to a connection that carried the PUBLISH: when the
 * handlers of a QoS 2 message end after that connection has, the identifier is held, and the copy that the server will
 * send is answered at once. When the server has lost the session, its identifiers mean nothing any more: whatever still
 * runs is detached, and its acknowledgement dies with it.
 *
 * When the backlog is full the socket is not read. Handlers that wait for the acknowledgement of a message of ours then
 * wait for ever, because it stands unread behind what has no room. So after such a standstill the next connection reads
 * on: once the backlog is full, every further message is shed, neither kept nor acknowledged, until all handlers have
 * ended. Then the connection is given up, and the server sends again, in the right order, what was shed.
 */
import type { PacketIdentifier, PublishAcknowledgedPacket, PublishPacket } from '../../codec/control-packet.js'
import { ProtocolViolationError } from '../../errors.js'
import type { Driver } from '../driver.js'
import { Fifo } from '../lists/fifo.js'
import { PagedMap } from '../lists/paged-map.js'
import type { SessionSettings } from '../session-settings.js'
import { Arrival, Backlog } from './backlog.js'

/** A message that has to be acknowledged. */
type OwedArrival = Arrival<PublishAcknowledgedPacket<Buffer>>

/** What an incoming Packet Identifier stands for. */
type IncomingExchange = OwedArrival | 'held'

/** What is done when the backlog is full: no more is read, or what comes is shed, or that has begun. */
type Overflow = 'pause' | 'shed' | 'shedding'

/** A copy of a message that is held: it is acknowledged without being waited for. */
interface HeldCopy {
  readonly packet: PublishAcknowledgedPacket<Buffer>
  readonly progress: 'held'
}

/** What an acknowledgement of the present connection stands for. */
type Due = OwedArrival | HeldCopy

/** The messages that the server publishes to the client. */
export class Incoming<P, R> {
  readonly #driver: Driver<P, R>
  readonly #settings: SessionSettings
  /** [2.3.1 two directions] The server numbers for itself: these may be the numbers of exchanges of ours. */
  readonly #identifiers = new PagedMap<IncomingExchange>()
  readonly #backlog = new Backlog()
  #overflow: Overflow = 'pause'
  #nextOverflow: 'pause' | 'shed' = 'pause'
  #running = 0
  /** In the order of arrival; empty without a connection. */
  readonly #due = new Fifo<Due>()

  constructor(driver: Driver<P, R>, settings: SessionSettings) {
    this.#driver = driver
    this.#settings = settings
  }

  /** Messages whose handlers have started and not ended. */
  get running(): number {
    return this.#running
  }

  /** Bytes of the messages that wait for their handlers. */
  get backlogBytes(): number {
    return this.#backlog.bytes
  }

  /** Messages that wait for their handlers. */
  get backlogSize(): number {
    return this.#backlog.size
  }

  /** True if no Packet Identifier of the server's stands for anything. */
  get isEmpty(): boolean {
    return this.#identifiers.size === 0
  }

  /** False while so much waits that no more should be read. */
  get hasRoom(): boolean {
    return this.#overflow !== 'pause' || !this.#isFull
  }

  get #isFull(): boolean {
    return this.#backlog.bytes >= this.#settings.receiveBufferBytes
  }

  /** The connection has come to a standstill because nothing is read: the next one is to shed instead. */
  shedNext(): void {
    this.#nextOverflow = 'shed'
  }

  /** True when messages were shed and all others have been handled: the server may send them again now. */
  get wantsShedAgain(): boolean {
    return this.#overflow === 'shedding' && this.#running === 0 && this.#backlog.size === 0
  }

  /** Whether a new message has to be shed. */
  #sheds(): boolean {
    if (this.#overflow === 'shed' && this.#isFull) this.#overflow = 'shedding'
    return this.#overflow === 'shedding'
  }

  /** Takes over the identifiers that a stored session holds. */
  restore(held: readonly PacketIdentifier[]): void {
    for (const packetId of held) this.#identifiers.set(packetId, 'held')
  }

  /** A PUBLISH came on the present connection. */
  receive(packet: PublishPacket<Buffer>): ProtocolViolationError | undefined {
    if (packet.qos === 0) {
      if (!this.#sheds()) this.#start(new Arrival(packet))
      return undefined
    }
    const known = this.#identifiers.get(packet.packetId)
    if (known === undefined) {
      if (this.#sheds()) return undefined
      const arrival: OwedArrival = new Arrival(packet)
      this.#identifiers.set(packet.packetId, arrival)
      // [MQTT-4.5.0-2] [MQTT-3.3.2-3] [4.5 unasked messages] [3.10.4 late messages] Nobody asks here whether it was
      // subscribed, or still is: an acknowledgement is owed for every message.
      this.#due.push(arrival)
      this.#start(arrival)
      return undefined
    }
    const knownQos = known === 'held' ? 2 : known.packet.qos
    if (knownQos !== packet.qos) return this.#refuseReuse(packet, knownQos)
    // [MQTT-4.3.3-2] A copy is acknowledged by the state of its identifier, whatever its DUP says, and never delivered.
    if (this.#isDue(packet.packetId)) return undefined
    this.#due.push(known === 'held' ? { packet, progress: 'held' } : known)
    if (known === 'held') this.#acknowledgeDue()
    return undefined
  }

  /** [MQTT-2.3.1-4] The server took an identifier that it still uses. Kept, it would make later connections fail. */
  #refuseReuse(packet: PublishAcknowledgedPacket, knownQos: number): ProtocolViolationError {
    if (this.#identifiers.get(packet.packetId) === 'held') this.#record({ kind: 'released', packetId: packet.packetId })
    this.#identifiers.delete(packet.packetId)
    return new ProtocolViolationError(
      `the server sent a PUBLISH at QoS ${packet.qos} with Packet Identifier ${packet.packetId}, on which an exchange at QoS ${knownQos} is open`,
      { violation: 'identifier-in-use', statement: 'MQTT-2.3.1-4' },
    )
  }

  /** True if this connection still owes an acknowledgement under this identifier: then that one serves a copy too. */
  #isDue(packetId: PacketIdentifier): boolean {
    return this.#due.some(({ packet }) => packet.packetId === packetId)
  }

  /**
   * PUBREL came: the identifier is free, and PUBCOMP is owed in every case. It is early if we have not sent PUBREC:
   * then PUBREC is not owed any more, and must not follow, because the server could take it for the answer to the next
   * message under this identifier.
   */
  release(packetId: PacketIdentifier): 'released' | 'early' | 'unknown' {
    const known = this.#identifiers.get(packetId)
    // A message at QoS 1 is none of PUBREL's business.
    if (known === undefined || (known !== 'held' && known.packet.qos === 1)) return 'unknown'
    this.#identifiers.delete(packetId)
    if (known === 'held') this.#record({ kind: 'released', packetId })
    if (!this.#isDue(packetId)) return known === 'held' ? 'released' : 'early'
    this.#due.keepOnly(({ packet }) => packet.packetId !== packetId)
    this.#acknowledgeDue()
    return 'early'
  }

  #start(arrival: Arrival): void {
    if (this.#running < this.#settings.receiveWindow && this.backlogSize === 0 && this.#offer(arrival) === 'started')
      return
    this.#backlog.push(arrival)
  }

  /** Starts handlers as far as the window reaches, and as long as the next message's handlers have room for it. */
  pump(): void {
    while (this.#running < this.#settings.receiveWindow) {
      const arrival = this.#backlog.shift()
      if (arrival === undefined) return
      if (this.#offer(arrival) === 'started') continue
      this.#backlog.unshift(arrival)
      return
    }
  }

  #offer(arrival: Arrival): 'started' | 'later' {
    arrival.progress = 'running'
    this.#running += 1
    switch (this.#driver.deliver(arrival)) {
      case 'running':
        return 'started'
      case 'done':
        this.#finish(arrival)
        return 'started'
      case 'later':
        arrival.progress = 'waiting'
        this.#running -= 1
        return 'later'
    }
  }

  /** The handlers of a running arrival have ended well (or its failure is to be overlooked). */
  handled(arrival: Arrival): void {
    this.#finish(arrival)
    this.pump()
  }

  #finish(arrival: Arrival): void {
    this.#running -= 1
    arrival.progress = 'done'
    if (this.#overflow === 'shed' && this.#running === 0 && this.#backlog.size === 0) this.#overflow = 'pause'
    const { packet } = arrival
    if (packet.qos === 0) return
    if (packet.qos === 2 && this.#identifiers.get(packet.packetId) === arrival) {
      this.#record({ kind: 'held', packetId: packet.packetId })
      this.#identifiers.set(packet.packetId, 'held')
    }
    this.#acknowledgeDue()
  }

  /** The handlers have failed, and the message is to come again: it is as if it had never arrived. */
  unhandled(arrival: Arrival): void {
    this.#running -= 1
    const { packet } = arrival
    // [MQTT-4.8.0-2] It is not acknowledged: the connection is closed for it, and the server sends it again.
    if (packet.qos !== 0 && this.#identifiers.get(packet.packetId) === arrival)
      this.#identifiers.delete(packet.packetId)
  }

  /** [MQTT-4.6.0-2] [MQTT-4.6.0-3] PUBACKs and PUBRECs leave in the order in which their PUBLISHes came. */
  #acknowledgeDue(): void {
    for (let due = this.#due.first; due !== undefined && isReady(due); due = this.#due.first) {
      this.#due.shift()
      this.#acknowledge(due.packet)
    }
  }

  #acknowledge({ packetId, qos }: PublishAcknowledgedPacket<Buffer>): void {
    // [MQTT-3.3.4-1] [MQTT-2.3.1-6] PUBACK at QoS 1, PUBREC at QoS 2, under the identifier of the PUBLISH.
    if (qos === 2) this.#driver.sendAcknowledgement('pubrec', packetId)
    else {
      // [MQTT-4.3.2-2] After PUBACK the identifier means a new message, whatever its DUP says.
      this.#identifiers.delete(packetId)
      this.#driver.sendAcknowledgement('puback', packetId)
    }
  }

  /** What was due on the connection is due no more; messages and handlers stay. */
  connectionEnded(): void {
    this.#due.clear()
    this.#overflow = this.#nextOverflow
    this.#nextOverflow = 'pause'
    // [MQTT-3.1.2-6] A clean session is forgotten with its connection; what has arrived is still delivered.
    if (this.#settings.cleanSession) this.#identifiers.clear()
    else this.#dropWhatComesAgain()
    // A failed handler has left room in the window, and nobody but us would fill it.
    this.pump()
  }

  /** What has not been started was never acknowledged: the server sends it again, and its room is free for that. */
  #dropWhatComesAgain(): void {
    this.#backlog.keepOnly(({ packet }) => packet.qos === 0)
    for (const [packetId, known] of this.#identifiers) {
      if (known === 'held') continue
      if (known.packet.qos === 1 || known.progress === 'waiting') this.#identifiers.delete(packetId)
    }
  }

  /** The server has lost the session: its identifiers mean nothing any more. */
  serverForgot(): void {
    this.#identifiers.clear()
  }

  /** @internal The state as plain data, for tests and for whoever looks for a fault. */
  inspect() {
    return {
      overflow: this.#overflow,
      identifiers: [...this.#identifiers].map(([packetId, known]) => ({
        packetId,
        state: known === 'held' ? known : known.progress,
      })),
      backlog: [...this.#backlog].map(({ packet }) => ('packetId' in packet ? packet.packetId : 0)),
      due: [...this.#due].map(({ packet, progress }) => ({ packetId: packet.packetId, state: progress })),
    }
  }

  #record(record: { readonly kind: 'held' | 'released'; readonly packetId: PacketIdentifier }): void {
    if (this.#settings.journal === 'kept') this.#driver.record(record)
  }
}

/** True if nothing more has to be waited for. */
function isReady({ progress }: Due): boolean {
  return progress === 'done' || progress === 'held'
}
