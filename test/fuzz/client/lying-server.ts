/**
 * A server that mostly does what a server has to do, so that the client comes far, and lies in between: an answer is left out, comes
 * twice, late, of another kind, for another identifier, or damaged; packets come that nobody asked for. What it sends leaves in
 * pieces that are cut anywhere.
 */
import type { ControlPacket, DecodedPacket, SubscribePacket } from '../../../src/codec/control-packet.js'
import { PacketDecoder } from '../../../src/codec/index.js'
import type { Random } from '../random.js'
import type { Circumstances } from './circumstances.js'
import { acknowledgement, acknowledgements, connack, damaged, pingresp, publish, stray, suback } from './frames.js'
import { Link, type LinkPeer } from './link.js'
import type { WireRules } from './wire-rules.js'

/** More than this the client has not read: the rest has to wait. */
const unreadMax = 200_000

const topics = ['t/1', 't/2', 't/1/2', 'u', '$SYS/x']

/** What a message takes in memory beside its bytes. */
export const weightOfPacket = 128

/** What the server sees of what is sent, changed on purpose when a fault is planted. */
export type WireFault = (packet: ControlPacket<Buffer>) => readonly ControlPacket<Buffer>[]

/** Who follows what both sides send. */
export interface Witness {
  readonly rules: WireRules
  received(packet: DecodedPacket<boolean>): void
}

export interface Trace {
  note(happening: () => string): void
}

/** Both directions of one link. */
interface Connection {
  readonly link: Link
  readonly fromClient: PacketDecoder
  /** Decodes what the server sends, as the client has to. */
  readonly fromServer: PacketDecoder<boolean>
  /** Bytes that are written and not yet under way. */
  outbox: Buffer
}

export class LyingServer implements LinkPeer {
  readonly #random: Random
  readonly #circumstances: Circumstances
  readonly #witness: Witness
  readonly #fault: WireFault
  readonly #trace: Trace
  readonly #report: (fault: string) => void
  #connection: Connection | undefined
  #hasSession = false
  /** Our messages are numbered; the number begins the payload. */
  #messages = 0
  #nextPacketId = 1
  /** Identifiers that are, or were, in use in either direction: a lie with one of them is worth more than one with any. */
  readonly #identifiers: number[] = [1]
  /** Packets that the server has sent, for the measure of the work that they cause. */
  packetsSent = 0
  /** The most that one piece took in memory: the client takes a piece as a whole. */
  largestPiece = 0

  constructor(
    random: Random,
    circumstances: Circumstances,
    witness: Witness,
    trace: Trace,
    report: (fault: string) => void,
    fault: WireFault = (packet) => [packet],
  ) {
    this.#random = random
    this.#circumstances = circumstances
    this.#witness = witness
    this.#trace = trace
    this.#report = report
    this.#fault = fault
  }

  get link(): Link | undefined {
    return this.#connection?.link
  }

  /** Opens a stream for the client. */
  accept(): Link {
    const random = this.#random
    const link = new Link(this, random.oneIn(2) ? {} : { highWaterMark: random.of([1, 100]) })
    this.#witness.rules.begin()
    this.#connection = {
      link,
      fromClient: new PacketDecoder({ from: 'client' }),
      fromServer: new PacketDecoder<boolean>({ from: 'server', strict: this.#circumstances.options.strict }),
      outbox: Buffer.alloc(0),
    }
    this.#trace.note(() => 'a new link')
    return link
  }

  written(bytes: Buffer, link: Link): void {
    const connection = this.#connection
    if (connection?.link !== link) return
    try {
      connection.fromClient.decode(bytes, (packet) => {
        for (const seen of this.#fault(packet)) {
          this.#trace.note(() => `client: ${describe(seen)}`)
          this.#witness.rules.sent(seen)
          this.#answer(seen)
        }
      })
    } catch (error) {
      this.#report(`the client sent what is no packet of a client: ${error}`)
    }
    if (this.#circumstances.answersAtOnce && this.#random.oneIn(2)) this.deliver()
  }

  ended(link: Link): void {
    this.#trace.note(() => 'the client has ended its side')
    if (!this.#random.oneIn(4)) link.push(null)
  }

  gone(link: Link): void {
    this.#trace.note(() => 'the link is gone')
    if (this.#connection?.link === link) this.#connection = undefined
  }

  // What the server says.

  #answer(packet: ControlPacket<Buffer>): void {
    switch (packet.type) {
      case 'connect':
        return this.#admit(packet.cleanSession)
      case 'publish':
        if (packet.qos === 0) return
        this.#identifiers.push(packet.packetId)
        return this.#say(acknowledgement(packet.qos === 1 ? 'puback' : 'pubrec', packet.packetId))
      case 'pubrec':
        return this.#say(acknowledgement('pubrel', packet.packetId))
      case 'pubrel':
        return this.#say(acknowledgement('pubcomp', packet.packetId))
      case 'subscribe':
        this.#identifiers.push(packet.packetId)
        return this.#say(suback(packet.packetId, this.#codesFor(packet)))
      case 'unsubscribe':
        this.#identifiers.push(packet.packetId)
        return this.#say(acknowledgement('unsuback', packet.packetId))
      case 'pingreq':
        return this.#say(pingresp())
      default:
        return
    }
  }

  #admit(cleanSession: boolean): void {
    const random = this.#random
    const resumes = this.#hasSession && !cleanSession && !random.oneIn(4)
    this.#hasSession = !cleanSession
    this.#say(random.oneIn(20) ? connack(0, 1 + random.below(5)) : connack(resumes ? 1 : 0, 0))
  }

  #codesFor({ subscriptions }: SubscribePacket): number[] {
    return subscriptions.map(({ qos }) => (this.#random.oneIn(8) ? 0x80 : this.#random.below(qos + 1)))
  }

  /** Sends an answer, or what takes its place. */
  #say(packet: Buffer): void {
    if (!this.#random.oneIn(this.#circumstances.lieEvery)) return this.#write(packet)
    switch (this.#random.below(8)) {
      case 0:
        return
      case 1:
        this.#write(packet)
        return this.#write(packet)
      case 2:
        this.#write(damaged(packet, this.#random))
        return
      case 3:
        this.#write(stray(this.#identifier, this.#random))
        return this.#write(packet)
      case 4:
        return this.#write(stray(packet.length > 3 ? packet.readUInt16BE(2) : this.#identifier, this.#random))
      case 5: {
        const other = Buffer.from(packet)
        if (other.length > 3) other.writeUInt16BE(this.#identifier, 2)
        return this.#write(other)
      }
      case 6:
        if (packet[0] === 0x20) return this.#write(connack(this.#random.below(3), this.#random.below(8)))
        return this.#write(Buffer.concat([Buffer.of(this.#kind), packet.subarray(1)]))
      default:
        this.mishap()
    }
  }

  get #identifier(): number {
    const random = this.#random
    if (random.oneIn(6)) return random.below(65_536)
    return Math.max(0, random.of(this.#identifiers) + random.of([0, 0, 0, 0, 1, -1]))
  }

  get #kind(): number {
    return this.#random.of(Object.values(acknowledgements))
  }

  #write(bytes: Buffer): void {
    const connection = this.#connection
    if (connection === undefined) return
    connection.outbox = Buffer.concat([connection.outbox, bytes])
    if (connection.outbox.length > unreadMax) connection.outbox = connection.outbox.subarray(0, unreadMax)
  }

  /** Says something unasked. */
  speak(): void {
    const random = this.#random
    if (random.oneIn(this.#circumstances.lieEvery)) return this.#write(stray(this.#identifier, random))
    const bursts = random.oneIn(10) ? 1 + random.below(30) : 1 + random.below(3)
    for (let left = bursts; left > 0; left -= 1) this.#publish()
  }

  #publish(): void {
    const random = this.#random
    const qos = random.of([0, 1, 1, 2, 2] as const)
    const isCopy = random.oneIn(6)
    this.#messages += 1
    const packetId = isCopy ? this.#identifier : this.#nextPacketId
    if (!isCopy) {
      this.#nextPacketId = (this.#nextPacketId % 40) + 1
      this.#identifiers.push(packetId)
    }
    const rest = random.oneIn(20) ? random.below(2000) : random.below(20)
    const payload = Buffer.concat([
      Buffer.from(`${this.#messages}:${checksum(this.#messages)};`),
      Buffer.alloc(rest, 0x2e),
    ])
    const topic = random.oneIn(100) ? random.of(['t/+', '#', '\0', 't/\ufffe']) : random.of(topics)
    const packet = publish({ topic, payload, qos, dup: isCopy && !random.oneIn(3), retain: random.oneIn(8), packetId })
    this.#say(packet)
  }

  /** Lets what was written leave: all of it, or a part, in one piece or in several. */
  deliver(): void {
    const connection = this.#connection
    if (connection === undefined) return
    const random = this.#random
    const { link } = connection
    const size = random.oneIn(3) ? 1 + random.below(connection.outbox.length + 1) : connection.outbox.length
    let sending = connection.outbox.subarray(0, size)
    connection.outbox = connection.outbox.subarray(sending.length)
    while (sending.length > 0 && this.#connection === connection && link.readableLength < unreadMax) {
      const piece = sending.subarray(0, random.oneIn(2) ? sending.length : 1 + random.below(sending.length))
      sending = sending.subarray(piece.length)
      this.#send(connection, piece)
    }
  }

  #send({ link, fromServer }: Connection, piece: Buffer): void {
    if (link.readableEnded || link.destroyed) return
    const sentBefore = this.packetsSent
    try {
      fromServer.decode(piece, (packet) => {
        this.packetsSent += 1
        this.#trace.note(() => `server: ${describe(packet)}`)
        this.#witness.received(packet)
      })
    } catch (error) {
      this.#trace.note(() => `server: ${piece.toString('hex').slice(0, 80)}, ${error}`)
    }
    this.largestPiece = Math.max(this.largestPiece, piece.length + weightOfPacket * (this.packetsSent - sentBefore))
    link.push(Buffer.from(piece))
  }

  /** Something happens to the link. */
  mishap(): void {
    const link = this.#connection?.link
    if (link === undefined) return
    switch (this.#random.below(5)) {
      case 0:
        this.#trace.note(() => 'the server ends the link')
        link.push(null)
        return
      case 1:
        link.destroy()
        return
      case 2:
        link.destroy(new Error('the link broke'))
        return
      case 3:
        this.#trace.note(() => 'the link is stuck')
        link.stick()
        return
      default:
        this.#trace.note(() => 'the link flows')
        link.flow()
    }
  }
}

/** A damaged number must not be taken for another. */
const checksum = (message: number): number => (message * 7919) % 9973

/** The number of a message of the server; undefined if its payload was made up. */
export function messageNumber(payload: Buffer): number | undefined {
  const [, number, sum] = /^(\d{1,6}):(\d{1,4});/.exec(payload.toString('latin1', 0, 12)) ?? []
  return number !== undefined && checksum(Number(number)) === Number(sum) ? Number(number) : undefined
}

function describe(packet: ControlPacket<Buffer> | DecodedPacket<boolean>): string {
  const identifier = 'packetId' in packet ? ` ${packet.packetId}` : ''
  if (packet.type === 'publish') {
    const { topic, qos, payload } = packet
    const dup = qos === 0 ? false : packet.dup
    return `PUBLISH${identifier} ${topic} QoS ${qos}${dup ? ' DUP' : ''} ${JSON.stringify(payload.toString('latin1', 0, 8))}`
  }
  if (packet.type === 'connack') return `CONNACK ${packet.sessionPresent} ${packet.returnCode}`
  if (packet.type === 'subscribe')
    return `SUBSCRIBE${identifier} ${packet.subscriptions.map(({ filter, qos }) => `${filter} ${qos}`)}`
  if (packet.type === 'suback') return `SUBACK${identifier} ${packet.returnCodes}`
  return `${packet.type.toUpperCase()}${identifier}`
}
