/** The packets that `node:diagnostics_channel` reports, and their bytes. */
import type { DecodedPacket } from '../../codec/control-packet.js'
import { encodePacket } from '../../codec/encode/packet-writer.js'

interface PacketMessage {
  readonly packet: DecodedPacket<boolean>
}

export function isPacketMessage(message: unknown): message is PacketMessage {
  return typeof message === 'object' && message !== null && 'packet' in message
}

/** What the decoder has read although it is malformed. Its packet is reported next. */
interface MisformedMessage {
  readonly received: string
  readonly statement: string
  readonly bytes: Uint8Array
}

export function isMisformedMessage(message: unknown): message is MisformedMessage {
  return typeof message === 'object' && message !== null && 'received' in message
}

/** MQTT 3.1.1 has one encoding for each packet, so these are the bytes of the wire. A malformed packet is reported with its bytes apart. */
export function packetBytes(packet: DecodedPacket<boolean>): Uint8Array {
  return packet.type === 'unnamed-publish' ? packet.topicBytes : encodePacket(packet)
}
