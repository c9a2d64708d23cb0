import { UsageError } from '../../errors.js'
import { isBytes } from '../../realms/foreign-values.js'
import type { PacketIdentifier, QoS } from '../control-packet.js'
import { flagBit, kindOf, requireAttached, requirePacketIdentifier, requireQos } from '../field-checks.js'
import { MAX_REMAINING_LENGTH, remainingLengthSize, writeFixedHeader } from '../fixed-header.js'
import { DUP_FLAG, firstByteOf, packetTypes, QOS_SHIFT } from '../packet-type.js'
import type { OutputChunk } from './output-chunk.js'
import type { TopicBytes } from './topic-bytes.js'

const PUBLISH = firstByteOf(packetTypes.publish)

/**
 * Appends a PUBLISH (section 3.3) up to its payload, reserves room for `copiedBytes` bytes of the payload, and returns the
 * offset of that room. `payloadBytes` is the length of the whole payload. `copiedBytes` is smaller only if the caller
 * sends the payload separately.
 */
export function encodePublishHeader(
  chunk: OutputChunk,
  topics: TopicBytes,
  topic: string,
  payloadBytes: number,
  copiedBytes: number,
  qos: QoS,
  retain: boolean,
  dup: boolean,
  packetId: PacketIdentifier | undefined,
): number {
  const topicBytes = topics.of(topic)
  let flags = flagBit(retain, 'retain', '3.3.1.3')
  let variableHeaderBytes = topicBytes.length
  let identifier = 0
  if (qos === 0) {
    // [MQTT-3.3.1-2] a QoS 0 message is never a redelivery
    if (dup) throw new UsageError('dup is true at QoS 0: only QoS 1 and 2 have it', { statement: 'MQTT-3.3.1-2' })
  } else {
    // [MQTT-3.3.1-4] there is no QoS 3
    requireQos(qos, 'qos', 'MQTT-3.3.1-4')
    // [MQTT-2.3.1-1] a PUBLISH at QoS 1 or 2 has a Packet Identifier, and it is not 0
    identifier = requirePacketIdentifier(packetId, 'MQTT-2.3.1-1')
    flags |= (qos << QOS_SHIFT) | (flagBit(dup, 'dup', '3.3.1.1') * DUP_FLAG)
    variableHeaderBytes += 2
  }
  const remainingLength = variableHeaderBytes + payloadBytes
  if (remainingLength > MAX_REMAINING_LENGTH) {
    const largest = MAX_REMAINING_LENGTH - variableHeaderBytes
    throw new UsageError(`payload has ${payloadBytes} bytes; with this topic and QoS at most ${largest} are possible`, {
      statement: '2.2.3',
    })
  }
  const start = chunk.reserve(1 + remainingLengthSize(remainingLength) + variableHeaderBytes + copiedBytes)
  const { bytes } = chunk
  let offset = writeFixedHeader(bytes, start, PUBLISH | flags, remainingLength)
  // [MQTT-3.3.2-1] the Topic Name comes first
  bytes.set(topicBytes, offset)
  offset += topicBytes.length
  // [MQTT-2.3.1-5] at QoS 0 no Packet Identifier follows
  if (qos === 0) return offset
  bytes[offset] = identifier >>> 8
  bytes[offset + 1] = identifier & 0xff
  return offset + 2
}

/** Appends a whole PUBLISH. */
export function encodePublish(
  chunk: OutputChunk,
  topics: TopicBytes,
  topic: string,
  payload: Uint8Array,
  qos: QoS,
  retain: boolean,
  dup: boolean,
  packetId: PacketIdentifier | undefined,
): void {
  if (!isBytes(payload)) {
    throw new UsageError(`payload has to be a Uint8Array, not ${kindOf(payload)}`, { statement: '3.3.3' })
  }
  requireAttached(payload, 'the payload', '3.3.3')
  const { length } = payload
  const offset = encodePublishHeader(chunk, topics, topic, length, length, qos, retain, dup, packetId)
  chunk.bytes.set(payload, offset)
}
