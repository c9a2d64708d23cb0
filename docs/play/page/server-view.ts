/** What the server has open with the client, as far as the packets show it, for the table on the page. */
import type { ControlPacket } from '../../../src/codec/index.js'
import type { Reason } from './reasons.js'

/** A message on its way to the client, and what the server waits for. */
export interface Sending {
  readonly text: string
  readonly qos: 1 | 2
  readonly awaits: 'PUBACK' | 'PUBREC' | 'PUBCOMP'
}

export class ServerView {
  /** Messages to the client, by Packet Identifier. */
  readonly sending = new Map<number, Sending>()
  /** Messages at QoS 2 from the client, from PUBLISH to PUBREL, by Packet Identifier. */
  readonly held = new Map<number, string>()

  /** The server got a packet. Returns what it makes of it. */
  got(packet: ControlPacket<Buffer>): Reason {
    switch (packet.type) {
      case 'publish':
        if (packet.qos === 0) return { why: 'There is no answer at QoS 0.', statement: 'MQTT-4.3.1-1' }
        if (packet.qos === 1) {
          return {
            why: 'The server cannot tell a copy from a new message at QoS 1, so it publishes what comes.',
            statement: 'MQTT-4.3.2-2',
          }
        }
        return this.#gotQos2(packet.packetId, packet.payload.toString())
      case 'pubrel':
        this.held.delete(packet.packetId)
        return {
          why: 'The exchange is over: the identifier means a new message from now on.',
          statement: 'MQTT-4.3.3-2',
        }
      case 'puback':
      case 'pubcomp':
        this.sending.delete(packet.packetId)
        return { why: 'The client has the message, and the identifier is free.', statement: 'MQTT-2.3.1-4' }
      case 'pubrec': {
        const sending = this.sending.get(packet.packetId)
        if (sending !== undefined) this.sending.set(packet.packetId, { ...sending, awaits: 'PUBCOMP' })
        return { why: 'The PUBLISH is never sent again, only PUBREL.', statement: 'MQTT-4.3.3-1' }
      }
      default:
        return { why: '', statement: '' }
    }
  }

  #gotQos2(packetId: number, text: string): Reason {
    const isCopy = this.held.has(packetId)
    this.held.set(packetId, text)
    const why = isCopy
      ? `Identifier ${packetId} is in use, so this is a copy: it is acknowledged, and not published again.`
      : `Identifier ${packetId} is new: the message is published, and the identifier kept until PUBREL.`
    return { why, statement: 'MQTT-4.3.3-2' }
  }

  sent(packet: ControlPacket<Buffer>): void {
    if (packet.type !== 'publish' || packet.qos === 0) return
    const { qos, packetId } = packet
    this.sending.set(packetId, { text: packet.payload.toString(), qos, awaits: qos === 1 ? 'PUBACK' : 'PUBREC' })
  }

  forget(): void {
    this.sending.clear()
    this.held.clear()
  }
}
