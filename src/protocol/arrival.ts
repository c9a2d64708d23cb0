import type { PublishPacket } from '../codec/control-packet.js'

/** One incoming message, from its PUBLISH to the end of its handlers. */
export class Arrival {
  readonly packet: PublishPacket<Buffer>
  progress: 'waiting' | 'running' | 'done' = 'waiting'

  constructor(packet: PublishPacket<Buffer>) {
    this.packet = packet
  }

  get bytes(): number {
    return this.packet.payload.byteLength + this.packet.topic.length + 128
  }
}
