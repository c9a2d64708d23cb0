import { type ControlPacket, encodePacket, isMqttError, PacketDecoder } from 'mqtt311/codec'
import { describe, expect, it } from 'vitest'
import { decodeInPieces, decodePieces } from '../stream.js'

const payload = Buffer.from('x')
const onlyClient: ControlPacket[] = [
  { type: 'connect', clientId: 'c', cleanSession: true, keepAlive: 0 },
  { type: 'subscribe', packetId: 1, subscriptions: [{ filter: 'a', qos: 0 }] },
  { type: 'unsubscribe', packetId: 1, filters: ['a'] },
  { type: 'pingreq' },
  { type: 'disconnect' },
]
const onlyServer: ControlPacket[] = [
  { type: 'connack', sessionPresent: false, returnCode: 0 },
  { type: 'suback', packetId: 1, returnCodes: Uint8Array.of(0) },
  { type: 'unsuback', packetId: 1 },
  { type: 'pingresp' },
]
const both: ControlPacket[] = [
  { type: 'publish', topic: 'a', payload, retain: false, qos: 0 },
  { type: 'publish', topic: 'a', payload, retain: true, qos: 2, packetId: 1, dup: true },
  { type: 'puback', packetId: 1 },
  { type: 'pubrec', packetId: 1 },
  { type: 'pubrel', packetId: 1 },
  { type: 'pubcomp', packetId: 1 },
]
const sides = [
  { from: 'server', other: 'client', takes: [...onlyServer, ...both], refuses: onlyClient },
  { from: 'client', other: 'server', takes: [...onlyClient, ...both], refuses: onlyServer },
] as const

describe.each(sides)('a decoder of what a $from sends', ({ from, other, takes, refuses }) => {
  it.each(takes.map((packet) => [packet.type, packet] as const))('takes %s', (_, packet) => {
    for (const size of [1, 100]) {
      expect(decodeInPieces(encodePacket(packet), size, new PacketDecoder({ from })).packets).toEqual([packet])
    }
  })

  it.each(refuses.map((packet) => [packet.type, packet] as const))(
    'refuses %s at its first byte, behind what came before it [MQTT-4.8.0-1]',
    (type, packet) => {
      const before = encodePacket({ type: 'puback', packetId: 1 })
      const bytes = Buffer.concat([before, encodePacket(packet).subarray(0, 1)])
      for (const size of [1, 100]) {
        const { packets, error } = decodeInPieces(bytes, size, new PacketDecoder({ from }))
        expect(packets).toEqual([{ type: 'puback', packetId: 1 }])
        expect(error).toMatchObject({ fault: 'wrong-sender', statement: 'MQTT-4.8.0-1', offset: 0, streamOffset: 4 })
        expect(error?.message).toContain(`received ${type.toUpperCase()}, which only a ${other} may send`)
      }
    },
  )

  it('tells what nobody may send as it is', () => {
    for (const [first, fault] of [
      [0x00, 'packet-type'],
      [0x80, 'reserved-flags'],
      [0x21, 'reserved-flags'],
      [0x36, 'qos'],
      [0x38, 'dup'],
    ] as const) {
      expect(decodePieces([Buffer.of(first)], new PacketDecoder({ from })).error).toMatchObject({ fault })
    }
  })
})

it.each(['broker', '', null, true, 1])('from: %j is a UsageError', (from) => {
  let thrown: unknown
  try {
    Reflect.construct(PacketDecoder, [{ from }])
  } catch (error) {
    thrown = error
  }
  expect(isMqttError(thrown) && thrown.code).toBe('MQTT_USAGE')
})
