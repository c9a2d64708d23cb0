import { UsageError } from '../../errors.js'
import type { SubackPacket, SubscribePacket, UnsubscribePacket } from '../control-packet.js'
import { outline, requireArrayLike, requireList, requirePacketIdentifier, requireQos } from '../field-checks.js'
import { MAX_REMAINING_LENGTH } from '../fixed-header.js'
import { isSubackCode } from '../packet-constants.js'
import { firstByteOf, packetTypes } from '../packet-type.js'
import { topicFilterLength } from '../topic.js'
import { beginPacket, writeText, writeUint16 } from './field-writer.js'
import type { OutputChunk } from './output-chunk.js'

const SUBSCRIBE = firstByteOf(packetTypes.subscribe)
const SUBACK = firstByteOf(packetTypes.suback)
const UNSUBSCRIBE = firstByteOf(packetTypes.unsubscribe)

/** Appends SUBSCRIBE (section 3.8). */
export function encodeSubscribe(chunk: OutputChunk, packet: SubscribePacket): void {
  const { packetId, subscriptions } = packet
  // [MQTT-2.3.1-1] SUBSCRIBE has a Packet Identifier, and it is not 0
  requirePacketIdentifier(packetId, 'MQTT-2.3.1-1')
  // [MQTT-3.8.3-3] SUBSCRIBE has at least one Topic Filter
  requireList(subscriptions, 'subscriptions', 'MQTT-3.8.3-3')
  const lengths: number[] = []
  let remainingLength = 2
  for (const subscription of subscriptions) {
    if (typeof subscription !== 'object' || subscription === null) {
      throw new UsageError(`subscriptions are objects of filter and qos, not ${outline(subscription)}`, {
        statement: 'MQTT-3.8.3-3',
      })
    }
    const { filter, qos } = subscription
    // [MQTT-3.8.3-1] a Topic Filter is a string
    const length = topicFilterLength(filter, 'MQTT-3.8.3-1')
    // [MQTT-3.8.3-4] the requested QoS is 0, 1 or 2
    requireQos(qos, 'qos', 'MQTT-3.8.3-4')
    lengths.push(length)
    remainingLength += 2 + length + 1
  }
  requireRemainingLength(remainingLength, 'subscriptions')
  let index = beginPacket(chunk, SUBSCRIBE, remainingLength)
  const { bytes } = chunk
  index = writeUint16(bytes, index, packetId)
  subscriptions.forEach(({ filter, qos }, at) => {
    index = writeText(bytes, index, filter, lengths[at] ?? 0)
    bytes[index] = qos
    index += 1
  })
}

/** Appends UNSUBSCRIBE (section 3.10). */
export function encodeUnsubscribe(chunk: OutputChunk, packet: UnsubscribePacket): void {
  const { packetId, filters } = packet
  // [MQTT-2.3.1-1] UNSUBSCRIBE has a Packet Identifier, and it is not 0
  requirePacketIdentifier(packetId, 'MQTT-2.3.1-1')
  // [MQTT-3.10.3-2] UNSUBSCRIBE has at least one Topic Filter
  requireList(filters, 'filters', 'MQTT-3.10.3-2')
  // [MQTT-3.10.3-1] the Topic Filters are strings, one after the other
  const lengths: number[] = []
  let remainingLength = 2
  for (const filter of filters) {
    const length = topicFilterLength(filter, 'MQTT-3.10.3-1')
    lengths.push(length)
    remainingLength += 2 + length
  }
  requireRemainingLength(remainingLength, 'filters')
  let index = beginPacket(chunk, UNSUBSCRIBE, remainingLength)
  index = writeUint16(chunk.bytes, index, packetId)
  filters.forEach((filter, at) => {
    index = writeText(chunk.bytes, index, filter, lengths[at] ?? 0)
  })
}

/** Appends SUBACK (section 3.9). */
export function encodeSuback(chunk: OutputChunk, packet: SubackPacket): void {
  const { packetId, returnCodes } = packet
  // [MQTT-2.3.1-7] SUBACK has the Packet Identifier of a SUBSCRIBE, which is not 0
  requirePacketIdentifier(packetId, 'MQTT-2.3.1-7')
  // [MQTT-3.8.4-5] SUBACK has a Return Code for each Topic Filter, so at least one
  requireArrayLike(returnCodes, 'returnCodes', 'MQTT-3.8.4-5')
  requireRemainingLength(2 + returnCodes.length, 'returnCodes')
  for (let index = 0; index < returnCodes.length; index += 1) {
    const code = returnCodes[index]
    // [MQTT-3.9.3-2] all but four codes are reserved
    if (!isSubackCode(code)) {
      throw new UsageError(`returnCodes are 0, 1, 2 or 128, not ${outline(code)}`, { statement: 'MQTT-3.9.3-2' })
    }
  }
  const index = beginPacket(chunk, SUBACK, 2 + returnCodes.length)
  chunk.bytes.set(returnCodes, writeUint16(chunk.bytes, index, packetId))
}

function requireRemainingLength(remainingLength: number, field: string): void {
  if (remainingLength <= MAX_REMAINING_LENGTH) return
  throw new UsageError(`${field} make a packet of ${remainingLength} bytes: send them in several packets`, {
    statement: '2.2.3',
  })
}
