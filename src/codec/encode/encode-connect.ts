import { UsageError } from '../../errors.js'
import type { ConnackPacket, ConnectPacket, Will } from '../control-packet.js'
import { binaryLength, flagBit, outline, requireKeepAlive, requireQos, textLength } from '../field-checks.js'
import {
  CLEAN_SESSION_FLAG,
  MAX_RETURN_CODE,
  PASSWORD_FLAG,
  PROTOCOL_LEVEL,
  PROTOCOL_NAME,
  USER_NAME_FLAG,
  WILL_FLAG,
  WILL_QOS_SHIFT,
  WILL_RETAIN_FLAG,
} from '../packet-constants.js'
import { firstByteOf, packetTypes } from '../packet-type.js'
import { topicNameLength } from '../topic.js'
import { beginPacket, writeBinary, writeText, writeUint16 } from './field-writer.js'
import type { OutputChunk } from './output-chunk.js'

const CONNECT = firstByteOf(packetTypes.connect)
const CONNACK = firstByteOf(packetTypes.connack)
/** Protocol name with its two-byte length, protocol level, flags, Keep Alive (section 3.1.2). */
const VARIABLE_HEADER_BYTES = 10

/** Appends CONNECT (section 3.1). */
export function encodeConnect(chunk: OutputChunk, packet: ConnectPacket): void {
  const { clientId, cleanSession, keepAlive, username, password, will } = packet
  let flags = flagBit(cleanSession, 'cleanSession', '3.1.2.4') * CLEAN_SESSION_FLAG
  requireKeepAlive(keepAlive)
  // [MQTT-3.1.3-3] [MQTT-3.1.3-4] the Client Identifier is always present, and it is a string
  const clientIdBytes = textLength(clientId, 'clientId', 'MQTT-3.1.3-4')
  // [MQTT-3.1.3-7] a client with an empty Client Identifier cannot have a persistent session
  if (clientIdBytes === 0 && !cleanSession) {
    throw new UsageError('clientId is empty and cleanSession false: name the client whose session is to be kept', {
      statement: 'MQTT-3.1.3-7',
    })
  }
  let remainingLength = VARIABLE_HEADER_BYTES + 2 + clientIdBytes
  let willTopicBytes = 0
  // [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT-3.1.2-15] without a will, the flags of the will are 0 and its fields absent
  if (will !== undefined) {
    willTopicBytes = requireWill(will)
    // [MQTT-3.1.2-9] with a will, Will Topic and Will Message are both present
    remainingLength += 2 + willTopicBytes + 2 + will.payload.length
    flags |= WILL_FLAG | (will.qos << WILL_QOS_SHIFT) | (will.retain ? WILL_RETAIN_FLAG : 0)
  }
  let usernameBytes = 0
  // [MQTT-3.1.2-18] [MQTT-3.1.2-19] the flag says whether the User Name is present; the User Name may be empty
  if (username !== undefined) {
    // [MQTT-3.1.3-11] the User Name is a string
    usernameBytes = textLength(username, 'username', 'MQTT-3.1.3-11')
    remainingLength += 2 + usernameBytes
    flags |= USER_NAME_FLAG
  }
  // [MQTT-3.1.2-20] [MQTT-3.1.2-21] the flag says whether the Password is present
  if (password !== undefined) {
    // [MQTT-3.1.2-22] a Password is allowed only with a User Name
    if (username === undefined)
      throw new UsageError('there is a password but no username', { statement: 'MQTT-3.1.2-22' })
    remainingLength += 2 + binaryLength(password, 'password', '3.1.3.5')
    flags |= PASSWORD_FLAG
  }

  let index = beginPacket(chunk, CONNECT, remainingLength)
  const { bytes } = chunk
  // [MQTT-3.1.2-1] [MQTT-3.1.2-2] the protocol name is "MQTT", the protocol level is 4
  index = writeText(bytes, index, PROTOCOL_NAME, PROTOCOL_NAME.length)
  bytes[index] = PROTOCOL_LEVEL
  // [MQTT-3.1.2-3] bit 0 of the flags stays 0
  bytes[index + 1] = flags
  index = writeUint16(bytes, index + 2, keepAlive)
  // [MQTT-3.1.3-1] the fields of the payload have this order
  index = writeText(bytes, index, clientId, clientIdBytes)
  if (will !== undefined) {
    index = writeText(bytes, index, will.topic, willTopicBytes)
    index = writeBinary(bytes, index, will.payload)
  }
  if (username !== undefined) index = writeText(bytes, index, username, usernameBytes)
  if (password !== undefined) writeBinary(bytes, index, password)
}

/** Checks the will and returns the number of bytes of its topic. */
function requireWill(will: Will): number {
  if (typeof will !== 'object' || will === null)
    throw new UsageError('will has to be an object', { statement: '3.1.2.5' })
  // [MQTT-3.1.3-10] [MQTT-4.7.1-1] the Will Topic is a string, and a Topic Name
  const topicBytes = topicNameLength(will.topic, 'will.topic', 'MQTT-3.1.3-10')
  binaryLength(will.payload, 'will.payload', '3.1.3.3')
  // [MQTT-3.1.2-14] Will QoS is 0, 1 or 2
  requireQos(will.qos, 'will.qos', 'MQTT-3.1.2-14')
  flagBit(will.retain, 'will.retain', '3.1.2.7')
  return topicBytes
}

/** Appends CONNACK (section 3.2). */
export function encodeConnack(chunk: OutputChunk, packet: ConnackPacket): void {
  const { sessionPresent, returnCode } = packet
  const flags = flagBit(sessionPresent, 'sessionPresent', '3.2.2.2')
  // [MQTT-3.2.2-6] a server without a fitting Return Code sends no CONNACK
  if (!Number.isInteger(returnCode) || returnCode < 0 || returnCode > MAX_RETURN_CODE) {
    throw new UsageError(`returnCode has to be an integer from 0 to ${MAX_RETURN_CODE}, not ${outline(returnCode)}`, {
      statement: 'MQTT-3.2.2-6',
    })
  }
  // [MQTT-3.2.2-4] a refusal has Session Present 0
  if (sessionPresent && returnCode !== 0) {
    throw new UsageError(`sessionPresent is true with returnCode ${returnCode}: true needs 0`, {
      statement: 'MQTT-3.2.2-4',
    })
  }
  const index = beginPacket(chunk, CONNACK, 2)
  chunk.bytes[index] = flags
  chunk.bytes[index + 1] = returnCode
}
