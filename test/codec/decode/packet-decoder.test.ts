import { type ControlPacket, encodePacket, isMqttError, MAX_PACKET_BYTES, PacketDecoder } from 'mqtt311/codec'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { decodeInPieces, decodePieces, malformedBy } from '../stream.js'

const pingresp = { type: 'pingresp' } as const
const pingrespBytes = encodePacket(pingresp)

function publishOf(payload: Buffer, topic = 'a/b'): ControlPacket<Buffer> {
  return { type: 'publish', topic, payload, retain: false, qos: 0 }
}

function payloadsOf(packets: readonly ControlPacket<Buffer>[]): Buffer[] {
  return packets.flatMap((packet) => (packet.type === 'publish' ? [packet.payload] : []))
}

/** `toEqual` takes microseconds for each byte of a Buffer, and nothing for a text. */
const inHex = (payloads: readonly Buffer[]): string[] => payloads.map((payload) => payload.toString('hex'))

/** Makes `Buffer.allocUnsafe` take all memory from one pool, which Node does with small Buffers. */
function usePool(): ArrayBuffer {
  const pool = new ArrayBuffer(1_048_576)
  let used = 0
  vi.spyOn(Buffer, 'allocUnsafe').mockImplementation((size) => {
    used += size
    return Buffer.from(pool, used - size, size)
  })
  return pool
}

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

describe('memory', () => {
  const size = 1 << 16
  const packet = encodePacket(publishOf(Buffer.alloc(size, 'x')))

  it.each([1, 7, 1000])(
    'a long packet in chunks of %i bytes is copied a few times, not once for each chunk',
    (piece) => {
      const allocations = [vi.spyOn(Buffer, 'allocUnsafe'), vi.spyOn(Buffer, 'allocUnsafeSlow')]
      const set = vi.spyOn(Uint8Array.prototype, 'set')
      const { packets } = decodeInPieces(packet, piece)
      const calls = allocations.flatMap((allocate) => allocate.mock.calls)
      const allocated = calls.reduce((sum, [bytes]) => sum + bytes, 0)
      const copied = set.mock.calls.reduce((sum, [source]) => sum + source.length, 0)
      vi.restoreAllMocks()
      expect(payloadsOf(packets)[0]?.length).toBe(size)
      expect(allocated).toBeLessThan(3 * packet.length)
      expect(copied).toBeLessThan(3 * packet.length)
    },
  )

  it('of what is only announced is not allocated', () => {
    const allocations = [vi.spyOn(Buffer, 'allocUnsafe'), vi.spyOn(Buffer, 'allocUnsafeSlow')]
    new PacketDecoder().decode(Buffer.from('30ffffff7f0001', 'hex'))
    const calls = allocations.flatMap((allocate) => allocate.mock.calls)
    const allocated = calls.reduce((sum, [bytes]) => sum + bytes, 0)
    expect(allocated).toBeLessThan(200)
  })

  /** A kept payload keeps a few KiB, or a few times itself. */
  const keptBytes = (length: number) => Math.max(8_192, 8 * length)

  it.each([0, 1, 10, 64, 256, 257, 4095, 4096, 8192, 8193, 10_000, 40_000])(
    'of the chunk is not kept by payloads of %i bytes',
    (length) => {
      const packets = [1, 2, 3].map((value) => publishOf(Buffer.alloc(length, value)))
      const stream = Buffer.concat([...packets.map(encodePacket), pingrespBytes])
      // Memory of its own, as a read buffer has: `concat` may take it from the slab that the payloads come from.
      const chunk = Buffer.alloc(stream.length)
      chunk.set(stream)
      const decoded = new PacketDecoder().decode(chunk)
      chunk.fill(0xff)
      expect(inHex(payloadsOf(decoded))).toEqual(inHex(payloadsOf(packets)))
      for (const payload of payloadsOf(decoded)) {
        expect(length > 0 && payload.buffer === chunk.buffer).toBe(false)
        expect(payload.buffer.byteLength).toBeLessThanOrEqual(keptBytes(length))
      }
    },
  )

  it.each([1, 10, 64, 256, 257, 4095, 4096, 8191, 8192, 8193, 40_000])(
    'of a packet that was cut is not that of anything else either, with a payload of %i bytes',
    (length) => {
      const packet = encodePacket(publishOf(Buffer.alloc(length, 'x')))
      const pool = usePool()
      for (const at of [1, 3, packet.length - 1]) {
        const decoder = new PacketDecoder()
        decoder.decode(packet.subarray(0, at))
        const [payload] = payloadsOf(decoder.decode(packet.subarray(at)))
        expect(payload?.equals(packet.subarray(-length))).toBe(true)
        expect(payload?.buffer).not.toBe(pool)
        expect(payload?.buffer.byteLength).toBeLessThanOrEqual(keptBytes(length))
      }
    },
  )

  it.each([10, 300, 5_000])('may be transferred: the next payloads of %i bytes lie elsewhere', (length) => {
    const texts = ['a', 'b', 'c'].map((letter) => letter.repeat(length))
    const chunk = Buffer.concat(texts.map((text) => encodePacket(publishOf(Buffer.from(text)))))
    const got: string[] = []
    new PacketDecoder().decode(chunk, (packet) => {
      if (packet.type !== 'publish') return
      got.push(packet.payload.toString())
      const { buffer } = packet.payload
      if (buffer instanceof ArrayBuffer) structuredClone(packet.payload, { transfer: [buffer] })
    })
    expect(got).toEqual(texts)
  })

  it('of a cut packet that was never filled is not copied along with a payload', () => {
    const fill = vi.spyOn(Buffer, 'allocUnsafe').mockImplementation((size) => Buffer.alloc(size, '?'))
    const packet = encodePacket(publishOf(Buffer.alloc(20, 'x')))
    const decoder = new PacketDecoder()
    decoder.decode(packet.subarray(0, 1))
    const [payload] = payloadsOf(decoder.decode(packet.subarray(1)))
    expect(fill).toHaveBeenCalled()
    expect(Buffer.from(payload?.buffer ?? new ArrayBuffer(0)).includes('?')).toBe(false)
  })

  it('is not shared between payloads: writing to one leaves the others as they are', () => {
    const chunk = Buffer.concat([1, 2, 3].map((value) => encodePacket(publishOf(Buffer.alloc(20, value)))))
    const payloads = payloadsOf(new PacketDecoder().decode(chunk))
    payloads[1]?.fill(9)
    expect(payloads).toEqual([Buffer.alloc(20, 1), Buffer.alloc(20, 9), Buffer.alloc(20, 3)])
  })

  it.each([1, 20, 256, 257, 4095, 4096, 8191, 8192, 8193])(
    'is not shared with what is still to be decoded: a handler may overwrite its payload of %i bytes',
    (length) => {
      const packets = [1, 2, 3, 4].map((value) => publishOf(Buffer.alloc(length, value)))
      const chunk = Buffer.concat([...packets.map(encodePacket), pingrespBytes])
      const before = Buffer.from(chunk)
      for (const cut of [0, 1, length, chunk.length]) {
        const decoder = new PacketDecoder()
        const seen: Buffer[] = []
        for (const piece of [chunk.subarray(0, cut), chunk.subarray(cut)]) {
          decoder.decode(piece, (packet) => {
            if (packet.type !== 'publish') return
            seen.push(Buffer.from(packet.payload))
            packet.payload.fill(0xff)
          })
        }
        expect(inHex(seen)).toEqual(inHex(payloadsOf(packets)))
        expect(chunk.equals(before)).toBe(true)
      }
    },
  )

  it('is not shared with a decoder that is called from inside onPacket', () => {
    const sizes = [20, 300, 5000, 256]
    const stream = (seed: number) =>
      Buffer.concat(sizes.map((size, index) => encodePacket(publishOf(Buffer.alloc(size, seed + index)))))
    const expected = (seed: number) => sizes.map((size, index) => Buffer.alloc(size, seed + index))
    const seen = new Map<number, Buffer[]>()
    const decodeFrom = (seed: number) => {
      const payloads: Buffer[] = []
      seen.set(seed, payloads)
      new PacketDecoder().decode(stream(seed), (packet) => {
        if (packet.type === 'publish') payloads.push(packet.payload)
        if (seed < 100) decodeFrom(seed * 10 + payloads.length)
      })
    }
    decodeFrom(1)
    expect(seen.size).toBe(1 + 4 + 16)
    for (const [seed, payloads] of seen) expect(inHex(payloads)).toEqual(inHex(expected(seed)))
  })

  it('is not shared between payloads of different decoders, chunks or sizes', () => {
    const sizes = [64, 5000, 300, 64, 8192, 4096, 1, 200, 4095, 256]
    const decoders = [new PacketDecoder(), new PacketDecoder()]
    const payloads = Array.from({ length: 40 }, (_, index) => {
      const payload = Buffer.alloc((sizes[index % sizes.length] ?? 0) + index, index)
      const decoder = decoders[index % 3 === 0 ? 1 : 0]
      const packets = decoder?.decode(Buffer.concat([encodePacket(publishOf(payload)), pingrespBytes])) ?? []
      return { expected: payload, payload: payloadsOf(packets)[0] }
    })
    for (const { expected, payload } of payloads) expect(payload?.equals(expected)).toBe(true)
  })

  it('is not shared between payloads that end at any byte of a word and come one by one', () => {
    const expected = Array.from({ length: 40 }, (_, index) => Buffer.alloc(1 + index, index))
    const payloads = expected.flatMap((payload) =>
      payloadsOf(new PacketDecoder().decode(encodePacket(publishOf(payload)))),
    )
    expect(payloads).toEqual(expected)
  })

  it('is shared by payloads that come one by one, as far as it reaches', () => {
    const packet = encodePacket(publishOf(Buffer.alloc(1000)))
    const blocks = Array.from({ length: 14 }, () => payloadsOf(new PacketDecoder().decode(packet))[0]?.buffer)
    expect(new Set(blocks).size).toBeLessThan(blocks.length)
  })

  it.each([1, 64])('of ten payloads of %i bytes in a chunk is filled by fewer copies', (length) => {
    const chunk = Buffer.concat(Array.from({ length: 10 }, () => encodePacket(publishOf(Buffer.alloc(length)))))
    const set = vi.spyOn(Uint8Array.prototype, 'set')
    new PacketDecoder().decode(chunk)
    expect(set.mock.calls.length).toBeLessThan(10)
  })

  it.each([1, 300, 5_000])('behind a payload of %i bytes holds messages and nothing else', (length) => {
    const packet = encodePacket(publishOf(Buffer.alloc(length, 'x')))
    const dirty = (size: number) => Buffer.alloc(size, '?')
    vi.spyOn(Buffer, 'allocUnsafe').mockImplementation(dirty)
    vi.spyOn(Buffer, 'allocUnsafeSlow').mockImplementation(dirty)
    // More payloads than the memory that they share has room for.
    const payloads = Array.from({ length: 60 }, () => payloadsOf(new PacketDecoder().decode(packet))).flat()
    expect(payloads.some(({ buffer }) => Buffer.from(buffer).includes('?'))).toBe(false)
  })

  it('of a chunk that the caller reuses is not relied on, wherever a packet was cut', () => {
    const stream = Buffer.concat([1, 2, 3, 4].map((value) => encodePacket(publishOf(Buffer.alloc(300, value)))))
    const whole = decodePieces([stream]).packets
    for (const size of [1, 5, 250, 311, 700]) {
      const decoder = new PacketDecoder()
      const packets: ControlPacket<Buffer>[] = []
      const reused = Buffer.alloc(size)
      for (let from = 0; from < stream.length; from += size) {
        const length = stream.copy(reused, 0, from, from + size)
        decoder.decode(reused.subarray(0, length), (packet) => packets.push(packet))
        reused.fill(0xff)
      }
      expect(packets).toEqual(whole)
    }
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

  it.each(['text', 7, undefined, [0xd0, 0], new ArrayBuffer(2)])('is not %s', (chunk) => {
    const decoder = new PacketDecoder()
    expect(codeOf(() => Reflect.apply(decoder.decode, decoder, [chunk]))).toBe('MQTT_USAGE')
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
