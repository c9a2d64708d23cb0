/**
 * The Packet Identifiers of received messages. A message of the library has none: the identifier belongs to the connection. mosquitto_sub
 * shows it, so it is taken from the packets, which `node:diagnostics_channel` reports.
 */
import { subscribe } from 'node:diagnostics_channel'
import type { Message } from '../../client/options/client-options.js'
import { isBytes } from '../../realms/foreign-values.js'

/** By the payload, which message and packet share. */
const identifiers = new WeakMap<object, number>()

/** From now on the identifiers are kept. */
export function keepPacketIdentifiers(): void {
  subscribe('mqtt311:packet:in', (message) => {
    const packet: unknown = typeof message === 'object' && message !== null && 'packet' in message ? message.packet : {}
    if (typeof packet !== 'object' || packet === null || !('payload' in packet && 'packetId' in packet)) return
    const { payload, packetId } = packet
    if (!isBytes(payload) || typeof packetId !== 'number') return
    // All payloads without bytes are one object. The message is made of the packet later, so it gets an object of its own here.
    const own = payload.length > 0 ? payload : Buffer.alloc(0)
    packet.payload = own
    identifiers.set(own, packetId)
  })
}

/** 0 for a message at QoS 0, which has none. */
export function packetIdentifierOf({ payload }: Message): number {
  return identifiers.get(payload) ?? 0
}
