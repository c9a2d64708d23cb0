/**
 * A second implementation, mqtt-packet, has to agree on all that it does rightly: every packet that can be sent, but
 * for one field.
 */
import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import mqttPacket, { type Packet } from 'mqtt-packet'
import { type ControlPacket, encodePacket, PacketDecoder } from 'mqtt311/codec'
import { describe, expect, it } from 'vitest'
import { arbitraryPacket } from './arbitrary-packet.js'

/** The packet in the terms of mqtt-packet. */
function toTheirs(packet: ControlPacket<Buffer>): Packet {
  switch (packet.type) {
    case 'connect': {
      const { clientId, cleanSession: clean, keepAlive: keepalive, username, password, will } = packet
      const login = { ...(username !== undefined && { username }), ...(password !== undefined && { password }) }
      const protocol = { protocolId: 'MQTT', protocolVersion: 4 } as const
      return { cmd: 'connect', ...protocol, clientId, clean, keepalive, ...login, ...(will && { will }) }
    }
    case 'connack':
      return { cmd: 'connack', sessionPresent: packet.sessionPresent, returnCode: packet.returnCode }
    case 'publish': {
      const { topic, payload, qos, retain } = packet
      const exchange = packet.qos === 0 ? { dup: false } : { dup: packet.dup, messageId: packet.packetId }
      return { cmd: 'publish', topic, payload, qos, retain, ...exchange }
    }
    case 'subscribe': {
      const subscriptions = packet.subscriptions.map(({ filter: topic, qos }) => ({ topic, qos }))
      return { cmd: 'subscribe', messageId: packet.packetId, subscriptions }
    }
    case 'suback':
      return { cmd: 'suback', messageId: packet.packetId, granted: [...packet.returnCodes] }
    case 'unsubscribe':
      return { cmd: 'unsubscribe', messageId: packet.packetId, unsubscriptions: [...packet.filters] }
    case 'puback':
      return { cmd: 'puback', messageId: packet.packetId }
    case 'pubrec':
      return { cmd: 'pubrec', messageId: packet.packetId }
    case 'pubrel':
      return { cmd: 'pubrel', messageId: packet.packetId }
    case 'pubcomp':
      return { cmd: 'pubcomp', messageId: packet.packetId }
    case 'unsuback':
      // Return Codes here came with MQTT 5.
      return { cmd: 'unsuback', messageId: packet.packetId, granted: [] }
    case 'pingreq':
    case 'pingresp':
    case 'disconnect':
      return { cmd: packet.type }
  }
}

/** An empty user name is dropped by mqtt-packet when it decodes; it should be kept [MQTT-3.1.2-19]. */
function isDecodedRightly(packet: ControlPacket<Buffer>): boolean {
  return packet.type !== 'connect' || packet.username !== ''
}

function decodeWithTheirs(bytes: Buffer): Packet[] {
  const parser = mqttPacket.parser({ protocolVersion: 4 })
  const packets: Packet[] = []
  parser.on('packet', (packet) => packets.push(packet))
  parser.on('error', (error) => {
    throw error
  })
  parser.parse(bytes)
  return packets
}

describe('mqtt-packet agrees', () => {
  it('on the bytes of any packet', () => {
    fc.assert(
      fc.property(arbitraryPacket, (packet) => {
        expect(encodePacket(packet).toString('hex')).toBe(mqttPacket.generate(toTheirs(packet)).toString('hex'))
      }),
      { numRuns: 3000 },
    )
  })

  it('on the packet in any bytes', () => {
    fc.assert(
      fc.property(arbitraryPacket.filter(isDecodedRightly), (packet) => {
        const bytes = mqttPacket.generate(toTheirs(packet))
        deepStrictEqual(new PacketDecoder().decode(bytes), [packet])
        const [theirs, ...others] = decodeWithTheirs(encodePacket(packet))
        expect(others).toEqual([])
        // What they have read, they write as the same bytes.
        expect(theirs && mqttPacket.generate(theirs).equals(bytes)).toBe(true)
        expect(theirs).toMatchObject(packet.type === 'unsuback' ? { messageId: packet.packetId } : toTheirs(packet))
      }),
      { numRuns: 3000 },
    )
  })
})
