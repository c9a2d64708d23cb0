/**
 * The Packet Identifiers of received messages. A message of the library has none: the identifier belongs to the connection. mosquitto_sub
 * shows it, so it is taken from the packets, which `node:diagnostics_channel` reports.
 */
import { subscribe } from 'node:diagnostics_channel'
import type { Message } from '../../client/options/client-options.js'
import { isBytes } from '../../realms/foreign-values.js'

/** By the payload, which message and packet share, or by the message. */
const byPayload = new WeakMap<object, number>()

/** By the Topic Name, for payloads without bytes, which are all one object. */
const byTopic = new Map<string, number>()

/** From now on the identifiers are kept. */
export function keepPacketIdentifiers(): void {
  subscribe('mqtt311:packet:in', (message) => {
    const packet: unknown = typeof message === 'object' && message !== null && 'packet' in message ? message.packet : {}
    if (typeof packet !== 'object' || packet === null || !('payload' in packet && 'packetId' in packet)) return
    const { payload, packetId } = packet
    if (!isBytes(payload) || typeof packetId !== 'number') return
    if (payload.length > 0) byPayload.set(payload, packetId)
    else if ('topic' in packet) byTopic.set(String(packet.topic), packetId)
  })
}

/** 0 for a message at QoS 0, which has none. */
export function packetIdentifierOf(message: Message): number {
  const { payload, topic, qos } = message
  if (qos === 0) return 0
  if (payload.length > 0) return byPayload.get(payload) ?? 0
  const identifier = byPayload.get(message) ?? byTopic.get(topic) ?? 0
  // A format may show it twice.
  byPayload.set(message, identifier)
  byTopic.delete(topic)
  return identifier
}
