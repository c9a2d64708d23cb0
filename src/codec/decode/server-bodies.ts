/** The bodies of the packets that a server sends. A client needs no others. */
import { byteAt } from '../byte-at.js'
import type { ConnackPacket, DecodedPacket, PacketName, SubackPacket } from '../control-packet.js'
import { isSubackCode, MAX_RETURN_CODE, SUBSCRIBE_FAILURE } from '../packet-constants.js'
import { DUP_FLAG, QOS_MASK, QOS_SHIFT, RETAIN_FLAG } from '../packet-type.js'
import type { PacketReader } from './packet-reader.js'

/** Decodes what follows the fixed header of a packet from a server. */
export function decodeServerBody(reader: PacketReader, name: PacketName | undefined): DecodedPacket<boolean> {
  switch (name) {
    case 'publish':
      return decodePublish(reader)
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      // [MQTT-2.3.1-6] these packets have the Packet Identifier of a PUBLISH, which is never 0
      return { type: name, packetId: reader.packetIdentifier('MQTT-2.3.1-6') }
    case 'unsuback':
      // [MQTT-2.3.1-7] UNSUBACK has the Packet Identifier of an UNSUBSCRIBE, which is never 0
      return { type: name, packetId: reader.packetIdentifier('MQTT-2.3.1-7') }
    case 'suback':
      return decodeSuback(reader)
    case 'pingresp':
      return { type: name }
    case 'connack':
      return decodeConnack(reader)
    /* v8 ignore next 2 -- @preserve readPacketSize has refused such a packet already; only a mistake of ours could get here */
    default:
      throw new RangeError('the fixed header was not checked')
  }
}

/** PUBLISH (section 3.3). The check of the first byte has already refused QoS 3, and a strict reader DUP at QoS 0. */
function decodePublish(reader: PacketReader): DecodedPacket<boolean> {
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

/** CONNACK (section 3.2). */
function decodeConnack(reader: PacketReader): ConnackPacket {
  const flags = reader.byte('3.2.1')
  // [3.2.2.1 reserved flags] all bits but the lowest are reserved
  if (flags > 1) {
    reader.fail(
      'acknowledge-flags',
      '3.2.2.1',
      reader.position - 1,
      `CONNACK with reserved flags (0x${flags.toString(16)})`,
    )
  }
  const returnCode = reader.byte('3.2.1')
  // [MQTT-3.2.2-6] a server without a fitting Return Code sends no CONNACK
  if (returnCode > MAX_RETURN_CODE) {
    reader.fail(
      'return-code',
      'MQTT-3.2.2-6',
      reader.position - 1,
      `CONNACK with the reserved Return Code ${returnCode}`,
    )
  }
  // [MQTT-3.2.2-4] a refusal has Session Present 0
  if (flags === 1 && returnCode !== 0) {
    const what = `CONNACK with Session Present and Return Code ${returnCode}`
    reader.fail('session-present', 'MQTT-3.2.2-4', reader.position - 2, what)
  }
  return { type: 'connack', sessionPresent: flags === 1, returnCode }
}

/** SUBACK (section 3.9). */
function decodeSuback(reader: PacketReader): SubackPacket<Uint8Array> {
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
