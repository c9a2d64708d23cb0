/** Packets as short lines of text, and the one packet that each line stands for: two equal lines are the same packet. */
import type { ControlPacket, UnnamedPublishPacket } from '../../../src/codec/control-packet.js'
import type { Configuration } from '../configuration/configuration.js'

export interface NamedPacket<Packet = ControlPacket<Buffer>> {
  readonly name: string
  readonly packet: Packet
}

/** What a server sends, of which one kind can only be read. */
export type FromServer = NamedPacket<ControlPacket<Buffer> | UnnamedPublishPacket<Buffer>>

const payload = Buffer.alloc(0)
const known = new Map<string, NamedPacket>()

export function named(packet: ControlPacket): NamedPacket {
  const name = nameOf(packet)
  const before = known.get(name)
  if (before !== undefined) return before
  const made = { name, packet: owned(packet) }
  known.set(name, made)
  return made
}

function owned(packet: ControlPacket): ControlPacket<Buffer> {
  switch (packet.type) {
    case 'publish':
      return { ...packet, payload: packet.topic === sharedTopic ? Buffer.from(packet.payload) : payload }
    case 'connect':
      return {
        type: 'connect',
        clientId: packet.clientId,
        cleanSession: packet.cleanSession,
        keepAlive: packet.keepAlive,
      }
    default:
      return packet
  }
}

function nameOf(packet: ControlPacket): string {
  switch (packet.type) {
    case 'connect':
      return `CONNECT${packet.cleanSession ? ' (Clean Session)' : ''}`
    case 'connack':
      return packet.returnCode === 0
        ? `CONNACK (Session Present ${packet.sessionPresent ? 1 : 0})`
        : `CONNACK (Return Code ${packet.returnCode})`
    case 'publish':
      return packet.qos === 0
        ? `PUBLISH ${messageName(packet)} (QoS 0)`
        : `PUBLISH ${messageName(packet)} (QoS ${packet.qos}, identifier ${packet.packetId}, DUP ${packet.dup ? 1 : 0})`
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
    case 'unsuback':
      return `${packet.type.toUpperCase()} ${packet.packetId}`
    case 'suback':
      return `SUBACK ${packet.packetId}${packet.returnCodes[0] === refusal ? ' (0x87)' : ''}`
    case 'subscribe':
    case 'unsubscribe':
      return `${packet.type.toUpperCase()} ${packet.packetId}`
    case 'pingreq':
    case 'pingresp':
    case 'disconnect':
      return packet.type.toUpperCase()
  }
}

/** A Return Code that the standard reserves. */
export const refusal = 0x87

/** What tells one message from another. */
interface Content {
  readonly topic: string
  readonly payload: Uint8Array
}

/** The topic of the messages that share one. Which of them it is stands in the payload; a message with its own topic has none. */
const sharedTopic = 'out/shared'

/** The message that the application publishes with this index. */
export function contentOf(message: number, { sameTopic }: Configuration): Content {
  return sameTopic.includes(message)
    ? { topic: sharedTopic, payload: Uint8Array.of(message) }
    : { topic: `out/${message}`, payload }
}

/** `out/3` and `in/3` are the messages with index 3. */
export function messageOf({ topic, payload: [message] }: Content): number {
  return topic === sharedTopic && message !== undefined ? message : Number(topic.slice(topic.indexOf('/') + 1))
}

function messageName(content: Content): string {
  return content.topic === sharedTopic ? `out/${messageOf(content)}` : content.topic
}

export function publishOf(direction: 'in' | 'out', message: number, qos: 0 | 1 | 2, packetId: number, dup: boolean) {
  const topic = `${direction}/${message}`
  return named(
    qos === 0
      ? { type: 'publish', topic, payload, retain: false, qos }
      : { type: 'publish', topic, payload, retain: false, qos, packetId, dup },
  )
}

const unnamed = new Map<string, FromServer>()

/** A PUBLISH of the server whose Topic Name has U+0000 behind the name of the message. */
export function unnamedPublish(message: number, qos: 1 | 2, packetId: number, dup: boolean): FromServer {
  const name = `PUBLISH in/${message}, which is no text (QoS ${qos}, identifier ${packetId}, DUP ${dup ? 1 : 0})`
  const before = unnamed.get(name)
  if (before !== undefined) return before
  const topicBytes = Buffer.from(`in/${message}\0`)
  const made: FromServer = {
    name,
    packet: { type: 'unnamed-publish', topicBytes, payload, retain: false, qos, packetId, dup },
  }
  unnamed.set(name, made)
  return made
}
