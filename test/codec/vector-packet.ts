/** From the `fields` of a vector, which are JSON, to the packet that the codec knows. */
import type { ControlPacket, QoS, SubscriptionRequest, Will } from 'mqtt311/codec'
import { expandHex, expandText } from '../../fixtures/vectors/vector-file.js'

type Fields = ReadonlyMap<string, unknown>

function fieldsOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw new Error(`not an object: ${value}`)
  return new Map(Object.entries(value))
}

function text(value: unknown): string {
  if (typeof value !== 'string') throw new Error(`not a string: ${value}`)
  return expandText(value)
}

function bytes(value: unknown): Buffer {
  if (typeof value !== 'string') throw new Error(`not hexadecimal: ${value}`)
  return expandHex(value)
}

function integer(value: unknown): number {
  if (typeof value !== 'number') throw new Error(`not a number: ${value}`)
  return value
}

function flag(value: unknown): boolean {
  if (typeof value !== 'boolean') throw new Error(`not a flag: ${value}`)
  return value
}

function qos(value: unknown): QoS {
  if (value === 0 || value === 1 || value === 2) return value
  throw new Error(`not a QoS: ${value}`)
}

function list(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new Error(`not a list: ${value}`)
  return value
}

function willOf(value: unknown): Will<Buffer> {
  const will = fieldsOf(value)
  return {
    topic: text(will.get('topic')),
    payload: bytes(will.get('payloadHex')),
    qos: qos(will.get('qos')),
    retain: flag(will.get('retain')),
  }
}

function connectOf(fields: Fields): ControlPacket<Buffer> {
  const will = fields.get('will')
  const username = fields.get('username')
  const passwordHex = fields.get('passwordHex')
  return {
    type: 'connect',
    clientId: text(fields.get('clientId')),
    cleanSession: flag(fields.get('cleanSession')),
    keepAlive: integer(fields.get('keepAlive')),
    ...(username !== null && { username: text(username) }),
    ...(passwordHex !== null && { password: bytes(passwordHex) }),
    ...(will !== null && { will: willOf(will) }),
  }
}

function publishOf(fields: Fields): ControlPacket<Buffer> {
  const message = {
    topic: text(fields.get('topic')),
    payload: bytes(fields.get('payloadHex')),
    retain: flag(fields.get('retain')),
  }
  const level = qos(fields.get('qos'))
  if (level === 0) return { type: 'publish', ...message, qos: 0 }
  return {
    type: 'publish',
    ...message,
    qos: level,
    packetId: integer(fields.get('packetId')),
    dup: flag(fields.get('dup')),
  }
}

function returnCodesOf(value: unknown): Uint8Array {
  if (Array.isArray(value)) return Uint8Array.from(value.map(integer))
  const run = fieldsOf(value)
  return new Uint8Array(integer(run.get('count'))).fill(integer(run.get('repeat')))
}

function subscriptionOf(value: unknown): SubscriptionRequest {
  const fields = fieldsOf(value)
  return { filter: text(fields.get('filter')), qos: qos(fields.get('qos')) }
}

export function packetOf(json: string): ControlPacket<Buffer> {
  const fields = fieldsOf(JSON.parse(json))
  const type = fields.get('type')
  switch (type) {
    case 'connect':
      return connectOf(fields)
    case 'connack':
      return { type, sessionPresent: flag(fields.get('sessionPresent')), returnCode: integer(fields.get('returnCode')) }
    case 'publish':
      return publishOf(fields)
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
    case 'unsuback':
      return { type, packetId: integer(fields.get('packetId')) }
    case 'subscribe': {
      const subscriptions = list(fields.get('subscriptions')).map(subscriptionOf)
      return { type, packetId: integer(fields.get('packetId')), subscriptions }
    }
    case 'suback':
      return { type, packetId: integer(fields.get('packetId')), returnCodes: returnCodesOf(fields.get('returnCodes')) }
    case 'unsubscribe':
      return { type, packetId: integer(fields.get('packetId')), filters: list(fields.get('filters')).map(text) }
    case 'pingreq':
    case 'pingresp':
    case 'disconnect':
      return { type }
    default:
      throw new Error(`no packet is called ${type}`)
  }
}
