/**
 * How much memory a decoder holds between two chunks, at worst: many decoders are left one byte short of the largest
 * packet that they take, and what lives after a garbage collection is divided by their number.
 */
import { encodePacket } from '../../src/codec/index.js'
import { garbageCollector } from '../garbage-collector.js'
import type { Decoder } from './decoding-check.js'

const DECODERS = 200

/** Topics that were seen, a slab that small Buffers come from, and what belongs to the objects themselves. */
export const CONSTANT_BYTES = 16_384

/** Bytes for each decoder; they should be no more than 2 x `maxPacketBytes` + `CONSTANT_BYTES`. */
export function heldBytes(makeDecoder: () => Decoder, maxPacketBytes: number, chunkBytes: number): number {
  const packet = largestPacket(maxPacketBytes)
  const chunks: Buffer[] = []
  for (let from = 0; from < packet.length - 1; from += chunkBytes) {
    chunks.push(packet.subarray(from, Math.min(from + chunkBytes, packet.length - 1)))
  }
  const topics = ['a', 'b', 'c'].map((topic) =>
    encodePacket({ type: 'publish', topic, payload: Buffer.alloc(0), retain: false, qos: 0 }),
  )
  return heldByEach(() => {
    const decoder = makeDecoder()
    for (const chunk of [...topics, ...chunks]) decoder.decode(chunk, () => undefined)
    return decoder
  })
}

/** A PUBLISH of so many bytes. */
export function largestPacket(bytes: number): Buffer {
  const payload = Buffer.alloc(bytes - 8)
  const packet = encodePacket({ type: 'publish', topic: 'ab', payload, retain: false, qos: 0 })
  if (packet.length !== bytes) throw new Error(`the packet has ${packet.length} bytes, not ${bytes}`)
  return packet
}

/** Bytes that live because of one of the objects that are made. */
export function heldByEach(make: () => object): number {
  const collect = garbageCollector()
  // What is made the first time is not made for each.
  make()
  const before = memoryAfter(collect)
  const objects = Array.from({ length: DECODERS }, make)
  const held = memoryAfter(collect) - before
  return held / objects.length
}

/** The memory of Buffers is given back in the background, and caches empty from one collection to the next: until nothing more goes. */
function memoryAfter(collect: () => void): number {
  let before = Infinity
  for (;;) {
    collect()
    collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    const used = heapUsed + arrayBuffers
    if (used >= before) return before
    before = used
  }
}
