/**
 * What a client may send, whatever the server does. This is another reading of the standard than that of the engine: it sees only the
 * packets on the wire, in the order in which they are handed over.
 *
 * A packet of the server counts from the moment at which it is written. The client may read it later, or never, so the rules permit
 * what follows from it too early, never too late: nothing is called wrong that is right.
 */
import type { ControlPacket, DecodedPacket, PublishPacket } from '../../../src/codec/control-packet.js'
import type { ServerProfile } from '../../../src/index.js'

/** What the rules have to know of the program. */
export interface Publishes {
  /** The number of the publish that this packet belongs to; undefined if its content is not what was published. */
  numberOf(packet: PublishPacket<Buffer>): number | undefined
  /** Whether a handler of the server's message with this number runs. */
  isHandling(message: number | undefined): boolean
}

interface Sent {
  readonly qos: 0 | 1 | 2
  /** Connections on which the packet was sent. */
  times: number
  lastOn: number
  packetId: number
  /** PUBREL was sent: the message must not be sent again while the server keeps the session. */
  isReleased: boolean
  /** The server has answered as the QoS of the message wants. */
  isAcknowledged: boolean
}

interface Owed {
  readonly packetId: number
  readonly message: number | undefined
}

type Use = { readonly by: 'a request' } | { readonly by: 'a message'; readonly number: number }

export class WireRules {
  readonly #publishes: Publishes
  readonly #cleanSession: boolean
  readonly #maxInFlight: number
  readonly #profile: ServerProfile | undefined
  readonly #report: (fault: string) => void
  readonly #sent = new Map<number, Sent>()
  readonly #inUse = new Map<number, Use>()
  /** Identifiers for which the server has sent PUBREC in this session. */
  readonly #everReceived = new Set<number>()
  /** Those of earlier connections: this one may send PUBREL for each of them once, without another PUBREC. */
  #carried = new Set<number>()
  #firstSent = 0
  #connection = 0
  #phase: 'new' | 'connecting' | 'connected' | 'refused' | 'disconnected' = 'new'
  /** The server has said that it has lost the session; known to be read when the client sends something behind it. */
  #saidForgotten = false
  #owed: readonly [Owed[], Owed[]] = [[], []]
  /** Answers that came before what they answer: the client may read them behind it, in the same turn. */
  #early = new Map<number, number>()
  #pubrecs = new Map<number, number>()
  #pubrels = new Map<number, number>()

  constructor(
    publishes: Publishes,
    settings: {
      readonly cleanSession: boolean
      readonly maxInFlight: number
      readonly profile?: ServerProfile | undefined
    },
    report: (fault: string) => void,
  ) {
    this.#publishes = publishes
    this.#cleanSession = settings.cleanSession
    this.#maxInFlight = settings.maxInFlight
    this.#profile = settings.profile
    this.#report = report
  }

  /** Whether an answer to this message may have come on this connection before the message itself left, in the same turn. */
  mayBeAnsweredEarly(number: number): boolean {
    const sent = this.#sent.get(number)
    if (sent === undefined) return this.#early.size > 0
    return sent.lastOn !== this.#connection && (this.#early.get(sent.packetId) ?? 0) > 0
  }

  /** Whether the message with this number was ever sent. */
  wasSent(number: number): boolean {
    return this.#sent.has(number)
  }

  isAcknowledged(number: number): boolean {
    const sent = this.#sent.get(number)
    if (sent?.isAcknowledged) return true
    // It was encoded, and its answer was read, before its connection ended in the same turn.
    return sent?.lastOn !== this.#connection && this.#early.size > 0
  }

  /** A new stream. */
  begin(): void {
    this.#connection += 1
    this.#phase = 'new'
    this.#saidForgotten = false
    this.#owed = [[], []]
    this.#pubrels = new Map()
    this.#pubrecs = new Map()
    this.#early = new Map()
    for (const [packetId, { by }] of this.#inUse) {
      if (this.#cleanSession || by === 'a request') this.#inUse.delete(packetId)
    }
    if (this.#cleanSession) this.#serverForgot()
    this.#carried = new Set(this.#everReceived)
  }

  #serverForgot(): void {
    this.#everReceived.clear()
    this.#mayPublishAgain()
  }

  #mayPublishAgain(): void {
    for (const sent of this.#sent.values()) sent.isReleased = false
  }

  // The client sends.

  #keepsToProfile(packet: ControlPacket<Buffer>): void {
    const {
      maxQos = 2,
      retain = true,
      maxPayloadBytes = Infinity,
      maxFiltersPerSubscribe = Infinity,
    } = this.#profile ?? {}
    if (packet.type === 'publish') {
      if (packet.qos > maxQos) this.#report(`PUBLISH at QoS ${packet.qos}, against the profile`)
      if (packet.retain && !retain) this.#report('PUBLISH with RETAIN, against the profile')
      if (packet.payload.length > maxPayloadBytes)
        this.#report(`PUBLISH of ${packet.payload.length} bytes, against the profile`)
    }
    const filters =
      packet.type === 'subscribe' ? packet.subscriptions : packet.type === 'unsubscribe' ? packet.filters : []
    if (filters.length > maxFiltersPerSubscribe)
      this.#report(`${filters.length} filters in one packet, against the profile`)
    if (packet.type === 'subscribe' && packet.subscriptions.some(({ qos }) => qos > maxQos))
      this.#report('SUBSCRIBE at a QoS that the profile forbids')
  }

  sent(packet: ControlPacket<Buffer>): void {
    if (!this.#isInOrder(packet.type)) return
    if (this.#saidForgotten) this.#forget()
    this.#keepsToProfile(packet)
    switch (packet.type) {
      case 'publish':
        return this.#publish(packet)
      case 'puback':
        return this.#acknowledge(this.#owed[0], packet.type, packet.packetId)
      case 'pubrec':
        return this.#acknowledge(this.#owed[1], packet.type, packet.packetId)
      case 'pubrel':
        if (!take(this.#pubrecs, packet.packetId) && !this.#carried.delete(packet.packetId))
          this.#report(`PUBREL ${packet.packetId} without a PUBREC`)
        return this.#released(packet.packetId)
      case 'pubcomp':
        if (!take(this.#pubrels, packet.packetId)) this.#report(`PUBCOMP ${packet.packetId} without a PUBREL`)
        return
      case 'subscribe':
      case 'unsubscribe':
        this.#use(packet.packetId, { by: 'a request' })
        if (take(this.#early, packet.packetId)) this.#inUse.delete(packet.packetId)
        return
      case 'disconnect':
        this.#phase = 'disconnected'
        return
      default:
        return
    }
  }

  #forget(): void {
    this.#saidForgotten = false
    this.#serverForgot()
    this.#carried.clear()
    for (const packetId of this.#pubrecs.keys()) this.#everReceived.add(packetId)
  }

  #isInOrder(type: ControlPacket['type']): boolean {
    const phase = this.#phase
    if (phase === 'new' && type === 'connect') {
      this.#phase = 'connecting'
      return true
    }
    const isRight = type !== 'connect' && phase === 'connected'
    if (!isRight) this.#report(`${type.toUpperCase()} on a connection that is ${phase}`)
    return isRight
  }

  #publish(packet: PublishPacket<Buffer>): void {
    const number = this.#publishes.numberOf(packet)
    if (number === undefined) return this.#report(`PUBLISH of ${packet.topic} is not what was published`)
    const before = this.#sent.get(number)
    const name = `PUBLISH ${number} at QoS ${packet.qos}`
    if (before === undefined) {
      if (number < this.#firstSent) this.#report(`${name} is sent for the first time after ${this.#firstSent}`)
      this.#firstSent = number
    }
    const packetId = packet.qos === 0 ? 0 : packet.packetId
    this.#sent.set(number, {
      qos: packet.qos,
      times: (before?.times ?? 0) + 1,
      lastOn: this.#connection,
      packetId,
      isReleased: false,
      isAcknowledged: before?.isAcknowledged ?? false,
    })
    if (packet.qos === 0) {
      if (before !== undefined) this.#report(`${name} is sent again`)
      return
    }
    if (before?.lastOn === this.#connection) this.#report(`${name} is sent twice on one connection`)
    if (before?.isReleased) this.#report(`${name} is sent after its PUBREL`)
    const isAgain = before !== undefined && !this.#cleanSession
    // What was encoded and never written, because its connection ended, is sent again as well.
    const mayBeAgain = !this.#cleanSession && this.#connection > 1
    if (isAgain ? !packet.dup : packet.dup && !mayBeAgain)
      this.#report(`${name} has DUP ${packet.dup} at its sending ${(before?.times ?? 0) + 1}`)
    if (isAgain && before.packetId !== packetId) this.#report(`${name} has changed its identifier to ${packetId}`)
    this.#use(packetId, { by: 'a message', number })
    let inFlight = 0
    for (const { by } of this.#inUse.values()) if (by === 'a message') inFlight += 1
    if (inFlight > this.#maxInFlight) this.#report(`${inFlight} messages in flight`)
    if (take(this.#early, packetId)) this.#settled(packetId)
  }

  #use(packetId: number, use: Use): void {
    const other = this.#inUse.get(packetId)
    const isSame = other?.by === 'a message' && use.by === 'a message' && other.number === use.number
    if (other !== undefined && !isSame) this.#report(`identifier ${packetId} for ${use.by} is in use by ${other.by}`)
    this.#inUse.set(packetId, use)
  }

  #released(packetId: number): void {
    const use = this.#inUse.get(packetId)
    const sent = use?.by === 'a message' ? this.#sent.get(use.number) : undefined
    if (sent !== undefined) sent.isReleased = true
  }

  #acknowledge(owed: Owed[], type: 'puback' | 'pubrec', packetId: number): void {
    const name = `${type.toUpperCase()} ${packetId}`
    const same = owed.filter((message) => message.packetId === packetId)
    if (same.length === 0) return this.#report(`${name} for no PUBLISH, or out of order`)
    const done = same.find(({ message }) => !this.#publishes.isHandling(message))
    if (done === undefined) return this.#report(`${name} before the handlers of its message have ended`)
    // Those before it may have lost their acknowledgement: copies, and what the client did not keep.
    owed.splice(0, owed.indexOf(done) + 1)
  }

  // The server sends.

  received(packet: DecodedPacket<boolean>, message: number | undefined): void {
    if (this.#phase === 'connecting') {
      const isAccepted = packet.type === 'connack' && packet.returnCode === 0
      this.#phase = isAccepted ? 'connected' : 'refused'
      this.#saidForgotten = isAccepted && !packet.sessionPresent
      if (this.#saidForgotten) this.#mayPublishAgain()
      return
    }
    if (this.#phase !== 'connected') return
    switch (packet.type) {
      case 'publish':
      case 'unnamed-publish':
        if (packet.qos !== 0) this.#owed[packet.qos === 1 ? 0 : 1].push({ packetId: packet.packetId, message })
        return
      case 'pubrec':
        add(this.#pubrecs, packet.packetId)
        this.#everReceived.add(packet.packetId)
        return
      case 'pubrel':
        return add(this.#pubrels, packet.packetId)
      case 'puback':
      case 'pubcomp':
        return this.#settled(packet.packetId)
      case 'suback':
      case 'unsuback':
        if (!this.#inUse.has(packet.packetId)) add(this.#early, packet.packetId)
        else if (this.#inUse.get(packet.packetId)?.by === 'a request') this.#inUse.delete(packet.packetId)
        return
      default:
        return
    }
  }

  #settled(packetId: number): void {
    const use = this.#inUse.get(packetId)
    if (use === undefined) add(this.#early, packetId)
    if (use?.by !== 'a message') return
    this.#inUse.delete(packetId)
    const sent = this.#sent.get(use.number)
    if (sent === undefined) return
    sent.isAcknowledged = true
    // Here it is sent again, perhaps behind this answer.
    if (sent.lastOn !== this.#connection) add(this.#early, packetId)
  }
}

function add(credits: Map<number, number>, packetId: number): void {
  credits.set(packetId, (credits.get(packetId) ?? 0) + 1)
}

function take(credits: Map<number, number>, packetId: number): boolean {
  const left = credits.get(packetId) ?? 0
  if (left > 0) credits.set(packetId, left - 1)
  return left > 0
}
