import { byteAt } from '../byte-at.js'
import type {
  DecodedPacket,
  SubackPacket,
  SubscribePacket,
  SubscriptionRequest,
  UnsubscribePacket,
} from '../control-packet.js'
import { isSubackCode, SUBSCRIBE_FAILURE } from '../packet-constants.js'
import { DUP_FLAG, QOS_MASK, QOS_SHIFT, RETAIN_FLAG } from '../packet-type.js'
import type { PacketReader } from './packet-reader.js'

/** PUBLISH (section 3.3). The check of the first byte has already refused QoS 3, and a strict reader DUP at QoS 0. */
export function decodePublish(reader: PacketReader): DecodedPacket<boolean> {
  const flags = byteAt(reader.bytes, reader.start)
  const retain = (flags & RETAIN_FLAG) !== 0
  const qos = (flags >> QOS_SHIFT) & QOS_MASK
  const dup = (flags & DUP_FLAG) !== 0
  // [MQTT-3.3.2-1] the Topic Name comes first; [MQTT-3.3.2-2] a Topic Name has no wildcards
  const topic = reader.publishedTopic('MQTT-3.3.2-1', 'MQTT-3.3.2-2')
  // [MQTT-2.3.1-5] a PUBLISH at QoS 0 has no Packet Identifier, so the payload follows
  if (qos === 0) {
    // [MQTT-3.3.1-2] a QoS 0 message is never a redelivery, so DUP says nothing
    if (dup) reader.note('dup-at-qos-0', 'MQTT-3.3.1-2', reader.start, 'PUBLISH with DUP at QoS 0')
    if (typeof topic !== 'string') {
      return { type: 'unnamed-publish', topicBytes: topic, payload: reader.rest(), retain, qos: 0 }
    }
    return { type: 'publish', topic, payload: reader.rest(), retain, qos: 0 }
  }
  const packetId = reader.packetIdentifier('MQTT-2.3.1-1')
  if (typeof topic !== 'string') {
    const payload = reader.rest()
    return { type: 'unnamed-publish', topicBytes: topic, payload, retain, qos: qos === 1 ? 1 : 2, packetId, dup }
  }
  return { type: 'publish', topic, payload: reader.rest(), retain, qos: qos === 1 ? 1 : 2, packetId, dup }
}

/** SUBSCRIBE (section 3.8). */
export function decodeSubscribe(reader: PacketReader): SubscribePacket {
  const packetId = reader.packetIdentifier('MQTT-2.3.1-1')
  // [MQTT-3.8.3-3] SUBSCRIBE has at least one Topic Filter
  if (reader.atEnd) reader.fail('empty-payload', 'MQTT-3.8.3-3', reader.position, 'SUBSCRIBE without a Topic Filter')
  const subscriptions: SubscriptionRequest[] = []
  while (!reader.atEnd) {
    // [MQTT-3.8.3-1] a Topic Filter is a string
    const filter = reader.topicFilter('MQTT-3.8.3-1')
    const qos = reader.byte('MQTT-3.8.3-3')
    // [MQTT-3.8.3-4] the upper six bits are reserved, and QoS 3 does not exist
    if (qos !== 0 && qos !== 1 && qos !== 2) {
      reader.fail('qos', 'MQTT-3.8.3-4', reader.position - 1, `SUBSCRIBE with the requested QoS ${qos}`)
    } else {
      subscriptions.push({ filter, qos })
    }
  }
  return { type: 'subscribe', packetId, subscriptions }
}

/** SUBACK (section 3.9). */
export function decodeSuback(reader: PacketReader): SubackPacket<Uint8Array> {
  // [MQTT-3.8.4-5] SUBACK has a Return Code for each Topic Filter, so at least one
  const packetId = reader.packetIdentifier('MQTT-3.8.4-5', 'MQTT-2.3.1-7')
  if (reader.atEnd) reader.fail('empty-payload', 'MQTT-3.8.4-5', reader.position, 'SUBACK without a Return Code')
  const codesAt = reader.position
  // [MQTT-3.9.3-2] all but four codes are reserved
  let reserved = -1
  for (let index = codesAt; index < reader.end; index += 1) {
    const code = byteAt(reader.bytes, index)
    if (isSubackCode(code)) continue
    // Servers that also speak MQTT 5 send its codes, and there each code from 0x80 is a refusal.
    if (reader.strict || code < SUBSCRIBE_FAILURE) reader.fail('return-code', 'MQTT-3.9.3-2', index, describeCode(code))
    if (reserved < 0) reserved = index
  }
  if (reserved >= 0) {
    reader.note('reserved-return-code', 'MQTT-3.9.3-2', reserved, describeCode(byteAt(reader.bytes, reserved)))
  }
  return { type: 'suback', packetId, returnCodes: reader.restAsBytes() }
}

function describeCode(code: number): string {
  return `SUBACK with the reserved Return Code 0x${code.toString(16).padStart(2, '0')}`
}

/** UNSUBSCRIBE (section 3.10). */
export function decodeUnsubscribe(reader: PacketReader): UnsubscribePacket {
  const packetId = reader.packetIdentifier('MQTT-2.3.1-1')
  // [MQTT-3.10.3-2] UNSUBSCRIBE has at least one Topic Filter
  if (reader.atEnd) reader.fail('empty-payload', 'MQTT-3.10.3-2', reader.position, 'UNSUBSCRIBE without a Topic Filter')
  const filters: string[] = []
  // [MQTT-3.10.3-1] the Topic Filters are strings, one after the other
  while (!reader.atEnd) filters.push(reader.topicFilter('MQTT-3.10.3-1'))
  return { type: 'unsubscribe', packetId, filters }
}
