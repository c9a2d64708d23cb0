/** What the standard says of single bytes and fields, read off the bytes that the encoder writes. */
import {
  type ConnectPacket,
  type ControlPacket,
  encodePacket,
  isMqttError,
  PacketDecoder,
  validateTopicFilter,
  validateTopicName,
} from 'mqtt311/codec'
import { describe, expect, it } from 'vitest'
import { decodePieces } from '../stream.js'

const hexOf = (packet: ControlPacket) => encodePacket(packet).toString('hex')

/** The statement that a refused packet breaks; undefined if it is taken. */
function statementBrokenBy(action: () => void): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    if (isMqttError(error) && error.code === 'MQTT_USAGE') return error.statement
    throw error
  }
}

const payload = Buffer.alloc(0)

describe('the first byte', () => {
  it.each<[string, string, ControlPacket]>([
    ['10', 'MQTT-2.2.2-1', { type: 'connect', clientId: 'a', cleanSession: true, keepAlive: 0 }],
    ['20', 'MQTT-2.2.2-1', { type: 'connack', sessionPresent: false, returnCode: 0 }],
    ['40', 'MQTT-2.2.2-1', { type: 'puback', packetId: 1 }],
    ['50', 'MQTT-2.2.2-1', { type: 'pubrec', packetId: 1 }],
    ['62', 'MQTT-3.6.1-1', { type: 'pubrel', packetId: 1 }],
    ['70', 'MQTT-2.2.2-1', { type: 'pubcomp', packetId: 1 }],
    ['82', 'MQTT-3.8.1-1', { type: 'subscribe', packetId: 1, subscriptions: [{ filter: 'a', qos: 0 }] }],
    ['90', 'MQTT-2.2.2-1', { type: 'suback', packetId: 1, returnCodes: Uint8Array.of(0) }],
    ['a2', 'MQTT-3.10.1-1', { type: 'unsubscribe', packetId: 1, filters: ['a'] }],
    ['b0', 'MQTT-2.2.2-1', { type: 'unsuback', packetId: 1 }],
    ['c0', 'MQTT-2.2.2-1', { type: 'pingreq' }],
    ['d0', 'MQTT-2.2.2-1', { type: 'pingresp' }],
    ['e0', 'MQTT-3.14.1-1', { type: 'disconnect' }],
  ])('%s has the flags of its type, and with any others it is refused [%s]', (first, _, packet) => {
    const bytes = encodePacket(packet)
    expect(bytes.subarray(0, 1).toString('hex')).toBe(first)
    const right = Number.parseInt(first, 16)
    for (let flags = 0; flags < 16; flags += 1) {
      bytes[0] = (right & 0xf0) | flags
      const { packets, error } = decodePieces([bytes])
      if (bytes[0] === right) expect(packets).toEqual([packet])
      else expect(error).toMatchObject({ fault: 'reserved-flags', statement: 'MQTT-2.2.2-2', offset: 0 })
    }
  })
})

describe('Remaining Length', () => {
  it.each([
    [0, '00'],
    [127, '7f'],
    [128, '8001'],
    [16_383, 'ff7f'],
    [16_384, '808001'],
    [2_097_151, 'ffff7f'],
  ])('of %i is %s, no byte longer than it has to be [2.2.3 remaining length]', (length, hex) => {
    const body = length - 2
    const packet: ControlPacket =
      length === 0
        ? { type: 'pingreq' }
        : { type: 'publish', topic: 'a', payload: Buffer.alloc(body - 1), retain: false, qos: 0 }
    const bytes = encodePacket(packet)
    expect(bytes.subarray(1, 1 + hex.length / 2).toString('hex')).toBe(hex)
    expect(bytes).toHaveLength(1 + hex.length / 2 + length)
  })

  it('may have four bytes, up to the largest length that they can say [2.2.3 erratum]', () => {
    const payloadBytes = 2_097_152 - 3
    const packet: ControlPacket = {
      type: 'publish',
      topic: 'a',
      payload: Buffer.alloc(payloadBytes),
      retain: false,
      qos: 0,
    }
    const bytes = encodePacket(packet)
    expect(bytes.subarray(0, 5).toString('hex')).toBe('3080808001')
    expect(new PacketDecoder().decode(bytes)).toHaveLength(1)
    expect(new PacketDecoder().decode(Buffer.from('30ffffff7f', 'hex'))).toEqual([])
  })
})

describe('PUBLISH', () => {
  it('has its Topic Name in front of all else, and at QoS 0 the payload right behind it [MQTT-3.3.2-1] [MQTT-2.3.1-5]', () => {
    const message = { type: 'publish', topic: 'é', payload: Buffer.of(0, 10), retain: false } as const
    expect(hexOf({ ...message, qos: 0 })).toBe('3006' + '0002c3a9' + '000a')
    expect(hexOf({ ...message, qos: 1, packetId: 7, dup: false })).toBe('3208' + '0002c3a9' + '0007' + '000a')
    expect(new PacketDecoder().decode(encodePacket({ ...message, qos: 0 }))).toEqual([{ ...message, qos: 0 }])
  })
})

describe('CONNECT', () => {
  const plain: ConnectPacket = { type: 'connect', clientId: 'a', cleanSession: true, keepAlive: 60 }
  const will = { topic: 'w', payload: Buffer.from('x'), qos: 1, retain: true } as const
  /** The connect flags, and the payload behind the variable header. */
  const partsOf = (packet: ConnectPacket) => {
    const bytes = encodePacket(packet)
    return { flags: bytes[9] ?? 0, payload: bytes.subarray(12).toString('hex') }
  }

  it('begins with the name MQTT and the level 4 [MQTT-3.1.2-1] [MQTT-3.1.2-2]', () => {
    expect(encodePacket(plain).subarray(2, 9).toString('hex')).toBe('00044d51545404')
  })

  it('never sets the reserved flag, whatever its fields are [MQTT-3.1.2-3]', () => {
    for (const [cleanSession, clean] of [
      [true, 0x02],
      [false, 0],
    ] as const)
      for (const [given, willFlags] of [
        [undefined, 0],
        [will, 0x2c],
      ] as const)
        for (const [username, userFlag] of [
          [undefined, 0],
          ['u', 0x80],
        ] as const)
          expect(partsOf({ ...plain, cleanSession, will: given, username }).flags).toBe(clean | willFlags | userFlag)
  })

  it('without a will has no will flag, Will QoS or Will Retain, and no field of a will [MQTT-3.1.2-11] [MQTT-3.1.2-13] [MQTT-3.1.2-15]', () => {
    expect(partsOf(plain)).toEqual({ flags: 0x02, payload: '000161' })
    expect(partsOf({ ...plain, will: undefined })).toEqual(partsOf(plain))
  })

  it('with a will has its flags, topic and message [MQTT-3.1.2-9] [MQTT-3.1.2-14]', () => {
    expect(partsOf({ ...plain, will })).toEqual({ flags: 0x2e, payload: '000161' + '000177' + '000178' })
    expect(partsOf({ ...plain, will: { ...will, qos: 0, retain: false } }).flags).toBe(0x06)
    expect(partsOf({ ...plain, will: { ...will, qos: 2, retain: false } }).flags).toBe(0x16)
  })

  it('has the flag of the user name if it has the field, which may be empty [MQTT-3.1.2-18] [MQTT-3.1.2-19]', () => {
    expect(partsOf(plain).flags & 0x80).toBe(0)
    expect(partsOf({ ...plain, username: 'u' })).toEqual({ flags: 0x82, payload: '000161' + '000175' })
    expect(partsOf({ ...plain, username: '' })).toEqual({ flags: 0x82, payload: '000161' + '0000' })
    expect(new PacketDecoder().decode(encodePacket({ ...plain, username: '' }))).toEqual([{ ...plain, username: '' }])
    expect(new PacketDecoder().decode(encodePacket(plain))).toStrictEqual([plain])
  })

  it('has the flag of the password if it has the field, which may be empty [MQTT-3.1.2-20] [MQTT-3.1.2-21]', () => {
    const named: ConnectPacket = { ...plain, username: 'u' }
    expect(partsOf(named)).toEqual({ flags: 0x82, payload: '000161' + '000175' })
    const empty = { ...named, password: Buffer.alloc(0) }
    expect(partsOf(empty)).toEqual({ flags: 0xc2, payload: '000161' + '000175' + '0000' })
    expect(new PacketDecoder().decode(encodePacket(empty))).toEqual([empty])
    expect(new PacketDecoder().decode(encodePacket(named))).toStrictEqual([named])
  })

  it('has the Client Identifier in front, then the will, the user name, the password [MQTT-3.1.3-1] [MQTT-3.1.3-3]', () => {
    const full = { ...plain, will, username: 'u', password: Buffer.from('p') }
    expect(partsOf(full).payload).toBe('000161' + '000177' + '000178' + '000175' + '000170')
    expect(partsOf({ ...plain, clientId: '' }).payload).toBe('0000')
    expect(new PacketDecoder().decode(encodePacket(full))).toEqual([full])
  })

  it.each<[string, (text: string) => ConnectPacket]>([
    ['Client Identifier', (clientId) => ({ ...plain, clientId })],
    ['user name', (username) => ({ ...plain, username })],
    ['Will Topic', (topic) => ({ ...plain, will: { ...will, topic } })],
  ])(
    'takes a %s of 65,535 bytes, and not of one more, however few characters it has [1.5.3 string length]',
    (_, packetOf) => {
      expect(statementBrokenBy(() => encodePacket(packetOf('a'.repeat(65_535))))).toBeUndefined()
      expect(statementBrokenBy(() => encodePacket(packetOf('a'.repeat(65_536))))).toBeDefined()
      expect(statementBrokenBy(() => encodePacket(packetOf('é'.repeat(32_768))))).toBeDefined()
    },
  )

  it('takes any bytes as password and will message, up to 65,535 [3.1.3 binary fields]', () => {
    const bytes = Buffer.from([0, 0xff, 0xed, 0xa0, 0x80])
    const packet = { ...plain, username: 'u', password: bytes, will: { ...will, payload: bytes } }
    expect(new PacketDecoder().decode(encodePacket(packet))).toEqual([packet])
    const tooLong = Buffer.alloc(65_536)
    expect(statementBrokenBy(() => encodePacket({ ...packet, password: tooLong }))).toBe('3.1.3.5')
    expect(statementBrokenBy(() => encodePacket({ ...plain, will: { ...will, payload: tooLong } }))).toBe('3.1.3.3')
  })
})

describe('topics', () => {
  it('hold no U+0000, in names and filters, sent and received [MQTT-4.7.3-2]', () => {
    for (const validate of [validateTopicName, validateTopicFilter])
      expect(statementBrokenBy(() => validate('a\0b'))).toBe('MQTT-1.5.3-2')
    for (const hex of ['30050003610062', '8208000100036100' + '6200'])
      expect(decodePieces([Buffer.from(hex, 'hex')]).error).toMatchObject({ fault: 'nul-character' })
    expect(
      statementBrokenBy(() => encodePacket({ type: 'publish', topic: 'a\0', payload, retain: false, qos: 0 })),
    ).toBe('MQTT-1.5.3-2')
  })
})
