import { deepStrictEqual } from 'node:assert'
import {
  type ControlPacket,
  encodePacket,
  isMqttError,
  PacketDecoder,
  PacketWriter,
  type UsageError,
} from 'mqtt311/codec'
import { describe, expect, it } from 'vitest'
import { cell, expandHex, readVectors } from '../../../fixtures/vectors/vector-file.js'
import { packetAskedFor } from '../api-call.js'
import { decodePieces } from '../stream.js'

/** Writes what may be no packet at all, as a program without types would. */
function writeAnything(writer: PacketWriter, packet: unknown): void {
  Reflect.apply(writer.write, writer, [packet])
}

function usageErrorBy(action: () => void): UsageError {
  try {
    action()
  } catch (error) {
    if (isMqttError(error) && error.code === 'MQTT_USAGE') return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** The error, after checking that the writer has nothing but what it had before. */
function refusal(packet: unknown): UsageError {
  const writer = new PacketWriter()
  writer.write({ type: 'pingreq' })
  const error = usageErrorBy(() => writeAnything(writer, packet))
  expect(writer.byteLength).toBe(2)
  writer.write({ type: 'disconnect' })
  expect(writer.take()).toEqual(Buffer.of(0xc0, 0, 0xe0, 0))
  return error
}

const payload = Buffer.from('payload')
const message = { type: 'publish', topic: 'a', payload, retain: false, qos: 0 } as const
const login = { type: 'connect', clientId: 'a', cleanSession: true, keepAlive: 60 } as const

const rows = readVectors('malformed.csv')
  .filter((row) => cell(row, 'category').startsWith('encode-'))
  .map((row) => [cell(row, 'name'), cell(row, 'statement'), row] as const)

describe('vectors that are refused before a byte is written', () => {
  const sayable = rows.filter(([, statement, row]) => cell(row, 'offset') === '' && statement !== '')
  it('are all there', () => expect(sayable).toHaveLength(63))

  it.each(sayable)('%s [%s]', (_, statement, row) => {
    const error = refusal(packetAskedFor(cell(row, 'api_input')))
    expect(error.statement).toBe(statement)
    expect(error.message).toContain(`[${statement}]`)
    expect(error.message.length).toBeLessThan(200)
  })

  const unsayable = rows.filter(([, , row]) => cell(row, 'offset') !== '')
  it('five more cannot be said with a packet object', () => expect(unsayable).toHaveLength(5))

  it.each(unsayable)('%s is refused by a decoder [%s]', (_, statement, row) => {
    const { packets, error } = decodePieces([expandHex(cell(row, 'hex'))])
    expect(packets).toEqual([])
    expect(error).toMatchObject({ fault: cell(row, 'fault'), statement, offset: Number(cell(row, 'offset')) })
  })

  it.each(rows.filter(([, , row]) => cell(row, 'category') === 'encode-accept'))(
    '%s is no such one',
    (_name, _statement, row) => {
      const writer = new PacketWriter()
      writeAnything(writer, packetAskedFor(cell(row, 'api_input')))
      expect(writer.take()).toEqual(expandHex(cell(row, 'hex')))
    },
  )
})

describe('PacketWriter.write refuses', () => {
  it.each([
    ['DUP at QoS 0', 'MQTT-3.3.1-2', { ...message, dup: true }],
    ['an empty Topic Name', 'MQTT-4.7.3-1', { ...message, topic: '' }],
    ['a payload that is text', '3.3.3', { ...message, payload: 'text' }],
    ['retain that is no boolean', '3.3.1.3', { ...message, retain: 1 }],
    ['dup that is no boolean', '3.3.1.1', { ...message, qos: 1, packetId: 1, dup: 'no' }],
    ['a Packet Identifier above 65535', 'MQTT-2.3.1-1', { ...message, qos: 1, packetId: 65_536, dup: false }],
    ['a Packet Identifier that is text', 'MQTT-2.3.1-1', { ...message, qos: 1, packetId: '1', dup: false }],
    ['QoS as text', 'MQTT-3.3.1-4', { ...message, qos: '1', packetId: 1, dup: false }],
    ['PUBACK with identifier 0', 'MQTT-2.3.1-6', { type: 'puback', packetId: 0 }],
    ['PUBREL with identifier -1', 'MQTT-2.3.1-6', { type: 'pubrel', packetId: -1 }],
    ['UNSUBACK with identifier 0', 'MQTT-2.3.1-7', { type: 'unsuback', packetId: 0 }],
    [
      'SUBSCRIBE with identifier 0',
      'MQTT-2.3.1-1',
      { type: 'subscribe', packetId: 0, subscriptions: [{ filter: 'a', qos: 0 }] },
    ],
    ['SUBSCRIBE without filters', 'MQTT-3.8.3-3', { type: 'subscribe', packetId: 1, subscriptions: [] }],
    ['SUBSCRIBE with a bare filter', 'MQTT-3.8.3-3', { type: 'subscribe', packetId: 1, subscriptions: ['a'] }],
    ['SUBSCRIBE with no list', 'MQTT-3.8.3-3', { type: 'subscribe', packetId: 1, subscriptions: 'a' }],
    ['UNSUBSCRIBE with identifier 0', 'MQTT-2.3.1-1', { type: 'unsubscribe', packetId: 0, filters: ['a'] }],
    ['UNSUBSCRIBE with a number', 'MQTT-3.10.3-1', { type: 'unsubscribe', packetId: 1, filters: [1] }],
    ['SUBACK with identifier 0', 'MQTT-2.3.1-7', { type: 'suback', packetId: 0, returnCodes: [0] }],
    ['SUBACK without a code', 'MQTT-3.8.4-5', { type: 'suback', packetId: 1, returnCodes: [] }],
    ['SUBACK with a code left out', 'MQTT-3.9.3-2', { type: 'suback', packetId: 1, returnCodes: { length: 1 } }],
    ['SUBACK with less than no codes', 'MQTT-3.8.4-5', { type: 'suback', packetId: 1, returnCodes: { length: -5 } }],
    [
      'UNSUBSCRIBE with a filter left out',
      'MQTT-3.10.3-1',
      { type: 'unsubscribe', packetId: 1, filters: new Array(1) },
    ],
    ['SUBACK with codes in a text', 'MQTT-3.8.4-5', { type: 'suback', packetId: 1, returnCodes: '0' }],
    ['SUBACK with null for codes', 'MQTT-3.8.4-5', { type: 'suback', packetId: 1, returnCodes: null }],
    [
      'SUBACK with a reserved code in bytes',
      'MQTT-3.9.3-2',
      { type: 'suback', packetId: 1, returnCodes: Buffer.of(3) },
    ],
    ['SUBACK with a reserved code', 'MQTT-3.9.3-2', { type: 'suback', packetId: 1, returnCodes: [0, 3] }],
    ['CONNACK with a reserved code', 'MQTT-3.2.2-6', { type: 'connack', sessionPresent: false, returnCode: 6 }],
    ['CONNACK with half a code', 'MQTT-3.2.2-6', { type: 'connack', sessionPresent: false, returnCode: 0.5 }],
    ['a refusal with a session', 'MQTT-3.2.2-4', { type: 'connack', sessionPresent: true, returnCode: 5 }],
    ['a session flag that is no boolean', '3.2.2.2', { type: 'connack', sessionPresent: 1, returnCode: 0 }],
    ['Keep Alive above 65535', '3.1.2.10', { ...login, keepAlive: 65_536 }],
    ['a clean session that is no boolean', '3.1.2.4', { ...login, cleanSession: 'false' }],
    ['a user name that is null', 'MQTT-3.1.3-11', { ...login, username: null }],
    ['a password that is text', '3.1.3.5', { ...login, username: 'u', password: 'secret' }],
    ['a will that is null', '3.1.2.5', { ...login, will: null }],
    ['an empty Will Topic', 'MQTT-4.7.3-1', { ...login, will: { topic: '', payload, qos: 0, retain: false } }],
    ['a will message that is text', '3.1.3.3', { ...login, will: { topic: 'w', payload: 'x', qos: 0, retain: false } }],
    ['Will Retain that is no boolean', '3.1.2.7', { ...login, will: { topic: 'w', payload, qos: 0, retain: 0 } }],
    ['an unknown type', 'MQTT-4.8.0-1', { type: 'auth' }],
    ['no type', 'MQTT-4.8.0-1', {}],
  ])('%s [%s]', (_, statement, packet) => {
    expect(refusal(packet).statement).toBe(statement)
  })

  const will = { topic: 'w', payload, qos: 0, retain: false }
  it.each([
    ['Topic Name', { ...message, topic: 7 }],
    ['payload', { ...message, payload: 7 }],
    ['retain', { ...message, retain: 7 }],
    ['qos', { ...message, qos: 7 }],
    ['dup', { ...message, qos: 1, packetId: 1, dup: 7 }],
    ['Packet Identifier', { ...message, qos: 1, packetId: 'x', dup: false }],
    ['subscriptions', { type: 'subscribe', packetId: 1, subscriptions: 7 }],
    ['Topic Filter', { type: 'subscribe', packetId: 1, subscriptions: [{ filter: 7, qos: 0 }] }],
    ['qos', { type: 'subscribe', packetId: 1, subscriptions: [{ filter: 'a', qos: 7 }] }],
    ['filters', { type: 'unsubscribe', packetId: 1, filters: 7 }],
    ['returnCodes', { type: 'suback', packetId: 1, returnCodes: 7 }],
    ['sessionPresent', { type: 'connack', sessionPresent: 7, returnCode: 0 }],
    ['returnCode', { type: 'connack', sessionPresent: false, returnCode: 7 }],
    ['clientId', { ...login, clientId: 7 }],
    ['cleanSession', { ...login, cleanSession: 7 }],
    ['keepAlive', { ...login, keepAlive: 'x' }],
    ['username', { ...login, username: 7 }],
    ['password', { ...login, username: 'u', password: 7 }],
    ['will', { ...login, will: 7 }],
    ['will.topic', { ...login, will: { ...will, topic: 7 } }],
    ['will.payload', { ...login, will: { ...will, payload: 7 } }],
    ['will.qos', { ...login, will: { ...will, qos: 7 } }],
    ['will.retain', { ...login, will: { ...will, retain: 7 } }],
  ])('a wrong %s, by this name', (field, packet) => {
    expect(refusal(packet).message.split(/ has to| have to| is | are /)[0]).toBe(field)
  })

  it.each([undefined, null, 7, 'pingreq'])('%s, which is no object', (packet) => {
    expect(refusal(packet).statement).toBeUndefined()
  })

  it('a password without showing it', () => {
    const error = refusal({ ...login, username: 'u', password: 'p4ssw0rd' })
    expect(error.message).toContain('password has to be a Uint8Array, not a string')
    expect(error.message).not.toContain('p4ssw0rd')
  })

  it.each([
    [null, 'null'],
    [[1], 'an array'],
    [{}, 'an object'],
    ['text', 'a string'],
  ])('%j as a payload, and says what it is', (payload, kind) => {
    const error = refusal({ ...message, payload })
    expect(error.message).toContain(`payload has to be a Uint8Array, not ${kind}`)
  })

  it('bytes whose memory was transferred, and takes bytes that are none', () => {
    const bytes = Buffer.from(new ArrayBuffer(5))
    structuredClone(bytes, { transfer: [bytes.buffer] })
    for (const packet of [
      { ...message, payload: bytes },
      { ...login, username: 'u', password: bytes },
    ]) {
      expect(refusal(packet).message).toContain('has been transferred')
    }
    const payload = new Uint8Array()
    expect(encodePacket({ type: 'publish', topic: 'a', payload, retain: false, qos: 0 })).toHaveLength(5)
  })

  it('a topic again after it has refused it once', () => {
    const writer = new PacketWriter()
    for (const _ of [1, 2]) usageErrorBy(() => writer.write({ ...message, topic: 'a/#' }))
    expect(writer.byteLength).toBe(0)
  })
})

describe('PacketWriter', () => {
  it('appends packets in order and hands them over once', () => {
    const writer = new PacketWriter()
    expect(writer.take()).toHaveLength(0)
    const packets: ControlPacket[] = [message, { type: 'puback', packetId: 7 }, message]
    for (const packet of packets) writer.write(packet)
    expect(writer.byteLength).toBe(12 + 4 + 12)
    expect(writer.take()).toEqual(Buffer.concat(packets.map(encodePacket)))
    expect(writer.byteLength).toBe(0)
    expect(writer.take()).toHaveLength(0)
  })

  it('leaves what it handed over to its owner', () => {
    const writer = new PacketWriter()
    writer.write({ type: 'puback', packetId: 1 })
    const first = writer.take()
    for (let packetId = 2; packetId < 1000; packetId += 1) writer.write({ type: 'puback', packetId })
    expect(first).toEqual(Buffer.of(0x40, 2, 0, 1))
    const second = writer.take()
    second.fill(0xff)
    writer.write({ type: 'puback', packetId: 2 })
    expect(writer.take()).toEqual(Buffer.of(0x40, 2, 0, 2))
  })

  it('copies payloads: the caller may reuse them at once', () => {
    const writer = new PacketWriter()
    const reused = new Uint8Array([1, 2, 3])
    writer.write({ ...message, payload: reused })
    reused.fill(9)
    expect(writer.take()).toEqual(Buffer.of(0x30, 6, 0, 1, 0x61, 1, 2, 3))
  })

  it('keeps all of it while its chunk grows', () => {
    const writer = new PacketWriter()
    const packets: ControlPacket[] = []
    for (let packetId = 1; packetId <= 3000; packetId += 1) {
      packets.push({ ...message, payload: Buffer.alloc(packetId % 97, packetId), qos: 1, packetId, dup: false })
    }
    for (const packet of packets) writer.write(packet)
    deepStrictEqual(decodePieces([writer.take()]).packets, packets)
  })

  it('encodes more topics than it remembers, short and long', () => {
    const writer = new PacketWriter()
    const topics = Array.from({ length: 300 }, (_, index) => `${'long/'.repeat(index)}topic`)
    for (const topic of [...topics, ...topics]) writer.write({ ...message, topic })
    const { packets } = decodePieces([writer.take()])
    expect(packets.map((packet) => packet.type === 'publish' && packet.topic)).toEqual([...topics, ...topics])
  })

  it('writes the same with publish and acknowledge as with packet objects', () => {
    const writer = new PacketWriter()
    writer.publish('a', payload, 0, false, false, undefined)
    writer.publish('a/b', payload, 2, true, true, 4660)
    writer.acknowledge('pubrel', 4660)
    const packets = new PacketDecoder().decode(writer.take())
    expect(packets).toEqual([
      message,
      { type: 'publish', topic: 'a/b', payload, retain: true, qos: 2, packetId: 4660, dup: true },
      { type: 'pubrel', packetId: 4660 },
    ])
  })

  it('writes a header whose payload follows by itself', () => {
    const writer = new PacketWriter()
    writer.publishHeader('a/b', payload.length, 1, false, false, 7)
    const whole = { ...message, topic: 'a/b', qos: 1, packetId: 7, dup: false } as const
    expect(Buffer.concat([writer.take(), payload])).toEqual(encodePacket(whole))
    usageErrorBy(() => writer.publishHeader('a', 268_435_453, 0, false, false, undefined))
    expect(writer.byteLength).toBe(0)
  })
})
