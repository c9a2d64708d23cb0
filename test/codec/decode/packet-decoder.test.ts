import { encodePacket, isMqttError, MAX_PACKET_BYTES, PacketDecoder } from 'mqtt311/codec'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { decodeInPieces, decodePieces, malformedBy, publishOf } from '../stream.js'

const pingresp = { type: 'pingresp' } as const
const pingrespBytes = encodePacket(pingresp)

function codeOf(action: () => void): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    if (isMqttError(error)) return error.code
    throw error
  }
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('the fields of CONNECT are checked', () => {
  const start = '00044d51545404'
  it.each([
    ['protocol name MQIsdp', '00064d51497364700302003c000161', 'protocol-name', 'MQTT-3.1.2-1', 2],
    ['protocol level 3', '00044d5154540302003c000161', 'protocol-level', 'MQTT-3.1.2-2', 8],
    ['no connect flags', start, 'truncated', '3.1.2.3', 9],
    ['the reserved flag', `${start}03003c000161`, 'connect-flags', 'MQTT-3.1.2-3', 9],
    ['Will QoS without a will', `${start}12003c000161`, 'connect-flags', 'MQTT-3.1.2-13', 9],
    ['Will Retain without a will', `${start}22003c000161`, 'connect-flags', 'MQTT-3.1.2-15', 9],
    ['Will QoS 3', `${start}1e003c000161000177000178`, 'connect-flags', 'MQTT-3.1.2-14', 9],
    ['a password without a user name', `${start}42003c000161000170`, 'connect-flags', 'MQTT-3.1.2-22', 9],
    ['half a Keep Alive', `${start}0200`, 'truncated', '3.1.2.10', 10],
    ['no Client Identifier', `${start}02003c`, 'truncated', 'MQTT-3.1.3-3', 12],
    [
      'an empty Client Identifier for a session that lasts',
      `${start}00003c0000`,
      'client-identifier',
      'MQTT-3.1.3-7',
      12,
    ],
    ['an ill-formed Client Identifier', `${start}02003c0001ff`, 'utf8', 'MQTT-1.5.3-1', 14],
    ['no will', `${start}06003c000161`, 'truncated', 'MQTT-3.1.2-9', 15],
    ['a wildcard in the Will Topic', `${start}06003c0001610001230000`, 'topic-name', 'MQTT-4.7.1-1', 17],
    ['an empty Will Topic', `${start}06003c00016100000000`, 'topic-name', 'MQTT-4.7.3-1', 15],
    ['no will message', `${start}06003c000161000177`, 'truncated', 'MQTT-3.1.2-9', 18],
    ['no user name', `${start}82003c000161`, 'truncated', 'MQTT-3.1.2-19', 15],
    ['U+0000 in the user name', `${start}82003c000161000100`, 'nul-character', 'MQTT-1.5.3-2', 17],
    ['no password', `${start}c2003c000161000175`, 'truncated', 'MQTT-3.1.2-21', 18],
    [
      'a password that is too long for the packet',
      `${start}c2003c000161000175000470`,
      'truncated',
      'MQTT-3.1.2-21',
      18,
    ],
    ['bytes behind the last field', `${start}02003c00016100`, 'trailing-bytes', 'MQTT-3.1.3-1', 15],
  ])('%s: %s is refused as %s [%s]', (_, body, fault, statement, offset) => {
    const bytes = Buffer.from(`10${(body.length / 2).toString(16).padStart(2, '0')}${body}`, 'hex')
    expect(decodePieces([bytes]).error).toMatchObject({ fault, statement, offset })
    expect(decodeInPieces(bytes, 1)).toEqual(decodePieces([bytes]))
  })
})

it('CONNECT of another protocol is refused by its name, as the MQIsdp of MQTT 3.1', () => {
  const connect = Buffer.from('101100064d51497364700302003c0003616263', 'hex')
  expect(decodePieces([connect]).error?.message).toContain('received CONNECT with protocol name "MQIsdp" [')
})

describe('the fields of the other packets are checked', () => {
  it.each([
    ['DUP at QoS 0', '38030001 61', 'dup', 'MQTT-3.3.1-2', 0],
    ['PUBLISH without anything', '3000', 'truncated', 'MQTT-3.3.2-1', 2],
    ['SUBSCRIBE with half an identifier', '820100', 'truncated', 'MQTT-2.3.1-1', 2],
    ['SUBSCRIBE with identifier 0', '820600000001 6100', 'packet-identifier', 'MQTT-2.3.1-1', 2],
    ['SUBSCRIBE without a filter', '82020001', 'empty-payload', 'MQTT-3.8.3-3', 4],
    ['SUBSCRIBE with a filter that is cut', '820500010003 61', 'truncated', 'MQTT-3.8.3-1', 4],
    ['SUBSCRIBE with a filter without QoS', '820500010001 61', 'truncated', 'MQTT-3.8.3-3', 7],
    ['SUBSCRIBE with QoS 3', '820600010001 6103', 'qos', 'MQTT-3.8.3-4', 7],
    ['SUBSCRIBE with reserved bits beside the QoS', '820600010001 6105', 'qos', 'MQTT-3.8.3-4', 7],
    ['SUBSCRIBE with an empty filter', '820500010000 00', 'topic-filter', 'MQTT-4.7.3-1', 4],
    ['SUBSCRIBE with # in the middle', '820800010003 232f6100', 'topic-filter', 'MQTT-4.7.1-2', 6],
    ['SUBSCRIBE with + beside a two-byte character', '820800010003 c3a92b00', 'topic-filter', 'MQTT-4.7.1-3', 8],
    ['SUBSCRIBE with a bad second filter', '820a00010001 61000001 ff00', 'utf8', 'MQTT-1.5.3-1', 10],
    ['UNSUBSCRIBE with identifier 0', 'a20500000001 61', 'packet-identifier', 'MQTT-2.3.1-1', 2],
    ['UNSUBSCRIBE without a filter', 'a2020001', 'empty-payload', 'MQTT-3.10.3-2', 4],
    ['UNSUBSCRIBE with a filter that is cut', 'a2030001 00', 'truncated', 'MQTT-3.10.3-1', 4],
    ['SUBACK with identifier 0', '9003000000', 'packet-identifier', 'MQTT-2.3.1-7', 2],
    ['UNSUBACK with identifier 0', 'b0020000', 'packet-identifier', 'MQTT-2.3.1-7', 2],
    ['PINGREQ with a body', 'c00100', 'packet-length', '3.12.1', 1],
    ['a reserved code together with a session', '20020106', 'return-code', 'MQTT-3.2.2-6', 3],
  ])('%s: %s is refused as %s [%s]', (_, hex, fault, statement, offset) => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
    expect(decodePieces([bytes]).error).toMatchObject({ fault, statement, offset })
    expect(decodeInPieces(bytes, 1)).toEqual(decodePieces([bytes]))
  })

  it('and the Packet Identifier of a packet is never read from the next one', () => {
    expect(decodePieces([Buffer.from('320400016100d000', 'hex')]).error).toMatchObject({
      fault: 'truncated',
      offset: 5,
    })
  })
})

describe('faults show as soon as their byte is there', () => {
  it.each([
    ['a forbidden type', '00'],
    ['reserved flags', '61'],
    ['QoS 3', '36'],
    ['a fourth length byte with its top bit set [2.2.3]', '30ffffff80'],
    ['an overlong length [2.2.3]', 'd08000'],
    ['a wrong fixed length', '4003'],
  ])('%s', (_, hex) => {
    const bytes = Buffer.from(hex, 'hex')
    const decoder = new PacketDecoder()
    decoder.decode(bytes.subarray(0, -1))
    expect(malformedBy(() => decoder.decode(bytes.subarray(-1)))).toMatchObject({ offset: bytes.length - 1 })
  })

  it('and a packet over maxPacketBytes is refused from its header, with nothing taken into memory [MQTT-4.8.0-2]', () => {
    const header = Buffer.from('30e807', 'hex')
    const allocate = vi.spyOn(Buffer, 'allocUnsafe')
    expect(decodePieces([header], new PacketDecoder({ maxPacketBytes: 1003 })).error?.fault).toBe('unexpected-end')
    const before = allocate.mock.calls.length
    for (const size of [1, 3]) {
      const { error } = decodeInPieces(header, size, new PacketDecoder({ maxPacketBytes: 1002 }))
      expect(error).toMatchObject({ fault: 'packet-too-large', statement: 'MQTT-4.8.0-2', offset: 1, streamOffset: 1 })
      expect(error?.message).toContain('PUBLISH of 1003 bytes')
    }
    const taken = allocate.mock.calls.slice(before).reduce((sum, [bytes]) => sum + bytes, 0)
    expect(taken).toBeLessThan(200)
  })
})

describe('maxPacketBytes', () => {
  it.each([1, 0, -1, 2.5, Number.NaN, Infinity, MAX_PACKET_BYTES + 1])('cannot be %s', (maxPacketBytes) => {
    expect(codeOf(() => new PacketDecoder({ maxPacketBytes }))).toBe('MQTT_USAGE')
  })

  it('can be as small as the smallest packet', () => {
    expect(new PacketDecoder({ maxPacketBytes: 2 }).decode(pingrespBytes)).toEqual([pingresp])
  })
})

describe('a chunk', () => {
  it('may be a plain Uint8Array, also one that begins inside its memory', () => {
    const memory = new Uint8Array([9, 9, ...encodePacket(publishOf(Buffer.from('x'))), 9])
    expect(new PacketDecoder().decode(memory.subarray(2, -1))).toEqual([publishOf(Buffer.from('x'))])
  })

  it('may be empty', () => {
    const decoder = new PacketDecoder()
    expect(decoder.decode(new Uint8Array(0))).toEqual([])
    decoder.end()
  })

  it.each([
    ['a string', 'text'],
    ['a number', 7],
    ['undefined', undefined],
    ['null', null],
    ['an array', [0xd0, 0]],
    ['an object', new ArrayBuffer(2)],
  ])('is not %s', (kind, chunk) => {
    const decoder = new PacketDecoder()
    const decode = () => Reflect.apply(decoder.decode, decoder, [chunk])
    expect(codeOf(decode)).toBe('MQTT_USAGE')
    expect(decode).toThrow(`a chunk has to be a Uint8Array, not ${kind}`)
    expect(decoder.decode(pingrespBytes)).toEqual([pingresp])
  })
})

describe('topics', () => {
  it('are told apart, however many there are and however alike', () => {
    const topics = Array.from({ length: 200 }, (_, index) =>
      `plant/${index % 20}/robot/${index}/état`.slice(0, 10 + (index % 9)),
    )
    const packets = [...topics, ...topics, 'x'.repeat(128), 'x'.repeat(129), 'y'.repeat(129)].map((topic) =>
      publishOf(Buffer.from('1'), topic),
    )
    expect(decodePieces([Buffer.concat(packets.map(encodePacket))]).packets).toEqual(packets)
  })

  it('that are repeated come as the same string', () => {
    const decoder = new PacketDecoder()
    const bytes = encodePacket(publishOf(Buffer.from('1'), 'plant/robot'))
    const toText = vi.spyOn(Buffer.prototype, 'toString')
    decoder.decode(bytes)
    const conversions = toText.mock.calls.length
    decoder.decode(bytes)
    expect(conversions).toBe(1)
    expect(toText.mock.calls.length).toBe(conversions)
  })

  it('of one NUL byte are not taken for one that is remembered, as the memory begins with zeros [MQTT-1.5.3-2]', () => {
    const decoder = new PacketDecoder()
    decoder.decode(encodePacket(publishOf(Buffer.alloc(0), 'a')))
    expect(malformedBy(() => decoder.decode(Buffer.from('3003000100', 'hex')))).toMatchObject({
      fault: 'nul-character',
    })
  })

  it('keep U+FEFF at their beginning [MQTT-1.5.3-3]', () => {
    const [packet] = new PacketDecoder().decode(Buffer.from('30060004efbbbf61', 'hex'))
    expect(packet).toMatchObject({ topic: '\uFEFFa' })
  })
})

describe('onPacket', () => {
  const three = Buffer.concat([pingrespBytes, pingrespBytes, pingrespBytes])

  it('may stop the decoder: nothing behind the packet in hand is looked at', () => {
    for (const size of [1, 2, 3, 100]) {
      const decoder = new PacketDecoder()
      const stream = Buffer.concat([three, Buffer.of(0)])
      let packets = 0
      for (let from = 0; from < stream.length; from += size) {
        decoder.decode(stream.subarray(from, from + size), () => {
          packets += 1
          if (packets === 2) decoder.stop()
        })
      }
      decoder.end()
      expect(packets).toBe(2)
      expect(decoder.decode(three)).toEqual([])
    }
  })

  it('may throw: the error comes out, and nothing behind is looked at', () => {
    const decoder = new PacketDecoder()
    const failure = new Error('from the application')
    const refuse = (): void => {
      throw failure
    }
    expect(() => decoder.decode(Buffer.concat([three, Buffer.of(0)]), refuse)).toThrow(failure)
    expect(decoder.decode(three)).toEqual([])
    decoder.end()
  })

  it('may not decode with the same decoder', () => {
    const decoder = new PacketDecoder()
    const codes: (string | undefined)[] = []
    decoder.decode(pingrespBytes, () => {
      codes.push(
        codeOf(() => decoder.decode(pingrespBytes)),
        codeOf(() => decoder.end()),
      )
    })
    expect(codes).toEqual(['MQTT_USAGE', 'MQTT_USAGE'])
    expect(decoder.decode(pingrespBytes)).toEqual([pingresp])
  })

  it('may decode with another one, whose faults are not its own', () => {
    const outer = new PacketDecoder()
    const inner = new PacketDecoder()
    const error = malformedBy(() => outer.decode(three, () => inner.decode(Buffer.of(0))))
    expect(error).toMatchObject({ fault: 'packet-type' })
    expect(malformedBy(() => inner.end())).toBe(error)
    expect(malformedBy(() => outer.end())).toBeUndefined()
  })
})

describe('stop', () => {
  it('forgets half a packet', () => {
    const decoder = new PacketDecoder()
    decoder.decode(pingrespBytes.subarray(0, 1))
    decoder.stop()
    decoder.end()
  })

  it('does not undo a fault', () => {
    const decoder = new PacketDecoder()
    const fault = malformedBy(() => decoder.decode(Buffer.of(0)))
    decoder.stop()
    expect(malformedBy(() => decoder.decode(pingrespBytes))).toBe(fault)
  })
})

describe('end', () => {
  it('is no fault between packets, and what comes later is decoded', () => {
    const decoder = new PacketDecoder()
    decoder.decode(pingrespBytes)
    decoder.end()
    expect(decoder.decode(pingrespBytes)).toEqual([pingresp])
  })

  it('inside a packet is final', () => {
    const decoder = new PacketDecoder()
    decoder.decode(Buffer.of(0xd0))
    const fault = malformedBy(() => decoder.end())
    expect(fault?.message).toBe(
      'received the end of the stream inside PINGRESP, after 1 of an unknown number of bytes [4.2] at byte 1 of the packet (byte 1 of the stream)',
    )
    expect(malformedBy(() => decoder.decode(Buffer.of(0)))).toBe(fault)
  })
})
