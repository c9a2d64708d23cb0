import { type ControlPacket, encodePacket, PacketDecoder } from 'mqtt311/codec'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { decodeInPieces, decodePieces, publishOf } from '../stream.js'

const pingrespBytes = encodePacket({ type: 'pingresp' })

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

afterEach(() => {
  vi.restoreAllMocks()
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
