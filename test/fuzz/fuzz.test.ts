import { isMqttError, PacketDecoder } from 'mqtt311/codec'
import { describe, expect, it } from 'vitest'
import { noGuide } from './block-coverage.js'
import { seedInputs } from './corpus.js'
import { type Decoder, DecodingCheck } from './decoding-check.js'
import { Fuzzer } from './fuzzer.js'
import { CONSTANT_BYTES, heldByEach, heldBytes, largestPacket } from './held-memory.js'
import { smallest } from './smallest.js'

const BATCHES = 5

function findingsOf(makeDecoder: (maxPacketBytes: number) => Decoder) {
  const check = new DecodingCheck(makeDecoder)
  const fuzzer = new Fuzzer(check, noGuide, seedInputs(), 311)
  for (let batch = 0; batch < BATCHES && fuzzer.findings.length === 0; batch += 1) fuzzer.batch()
  return fuzzer.findings.map(({ input }) => smallest(check, input))
}

/** A decoder around the real one; `decode` and `end` may be done otherwise. */
function faulty(change: (real: PacketDecoder) => Partial<Decoder>): (maxPacketBytes: number) => Decoder {
  return (maxPacketBytes) => {
    const real = new PacketDecoder({ maxPacketBytes })
    const decode: Decoder['decode'] = (chunk, onPacket) => real.decode(chunk, onPacket)
    const end: Decoder['end'] = () => real.end()
    return { decode, end, ...change(real) }
  }
}

describe('thousands of inputs that were made from the vectors', () => {
  it('give packets or a MalformedPacketError, the same however they are cut, in little memory', () => {
    expect(findingsOf((maxPacketBytes) => new PacketDecoder({ maxPacketBytes }))).toEqual([])
  })
})

describe('a decoder is found out that', () => {
  it('throws something else', () => {
    const [finding] = findingsOf(
      faulty((real) => ({
        decode(chunk, onPacket) {
          if (chunk[0] === 0x82) throw new RangeError('past the end')
          real.decode(chunk, onPacket)
        },
      })),
    )
    expect(finding?.message).toContain('RangeError: past the end')
    expect(finding?.bytes.toString('hex')).toBe('82')
  })

  it('says nothing of half a packet at the end', () => {
    const [finding] = findingsOf(faulty(() => ({ end: () => undefined })))
    expect(finding?.message).toContain('1 bytes gave nothing')
  })

  it('hands out parts of the chunk', () => {
    const [finding] = findingsOf(
      faulty((real) => ({
        decode(chunk, onPacket) {
          real.decode(chunk, (packet) => {
            if (packet.type !== 'publish') return onPacket(packet)
            const at = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).indexOf(packet.payload)
            const payload = Buffer.from(chunk.buffer, chunk.byteOffset + Math.max(at, 0), packet.payload.length)
            onPacket({ ...packet, payload })
          })
        },
      })),
    )
    expect(finding?.message).toContain('the packets are')
  })

  it('forgets what the last chunk has left', () => {
    const [finding] = findingsOf((maxPacketBytes) => {
      let real = new PacketDecoder({ maxPacketBytes })
      return {
        decode(chunk, onPacket) {
          if (chunk.length > 0) real = new PacketDecoder({ maxPacketBytes })
          real.decode(chunk, onPacket)
        },
        end: () => real.end(),
      }
    })
    expect(finding?.message).toMatch(/when whole/)
  })

  it('goes on after a fault', () => {
    const [finding] = findingsOf((maxPacketBytes) => ({
      decode: (chunk, onPacket) => new PacketDecoder({ maxPacketBytes }).decode(chunk, onPacket),
      end: () => undefined,
    }))
    expect(finding?.message).toContain('does not come again')
  })

  it('takes memory for what was only announced', () => {
    const [finding] = findingsOf(
      faulty((real) => ({
        decode(chunk, onPacket) {
          if (chunk[1] === 0xff && chunk[2] === 0xff) Buffer.allocUnsafe(100_000)
          real.decode(chunk, onPacket)
        },
      })),
    )
    expect(finding?.message).toMatch(/bytes asked for/)
  })
})

describe('between two chunks', () => {
  const maxPacketBytes = 65_536
  const bound = 2 * maxPacketBytes + CONSTANT_BYTES

  it.each([1000, 65_536])('a packet in chunks of %i bytes holds at most twice maxPacketBytes', (chunkBytes) => {
    const held = heldBytes(() => new PacketDecoder({ maxPacketBytes }), maxPacketBytes, chunkBytes)
    expect(held).toBeGreaterThan(maxPacketBytes - 1)
    expect(held).toBeLessThan(bound)
  })

  it.each<[string, (decoder: PacketDecoder) => void]>([
    ['was stopped', (decoder) => decoder.stop()],
    ['was stopped from inside onPacket', (decoder) => decoder.decode(Buffer.of(0), () => decoder.stop())],
    ['came to the end of its stream', (decoder) => decoder.end()],
    ['found a fault', (decoder) => decoder.decode(Buffer.of(0))],
  ])('a decoder that %s holds next to nothing', (how, finish) => {
    const packet = largestPacket(maxPacketBytes)
    // U+0000 in the Topic Name is seen when the packet is whole.
    if (how === 'found a fault') packet[7] = 0
    const held = heldByEach(() => {
      const decoder = new PacketDecoder()
      decoder.decode(packet.subarray(0, -1))
      try {
        finish(decoder)
      } catch (error) {
        expect(isMqttError(error)).toBe(true)
      }
      return decoder
    })
    expect(held).toBeLessThan(CONSTANT_BYTES)
  })

  it('a decoder that keeps all chunks holds more', () => {
    const keeping = faulty((real) => {
      const kept: Uint8Array[] = []
      return {
        decode(chunk, onPacket) {
          kept.push(Buffer.alloc(2 * chunk.length, 1))
          real.decode(chunk, onPacket)
        },
      }
    })
    expect(heldBytes(() => keeping(maxPacketBytes), maxPacketBytes, 1000)).toBeGreaterThan(bound)
  })
})
