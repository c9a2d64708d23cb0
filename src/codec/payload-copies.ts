/**
 * Copies of parts of a chunk, so that what the application keeps never keeps a read buffer alive.
 *
 * A copy of 64 bytes for itself costs 120 ns, most of it for making two views; a view of something that is copied
 * already costs 50. So a small payload is copied together with what follows it in the chunk, about sixteen packets of
 * its size, and the payloads of those packets are views of that block. A block has less than 4 KiB and comes, as all
 * small Buffers do, from a slab of Node's (`Buffer.poolSize`, 8 KiB up to Node 22 and 64 KiB from 24 on): the most that
 * a kept payload keeps alive. Payloads of more than 256 bytes are copied alone, from 4 KiB on into memory of their own.
 */

const MAX_SHARED_BYTES = 256
const PACKETS_AHEAD = 16
const MAX_BLOCK_BYTES = 4095

const noBytes = Buffer.alloc(0)

export class PayloadCopies {
  /** The copy of the bytes of the chunk from `#from` to `#to`. */
  #block: Buffer = noBytes
  #from = 0
  #to = 0

  /** Forgets the block: its bytes are of another chunk. */
  reset(): void {
    this.#block = noBytes
    this.#to = 0
  }

  /** A copy of the payload from `start` to `end`, which is the end of its packet as well. */
  copy(bytes: Buffer, packetStart: number, start: number, end: number): Buffer {
    // An empty Buffer takes 190 ns to make and holds nothing that could change.
    if (start === end) return noBytes
    if (end - start > MAX_SHARED_BYTES) return copyRange(bytes, start, end)
    if (end > this.#to || start < this.#from) {
      const foreseen = start + Math.min(MAX_BLOCK_BYTES, (end - packetStart) * PACKETS_AHEAD)
      this.#from = start
      this.#to = Math.min(bytes.length, Math.max(end, foreseen))
      this.#block = copyRange(bytes, start, this.#to)
    }
    return this.#block.subarray(start - this.#from, end - this.#from)
  }
}

function copyRange(bytes: Buffer, start: number, end: number): Buffer {
  const size = end - start
  const copy = size > MAX_BLOCK_BYTES ? Buffer.allocUnsafeSlow(size) : Buffer.allocUnsafe(size)
  copy.set(bytes.subarray(start, end))
  return copy
}
