import { deepStrictEqual, ok, strictEqual } from 'node:assert'
import fc from 'fast-check'
import { encodePacket, PacketWriter } from 'mqtt311/codec'
import { describe, expect, it } from 'vitest'
import { arbitraryPacket } from './arbitrary-packet.js'
import { decodePieces } from './stream.js'

/** Cuts the bytes at the given places, taken round the length. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const ends = [...places.map((place) => place % (bytes.length + 1)), bytes.length].sort((a, b) => a - b)
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end))
}

const places = fc.array(fc.nat({ max: 100_000 }), { maxLength: 40 })

describe('any packets', () => {
  it('survive being written, cut anywhere, and read', () => {
    fc.assert(
      fc.property(fc.array(arbitraryPacket, { maxLength: 12 }), places, (packets, cuts) => {
        const writer = new PacketWriter()
        for (const packet of packets) writer.write(packet)
        const bytes = writer.take()
        expect(bytes.equals(Buffer.concat(packets.map(encodePacket)))).toBe(true)
        deepStrictEqual(decodePieces(cut(bytes, cuts)), { packets, error: undefined })
      }),
      { numRuns: 1000 },
    )
  })
})

/**
 * Whatever is decoded is a packet that gives the same bytes back; whatever is not has an error, which no cutting
 * changes. It is asked 11,000 times, and `expect` takes far longer than these.
 */
function expectPacketsOrFault(bytes: Uint8Array, cuts: readonly number[]): void {
  const whole = decodePieces([bytes])
  const again = Buffer.concat(whole.packets.map(encodePacket))
  ok(again.equals(bytes.subarray(0, again.length)), 'the packets give other bytes back')
  if (whole.error === undefined) {
    strictEqual(again.length, bytes.length)
  } else {
    const { offset, streamOffset } = whole.error
    strictEqual(streamOffset - offset, again.length)
    ok(streamOffset <= bytes.length, `the fault is at ${streamOffset} of ${bytes.length} bytes`)
  }
  deepStrictEqual(decodePieces(cut(bytes, cuts)), whole)
}

describe('any bytes give packets or a MalformedPacketError, nothing else', () => {
  it('when they are random', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), places, expectPacketsOrFault), { numRuns: 3000 })
  })

  it('when they begin as packets do', () => {
    const header = fc.tuple(fc.nat({ max: 255 }), fc.nat({ max: 40 }))
    const body = fc.array(fc.oneof(fc.nat({ max: 5 }), fc.nat({ max: 255 })), { minLength: 40, maxLength: 40 })
    const packet = fc
      .tuple(header, body)
      .map(([[first, length], rest]) => Uint8Array.of(first, length, ...rest.slice(0, length)))
    fc.assert(fc.property(packet, places, expectPacketsOrFault), { numRuns: 5000 })
  })

  it('when they are packets with a byte changed, added or taken away', () => {
    const change = fc.record({
      at: fc.nat({ max: 2000 }),
      remove: fc.nat({ max: 1 }),
      insert: fc.uint8Array({ maxLength: 1 }),
    })
    const packets = fc.array(arbitraryPacket, { minLength: 1, maxLength: 3 })
    const mutated = fc.tuple(packets, fc.array(change, { minLength: 1, maxLength: 3 })).map(([list, changes]) => {
      let bytes = Buffer.concat(list.map(encodePacket))
      for (const { at, remove, insert } of changes) {
        const place = at % (bytes.length + 1)
        bytes = Buffer.concat([bytes.subarray(0, place), insert, bytes.subarray(place + remove)])
      }
      return bytes
    })
    fc.assert(fc.property(mutated, places, expectPacketsOrFault), { numRuns: 3000 })
  })
})
