/** The bodies of all packets: here those that only a client sends, and in `server-bodies.ts` the others. */
import type {
  ConnectPacket,
  DecodedPacket,
  PacketName,
  QoS,
  SubscribePacket,
  SubscriptionRequest,
  UnsubscribePacket,
  Will,
} from '../control-packet.js'
import { quote } from '../field-checks.js'
import {
  CLEAN_SESSION_FLAG,
  PASSWORD_FLAG,
  PROTOCOL_LEVEL,
  PROTOCOL_NAME,
  RESERVED_FLAG,
  USER_NAME_FLAG,
  WILL_FLAG,
  WILL_QOS_SHIFT,
  WILL_RETAIN_FLAG,
} from '../packet-constants.js'
import type { PacketReader } from './packet-reader.js'
import { decodeServerBody } from './server-bodies.js'

/** Decodes what follows the fixed header of any packet. */
export function decodeBody(reader: PacketReader, name: PacketName | undefined): DecodedPacket<boolean> {
  switch (name) {
    case 'connect':
      return decodeConnect(reader)
    case 'subscribe':
      return decodeSubscribe(reader)
    case 'unsubscribe':
      return decodeUnsubscribe(reader)
    case 'pingreq':
    case 'disconnect':
      return { type: name }
    default:
      return decodeServerBody(reader, name)
  }
}

/** CONNECT (section 3.1). */
function decodeConnect(reader: PacketReader): ConnectPacket<Buffer> {
  const nameAt = reader.position
  // [MQTT-3.1.2-1] a packet with another protocol name is not MQTT
  const name = reader.text('MQTT-3.1.2-1')
  if (name !== PROTOCOL_NAME) {
    reader.fail('protocol-name', 'MQTT-3.1.2-1', nameAt, `CONNECT with protocol name ${quote(name)}`)
  }
  const level = reader.byte('MQTT-3.1.2-2')
  // [MQTT-3.1.2-2] another protocol level is another version of MQTT
  if (level !== PROTOCOL_LEVEL) {
    reader.fail('protocol-level', 'MQTT-3.1.2-2', reader.position - 1, `CONNECT with protocol level ${level}`)
  }
  const flags = reader.byte('3.1.2.3')
  const willQos = checkConnectFlags(reader, flags)
  const keepAlive = reader.uint16('3.1.2.10')
  // [MQTT-3.1.3-1] the fields of the payload have a fixed order; the flags say which fields are present
  const clientIdAt = reader.position
  const clientId = reader.text('MQTT-3.1.3-3')
  const cleanSession = (flags & CLEAN_SESSION_FLAG) !== 0
  // [MQTT-3.1.3-7] a client with an empty Client Identifier cannot have a persistent session
  if (clientId.length === 0 && !cleanSession) {
    reader.fail('client-identifier', 'MQTT-3.1.3-7', clientIdAt, 'an empty Client Identifier with Clean Session 0')
  }
  // [MQTT-3.1.2-9] [MQTT-3.1.2-11] the flag says whether the will is present
  const will = (flags & WILL_FLAG) === 0 ? undefined : decodeWill(reader, willQos, (flags & WILL_RETAIN_FLAG) !== 0)
  // [MQTT-3.1.2-18] [MQTT-3.1.2-19] the flag says whether the User Name is present; the User Name may be empty
  const username = (flags & USER_NAME_FLAG) === 0 ? undefined : reader.text('MQTT-3.1.2-19')
  // [MQTT-3.1.2-20] [MQTT-3.1.2-21] the flag says whether the Password is present
  const password = (flags & PASSWORD_FLAG) === 0 ? undefined : reader.binary('MQTT-3.1.2-21')
  if (!reader.atEnd) {
    reader.fail('trailing-bytes', 'MQTT-3.1.3-1', reader.position, 'CONNECT with bytes behind its last field')
  }
  return {
    type: 'connect',
    clientId,
    cleanSession,
    keepAlive,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(will !== undefined && { will }),
  }
}

/** Refuses flags that contradict each other and returns the QoS of the will. */
function checkConnectFlags(reader: PacketReader, flags: number): QoS {
  const refuse = (statement: string, what: string): never =>
    reader.fail('connect-flags', statement, reader.position - 1, `CONNECT with ${what}`)
  // [MQTT-3.1.2-3] the lowest flag is reserved and has to be 0
  if ((flags & RESERVED_FLAG) !== 0) refuse('MQTT-3.1.2-3', 'its reserved flag set')
  const willQos = (flags >> WILL_QOS_SHIFT) & 0b11
  if ((flags & WILL_FLAG) === 0) {
    // [MQTT-3.1.2-13] without a will, Will QoS is 0
    if (willQos !== 0) refuse('MQTT-3.1.2-13', `Will QoS ${willQos} but no will`)
    // [MQTT-3.1.2-15] without a will, Will Retain is 0
    if ((flags & WILL_RETAIN_FLAG) !== 0) refuse('MQTT-3.1.2-15', 'Will Retain but no will')
  }
  // [MQTT-3.1.2-22] a Password is allowed only with a User Name
  if ((flags & PASSWORD_FLAG) !== 0 && (flags & USER_NAME_FLAG) === 0) {
    refuse('MQTT-3.1.2-22', 'a password but no user name')
  }
  // [MQTT-3.1.2-14] Will QoS is 0, 1 or 2
  return willQos === 0 || willQos === 1 || willQos === 2 ? willQos : refuse('MQTT-3.1.2-14', 'Will QoS 3')
}

function decodeWill(reader: PacketReader, qos: QoS, retain: boolean): Will<Buffer> {
  // [MQTT-3.1.3-10] the Will Topic is a string, and [MQTT-4.7.1-1] a Topic Name
  const topic = reader.topicName('MQTT-3.1.2-9', 'MQTT-4.7.1-1')
  return { topic, payload: reader.binary('MQTT-3.1.2-9'), qos, retain }
}

/** SUBSCRIBE (section 3.8). */
function decodeSubscribe(reader: PacketReader): SubscribePacket {
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

/** UNSUBSCRIBE (section 3.10). */
function decodeUnsubscribe(reader: PacketReader): UnsubscribePacket {
  const packetId = reader.packetIdentifier('MQTT-2.3.1-1')
  // [MQTT-3.10.3-2] UNSUBSCRIBE has at least one Topic Filter
  if (reader.atEnd) reader.fail('empty-payload', 'MQTT-3.10.3-2', reader.position, 'UNSUBSCRIBE without a Topic Filter')
  const filters: string[] = []
  // [MQTT-3.10.3-1] the Topic Filters are strings, one after the other
  while (!reader.atEnd) filters.push(reader.topicFilter('MQTT-3.10.3-1'))
  return { type: 'unsubscribe', packetId, filters }
}
