import { encodePacket, PacketWriter } from 'mqtt311/codec'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { recycle } from '../../../src/codec/encode/output-chunk.js'

function chunkOf(payloadBytes: number, writer = new PacketWriter()): Buffer {
  writer.publish('a', Buffer.alloc(payloadBytes, 'x'), 0, false, false, undefined)
  return writer.take()
}

/** Whether the memory of `chunk` is that of the next chunk of this size. */
function isUsedAgain(chunk: Buffer, payloadBytes: number): boolean {
  return chunkOf(payloadBytes).buffer === chunk.buffer
}

beforeEach(() => {
  // What an earlier test has left is taken, by a chunk that is not given back.
  chunkOf(100_000)
  chunkOf(9_000)
})

describe('a chunk that was given back', () => {
  it('is written to again, once', () => {
    const chunk = chunkOf(20_000)
    new PacketWriter().recycle(chunk)
    expect(isUsedAgain(chunk, 20_000)).toBe(true)
    expect(isUsedAgain(chunk, 20_000)).toBe(false)
  })

  it('is written to again from its beginning, with nothing left of what it held', () => {
    recycle(chunkOf(20_000))
    const packet = { type: 'publish', topic: 'b', payload: Buffer.alloc(9_000, 'y'), retain: false, qos: 0 } as const
    expect(encodePacket(packet).equals(Buffer.concat([Buffer.of(0x30, 0xab, 0x46, 0, 1, 0x62), packet.payload]))).toBe(
      true,
    )
  })

  it('serves a packet of exactly its size, and none that is larger', () => {
    const chunk = chunkOf(20_000)
    recycle(chunk)
    expect(isUsedAgain(chunk, 20_001)).toBe(false)
    expect(isUsedAgain(chunk, 20_000)).toBe(true)
  })

  it('does not serve a writer that lately needed more, which would only have to grow it', () => {
    const writer = new PacketWriter()
    chunkOf(60_000, writer)
    const chunk = chunkOf(20_000)
    recycle(chunk)
    expect(chunkOf(100, writer).buffer).not.toBe(chunk.buffer)
    expect(isUsedAgain(chunk, 20_000)).toBe(true)
  })

  it('is all that turns of the event loop need that send as much as the ones before', () => {
    const writer = new PacketWriter()
    const payload = Buffer.alloc(64, 'x')
    const turn = (): void => {
      for (let count = 0; count < 100; count += 1) writer.publish('plant/robot', payload, 1, false, false, 1 + count)
      writer.recycle(writer.take())
    }
    for (let count = 0; count < 3; count += 1) turn()
    const allocations = [
      vi.spyOn(Buffer, 'allocUnsafe'),
      vi.spyOn(Buffer, 'allocUnsafeSlow'),
      vi.spyOn(Buffer, 'alloc'),
    ]
    for (let count = 0; count < 10; count += 1) turn()
    const calls = allocations.map(({ mock }) => mock.calls.length)
    vi.restoreAllMocks()
    expect(calls).toEqual([0, 0, 0])
  })

  it('does not serve a chunk that has begun already', () => {
    const writer = new PacketWriter()
    writer.write({ type: 'pingreq' })
    const chunk = chunkOf(20_000)
    recycle(chunk)
    expect(chunkOf(15_000, writer).buffer === chunk.buffer).toBe(false)
    expect(isUsedAgain(chunk, 20_000)).toBe(true)
  })

  it('is kept if it is larger than the one that is kept already', () => {
    const [small, large] = [chunkOf(20_000), chunkOf(40_000)]
    recycle(small)
    recycle(large)
    recycle(small)
    expect(isUsedAgain(large, 9_000)).toBe(true)
    expect(isUsedAgain(small, 9_000)).toBe(false)
  })

  it('is not kept if it is part of a block that other Buffers have parts of', () => {
    const parts = [
      encodePacket({ type: 'pingreq' }),
      Buffer.from(new ArrayBuffer(65_536), 0, 100),
      Buffer.from(new ArrayBuffer(50_000), 1),
    ]
    for (const part of parts) recycle(part)
    const { buffer } = chunkOf(9_000)
    expect(parts.filter((part) => part.buffer === buffer)).toEqual([])
  })

  it('is not kept if it is very large: the process would keep its memory for ever', () => {
    const chunk = Buffer.from(new ArrayBuffer(2_000_000))
    recycle(chunk)
    expect(isUsedAgain(chunk, 9_000)).toBe(false)
  })
})

describe('a packet that is encoded by itself', () => {
  const packetOf = (payloadBytes: number): Buffer =>
    encodePacket({ type: 'publish', topic: 'a', payload: Buffer.alloc(payloadBytes, 'x'), retain: false, qos: 0 })

  it('leaves a chunk that was given back to the writers', () => {
    const chunk = chunkOf(20_000)
    recycle(chunk)
    expect(packetOf(9_000).buffer === chunk.buffer).toBe(false)
    expect(isUsedAgain(chunk, 20_000)).toBe(true)
  })

  it('keeps little more memory than its own, whatever was encoded before', () => {
    packetOf(50_000)
    for (const size of [5_000, 20_000]) {
      const packet = packetOf(size)
      expect(packet.buffer.byteLength).toBeLessThan(2 * packet.length)
    }
  })

  it('is whole after one that was refused', () => {
    expect(() =>
      encodePacket({ type: 'publish', topic: '#', payload: Buffer.alloc(0), retain: false, qos: 0 }),
    ).toThrow()
    expect(encodePacket({ type: 'pingreq' })).toEqual(Buffer.of(0xc0, 0))
  })
})
