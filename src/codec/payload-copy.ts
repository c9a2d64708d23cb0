import { byteAt } from './byte-at.js'

/** Up to here a loop is faster than the two views that a native copy needs. */
const MAX_LOOP_BYTES = 64

/**
 * A copy of a part of `bytes`, so that what the application keeps never keeps a read buffer alive. Small copies share slabs
 * of 8 KiB (`Buffer.poolSize`) with each other: keeping one of them keeps its slab.
 */
export function copyBytes(bytes: Buffer, start: number, end: number): Buffer {
  const length = end - start
  const copy = Buffer.allocUnsafe(length)
  if (length <= MAX_LOOP_BYTES) {
    for (let index = 0; index < length; index += 1) copy[index] = byteAt(bytes, start + index)
  } else {
    copy.set(new Uint8Array(bytes.buffer, bytes.byteOffset + start, length))
  }
  return copy
}
