import type { PacketIdentifier, PublishPacket, QoS } from '../../codec/control-packet.js'

/** What an arrival costs beside its payload and its Topic Name: about the object itself. */
const arrivalWeight = 128

/** One incoming message, from its PUBLISH to the last thing that its Packet Identifier stands for. */
export class Arrival {
  /** The QoS at which it came. */
  readonly qos: QoS
  /** Undefined at QoS 0. */
  readonly packetId: PacketIdentifier | undefined
  /** What it counts for in `receiveBufferBytes` while it waits. */
  readonly bytes: number
  /**
   * How far its handlers have come. 'received': they have ended, and the Packet Identifier is kept until PUBREL (QoS 2). 'over': they
   * have ended, and nothing remembers the message any more but the acknowledgement that may still be owed.
   */
  progress: 'waiting' | 'running' | 'received' | 'over' = 'waiting'
  /** The PUBLISH that brought it, and of copies that joined it the first. It is not kept once its handlers have started. */
  packet: PublishPacket<Buffer> | undefined
  /** When its handlers started. */
  startedAt = 0
  /** The connection, by its number, on which PUBREC was sent for it; 0 for none. */
  pubrecOn = 0
  /** Its place among the acknowledgements that the present connection owes. */
  owed: 'owed' | 'not owed' = 'not owed'
  /** @internal */
  previous: Arrival | undefined
  /** @internal */
  next: Arrival | undefined

  private constructor(qos: QoS, packetId: PacketIdentifier | undefined, packet: PublishPacket<Buffer> | undefined) {
    this.qos = qos
    this.packetId = packetId
    this.packet = packet
    this.bytes = packet === undefined ? 0 : packet.payload.byteLength + packet.topic.length + arrivalWeight
  }

  /** A message that has just come. */
  static of(packet: PublishPacket<Buffer>): Arrival {
    return new Arrival(packet.qos, packet.qos === 0 ? undefined : packet.packetId, packet)
  }

  /** A message at QoS 2 that an earlier process has handled: its identifier is kept until PUBREL. */
  static received(packetId: PacketIdentifier): Arrival {
    const arrival = new Arrival(2, packetId, undefined)
    arrival.progress = 'received'
    return arrival
  }

  /** True if nothing more has to be waited for before it is acknowledged. */
  get isHandled(): boolean {
    return this.progress === 'received' || this.progress === 'over'
  }
}
