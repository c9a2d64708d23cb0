/**
 * A second implementation, mqtt-packet, has to agree on all that it does rightly: every packet that can be sent, but
 * for one field. Of what may not be sent it takes a good part: where we differ, the statement that it lets be broken is
 * listed.
 */
import { deepStrictEqual, strictEqual } from 'node:assert'
import fc from 'fast-check'
import mqttPacket, { type Packet } from 'mqtt-packet'
import { type ControlPacket, encodePacket, PacketDecoder } from 'mqtt311/codec'
import { describe, expect, it } from 'vitest'
import { cell, expandHex, readVectors } from '../../fixtures/vectors/vector-file.js'
import { arbitraryPacket } from './arbitrary-packet.js'
import { decodePieces } from './stream.js'

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
      return { cmd: 'suback', messageId: packet.packetId, granted: Array.from(packet.returnCodes) }
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

/**
 * What mqtt-packet takes and we refuse: the statement that it breaks, our name for the fault, and how many of the
 * vectors show it.
 */
const lenient = [
  ['2.2.3', 'remaining-length', 5, 'a Remaining Length in more bytes than it needs'],
  ['3.2.1', 'packet-length', 4, 'CONNACK that is too short or too long'],
  ['3.4.1', 'packet-length', 4, 'PUBACK likewise'],
  ['3.5.1', 'packet-length', 3, 'PUBREC likewise'],
  ['3.6.1', 'packet-length', 5, 'PUBREL likewise'],
  ['3.7.1', 'packet-length', 2, 'PUBCOMP likewise'],
  ['3.13.1', 'packet-length', 3, 'PINGRESP with a body'],
  ['3.14.1', 'packet-length', 1, 'DISCONNECT with a body, as in MQTT 5'],
  ['MQTT-1.5.3-1', 'utf8', 26, 'a string that is ill-formed UTF-8'],
  ['MQTT-1.5.3-2', 'nul-character', 5, 'U+0000 in a string'],
  ['MQTT-2.3.1-1', 'packet-identifier', 2, 'PUBLISH with Packet Identifier 0'],
  ['MQTT-2.3.1-1', 'truncated', 3, 'PUBLISH that ends before its Packet Identifier does'],
  ['MQTT-2.3.1-6', 'packet-identifier', 4, 'an acknowledgement with Packet Identifier 0'],
  ['MQTT-3.2.2-4', 'session-present', 3, 'CONNACK that refuses and has a session'],
  ['MQTT-3.2.2-6', 'return-code', 6, 'CONNACK with a reserved Return Code'],
  ['MQTT-3.3.2-2', 'topic-name', 6, 'a Topic Name with wildcards'],
  ['MQTT-3.8.4-5', 'empty-payload', 1, 'SUBACK without a Return Code'],
  ['MQTT-3.8.4-5', 'truncated', 1, 'SUBACK with half a Packet Identifier'],
  ['MQTT-4.7.3-1', 'topic-name', 1, 'an empty Topic Name'],
] as const

/** Whether mqtt-packet makes a packet of the bytes and finds nothing wrong with them. */
function isTakenByTheirs(bytes: Buffer): boolean {
  try {
    return decodeWithTheirs(bytes).length > 0
  } catch {
    return false
  }
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
        strictEqual(encodePacket(packet).toString('hex'), mqttPacket.generate(toTheirs(packet)).toString('hex'))
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
        deepStrictEqual(others, [])
        // What they have read, they write as the same bytes.
        strictEqual(theirs && mqttPacket.generate(theirs).equals(bytes), true)
        expect(theirs).toMatchObject(packet.type === 'unsuback' ? { messageId: packet.packetId } : toTheirs(packet))
      }),
      { numRuns: 3000 },
    )
  })
})

describe('mqtt-packet takes what breaks a statement, and we do not', () => {
  const taken = readVectors('malformed.csv').filter(
    (row) =>
      cell(row, 'category').startsWith('decode-') &&
      cell(row, 'fault') !== '' &&
      isTakenByTheirs(expandHex(cell(row, 'hex'))),
  )

  it.each(lenient)('%s: %s, %i times: %s', (statement, fault, count) => {
    const rows = taken.filter((row) => cell(row, 'statement') === statement && cell(row, 'fault') === fault)
    expect(rows.map((row) => cell(row, 'name'))).toHaveLength(count)
    for (const row of rows) {
      expect(decodePieces([expandHex(cell(row, 'hex'))]).error).toMatchObject({ statement, fault })
    }
  })

  it('in no other vector', () => {
    expect(taken).toHaveLength(lenient.reduce((sum, [, , count]) => sum + count, 0))
  })
})
