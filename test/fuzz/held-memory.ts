/**
 * How much memory a decoder holds between two chunks, at worst: many decoders are left one byte short of the largest
 * packet that they take, and what lives after a garbage collection is divided by their number.
 */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { encodePacket } from '../../src/codec/index.js'
import type { Decoder } from './decoding-check.js'

const DECODERS = 200

/** Topics that were seen, a slab that small Buffers come from, and what belongs to the objects themselves. */
export const CONSTANT_BYTES = 16_384

/** Bytes for each decoder; they should be no more than 2 x `maxPacketBytes` + `CONSTANT_BYTES`. */
export function heldBytes(makeDecoder: () => Decoder, maxPacketBytes: number, chunkBytes: number): number {
  const collect = garbageCollector()
  const payload = Buffer.alloc(maxPacketBytes - 8)
  const packet = encodePacket({ type: 'publish', topic: 'ab', payload, retain: false, qos: 0 })
  if (packet.length !== maxPacketBytes) throw new Error(`the packet has ${packet.length} bytes, not ${maxPacketBytes}`)
  const chunks: Buffer[] = []
  for (let from = 0; from < packet.length - 1; from += chunkBytes) {
    chunks.push(packet.subarray(from, Math.min(from + chunkBytes, packet.length - 1)))
  }
  const before = memoryAfter(collect)
  const decoders = Array.from({ length: DECODERS }, makeDecoder)
  for (const decoder of decoders) {
    for (const topic of ['a', 'b', 'c']) {
      decoder.decode(encodePacket({ type: 'publish', topic, payload: Buffer.alloc(0), retain: false, qos: 0 }), ignore)
    }
    for (const chunk of chunks) decoder.decode(chunk, ignore)
  }
  const held = (memoryAfter(collect) - before) / decoders.length
  // They live until here: the packets are completed, and none was lost.
  let completed = 0
  for (const decoder of decoders) decoder.decode(packet.subarray(-1), () => (completed += 1))
  if (completed !== DECODERS) throw new Error(`${completed} of ${DECODERS} packets were completed`)
  return held
}

function ignore(): void {}

function memoryAfter(collect: () => void): number {
  // The memory of Buffers is given back in the background; the second collection waits for that of the first.
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc')
  const collect: unknown = runInNewContext('gc')
  if (typeof collect !== 'function') throw new Error('no garbage collector')
  return () => {
    collect()
  }
}
