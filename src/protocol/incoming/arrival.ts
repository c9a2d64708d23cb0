import type { PacketIdentifier, PublishPacket, QoS, UnnamedPublishPacket } from '../../codec/control-packet.js'
import type { MessageContent } from '../journal/journal-record.js'

/** The size of the object itself, about: it counts beside the payload and the Topic Name. */
const arrivalWeight = 128

/** What brings a message. An `unnamed-publish` has no Topic Name for the program: the message is acknowledged and not delivered. */
export type IncomingPublish = PublishPacket<Buffer> | UnnamedPublishPacket<Buffer>

/** One incoming message, from its PUBLISH to the end of its handlers, to PUBACK (QoS 1) or to PUBREL (QoS 2). */
export class Arrival {
  /** The QoS of the PUBLISH. */
  readonly qos: QoS
  /** Undefined at QoS 0. */
  readonly packetId: PacketIdentifier | undefined
  /**
   * The state of its handlers. 'received': they have ended, and the Packet Identifier is kept until PUBREL (QoS 2). 'over': they
   * have ended, and the Packet Identifier is not kept; an acknowledgement may still be owed.
   */
  progress: 'waiting' | 'running' | 'received' | 'over' = 'waiting'
  /** The PUBLISH; of several copies, the first one. Undefined from the start of the handlers. */
  packet: IncomingPublish | undefined
  /** At QoS 2: what the PUBLISH held. Undefined before the start of the handlers, and if it is not known. */
  content: MessageContent | undefined
  /** When its handlers started. Undefined for handlers that end before they return. */
  startedAt: number | undefined = undefined
  /** The number of the connection on which its PUBREC was sent; 0 if none was sent. */
  pubrecOn = 0
  /** Whether the present connection owes an acknowledgement for the message. */
  owed: 'owed' | 'not owed' = 'not owed'
  /** @internal */
  previous: Arrival | undefined
  /** @internal */
  next: Arrival | undefined

  private constructor(qos: QoS, packetId: PacketIdentifier | undefined, packet: IncomingPublish | undefined) {
    this.qos = qos
    this.packetId = packetId
    this.packet = packet
  }

  /** A new message. */
  static of(packet: IncomingPublish): Arrival {
    return new Arrival(packet.qos, packet.qos === 0 ? undefined : packet.packetId, packet)
  }

  /** A message at QoS 2 that an earlier process has handled. Its identifier is kept until PUBREL. */
  static received(packetId: PacketIdentifier, content: MessageContent | undefined): Arrival {
    const arrival = new Arrival(2, packetId, undefined)
    arrival.progress = 'received'
    arrival.content = content
    return arrival
  }

  /** How many bytes the message takes of `receiveBufferBytes` while it waits. */
  get bytes(): number {
    const { packet } = this
    return packet === undefined ? 0 : packet.payload.byteLength + topicLength(packet) + arrivalWeight
  }

  /**
   * Whether the server means a new message, although it still uses the Packet Identifier: at another QoS; at QoS 2 with other content; or with
   * DUP 0 on the connection that has brought this message, unless at QoS 2 the content shows a copy before our PUBREC. No conforming server
   * does any of these. But mosquitto 2.0.11 begins its identifiers again after 65,535, without a look at those in use.
   */
  isReusedBy(packet: Exclude<IncomingPublish, { readonly qos: 0 }>, connection: number): boolean {
    if (this.qos !== packet.qos || !this.mayHold(packet)) return true
    return !packet.dup && (this.pubrecOn === connection || (this.owed === 'owed' && this.#held === undefined))
  }

  /** Whether this PUBLISH has the content of the arrival, as far as that is known. */
  mayHold(packet: IncomingPublish): boolean {
    const held = this.#held
    if (held === undefined) return true
    const { bytes, checksum } = contentOf(packet)
    return bytes === held.bytes && checksum === held.checksum
  }

  /** What the message holds; undefined at QoS 1, and if it is not known. */
  get #held(): MessageContent | undefined {
    return this.qos === 2 && this.packet ? contentOf(this.packet) : this.content
  }

  /** True if its handlers have ended, so the message may be acknowledged in its turn. */
  get isHandled(): boolean {
    return this.progress === 'received' || this.progress === 'over'
  }
}

/** What is left of a message whose payload is not kept: enough to know a copy of it. */
export function contentOf(packet: IncomingPublish): MessageContent {
  const topic = packet.type === 'publish' ? packet.topic : packet.topicBytes.toString('latin1')
  const { payload } = packet
  // FNV-1a, with 32 bits. A byte that no topic has stands between the two parts.
  let checksum = 0x811c9dc5
  const add = (byte: number) => {
    checksum = Math.imul(checksum ^ byte, 0x01000193)
  }
  for (let index = 0; index < topic.length; index += 1) add(topic.charCodeAt(index))
  add(0)
  for (const byte of payload) add(byte)
  return { bytes: payload.byteLength, checksum: checksum >>> 0 }
}

function topicLength(packet: IncomingPublish): number {
  return packet.type === 'publish' ? packet.topic.length : packet.topicBytes.length
}
