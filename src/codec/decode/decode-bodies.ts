import { byteAt } from '../byte-at.js'
import type { PublishPacket } from '../control-packet.js'
import { DUP_FLAG, QOS_MASK, QOS_SHIFT, RETAIN_FLAG } from '../packet-type.js'
import type { PacketReader } from './packet-reader.js'

/** PUBLISH (section 3.3). That DUP and QoS go together was seen by the first byte already. */
export function decodePublish(reader: PacketReader): PublishPacket<Buffer> {
  const flags = byteAt(reader.bytes, reader.start)
  const retain = (flags & RETAIN_FLAG) !== 0
  const qos = (flags >> QOS_SHIFT) & QOS_MASK
  // [MQTT-3.3.2-1] the Topic Name comes first; [MQTT-3.3.2-2] it has no wildcards
  const topic = reader.topicName('MQTT-3.3.2-1', 'MQTT-3.3.2-2')
  // [MQTT-2.3.1-5] at QoS 0 there is no Packet Identifier, so what follows is payload
  if (qos === 0) return { type: 'publish', topic, payload: reader.rest(), retain, qos: 0 }
  const packetId = reader.packetIdentifier('MQTT-2.3.1-1')
  const dup = (flags & DUP_FLAG) !== 0
  return { type: 'publish', topic, payload: reader.rest(), retain, qos: qos === 1 ? 1 : 2, packetId, dup }
}
