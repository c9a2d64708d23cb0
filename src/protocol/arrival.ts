import type { PublishPacket } from '../codec/control-packet.js'

/** One incoming message, from its PUBLISH to the end of its handlers. */
export class Arrival<Packet extends PublishPacket<Buffer> = PublishPacket<Buffer>> {
  /** The PUBLISH that brought it; of copies that joined it, the first. */
  readonly packet: Packet
  /** How far its handlers have come. */
  progress: 'waiting' | 'running' | 'done' = 'waiting'

  constructor(packet: Packet) {
    this.packet = packet
  }

  /**
   * What the message counts for in `receiveBufferBytes`: its payload, its Topic Name, and about what the object itself
   * costs.
   */
  get bytes(): number {
    return this.packet.payload.byteLength + this.packet.topic.length + 128
  }
}
