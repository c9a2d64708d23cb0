/**
 * The bytes that wait to be written: one Buffer, which grows as packets are appended, and which `take` hands over as a
 * whole. An idle chunk owns no memory.
 *
 * Memory that was just used is still in the cache of the processor; new memory is not. Filling 64 KiB of new memory
 * costs up to 860 ns for each packet of 4 KiB, as much as eight copies. So when the socket has taken a chunk at once, the
 * memory of the chunk is kept as a spare for the next chunk, of any connection. One spare is enough for the whole
 * process, because a chunk is filled and written within one turn of the event loop.
 *
 * The size of the next Buffer follows the sizes of the last chunks. A busy connection starts with a quarter more than its
 * last chunk needed, so the Buffer seldom has to grow. After a burst the size halves with each chunk.
 */

/** The least size of a Buffer that has grown: a chunk with two packets will probably get a third. */
const MIN_GROWN_BYTES = 512
/** The largest size that the last chunks can predict for an empty chunk; a single large packet must not waste more. */
const MAX_PREDICTED_BYTES = 98_304

/** The largest spare: most of the time a larger one would occupy memory and not be used. */
const MAX_SPARE_BYTES = 131_072

/**
 * From this size on a chunk gets its own memory, outside the pool of Node. The pool has 8 KiB up to Node 22, 64 KiB in
 * Node 24, a little more in Node 26.
 */
const MIN_OWN_MEMORY_BYTES = 4096

const noBytes: Buffer = Buffer.alloc(0)

let spare = noBytes

/**
 * Takes back a chunk whose bytes are no longer needed. A short chunk may be a part of the pool of Node; the pool has other
 * owners too, so it cannot become the spare.
 */
export function recycle({ buffer, byteOffset, length }: Buffer): void {
  if (byteOffset !== 0 || length < MIN_OWN_MEMORY_BYTES) return
  if (buffer.byteLength > spare.length && buffer.byteLength <= MAX_SPARE_BYTES) spare = Buffer.from(buffer)
}

export class OutputChunk {
  bytes: Buffer = noBytes
  length = 0
  readonly #content: 'packets' | 'one packet'
  #predictedBytes = 0

  /**
   * A chunk for one packet gets exactly the memory that the packet needs, and never the spare, because the caller may
   * keep the packet for long.
   */
  constructor(content: 'packets' | 'one packet' = 'packets') {
    this.#content = content
  }

  /** Reserves `size` bytes and returns their offset. They count as written, so check everything before this call. */
  reserve(size: number): number {
    const start = this.length
    const end = start + size
    if (end > this.bytes.length) this.#grow(end)
    this.length = end
    return start
  }

  /** Hands over the written bytes; from now on the caller owns them. */
  take(): Buffer {
    const { bytes, length } = this
    this.bytes = noBytes
    this.length = 0
    this.#predictedBytes = Math.min(MAX_PREDICTED_BYTES, Math.max(length + (length >>> 2), this.#predictedBytes >>> 1))
    return length === bytes.length ? bytes : bytes.subarray(0, length)
  }

  #grow(needed: number): void {
    if (this.#content === 'one packet') {
      this.bytes = allocate(needed)
      return
    }
    if (this.length === 0 && Math.max(needed, this.#predictedBytes) <= spare.length) {
      this.bytes = spare
      spare = noBytes
      return
    }
    const wanted = this.length === 0 ? this.#predictedBytes : Math.max(this.bytes.length * 2, MIN_GROWN_BYTES)
    const grown = allocate(Math.max(needed, wanted))
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
  }
}

function allocate(size: number): Buffer {
  return size < MIN_OWN_MEMORY_BYTES ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size)
}
