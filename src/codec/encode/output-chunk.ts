/**
 * The bytes that wait to be written: one Buffer that grows as packets are appended and is given away as a whole. An
 * idle chunk owns no memory.
 *
 * Memory that has just been filled is still in the processor's cache, and fresh memory is not: filling 64 KiB of it
 * costs up to 860 ns for each packet of 4 KiB, as much as eight copies. So a chunk that the socket took at once is not
 * left to the garbage collector but is kept for whoever writes next. One such spare serves the whole process, since
 * chunks are filled and written within one turn.
 *
 * How much the next Buffer takes is learned from the last ones: a busy connection starts with what it needed lately
 * and a quarter more, so that it seldom has to copy what it has, and after a burst the measure halves with each
 * chunk.
 */

/** Two packets in one chunk make a third likely, so growing starts from here. */
const MIN_GROWN_BYTES = 512
/** What is foreseen for a chunk before anything is written to it, at most. One large packet does not make a habit. */
const MAX_FORESEEN_BYTES = 98_304

/** What is kept as a spare has at most this: more would be held for nothing most of the time. */
const MAX_SPARE_BYTES = 131_072

/**
 * Chunks of this size on have memory of their own: the pool of Node has 8 KiB up to Node 22, 64 in Node 24, a little
 * more in 26.
 */
const MIN_OWN_MEMORY_BYTES = 4096

const noBytes: Buffer = Buffer.alloc(0)

let spare = noBytes

/**
 * Takes back a chunk whose bytes nobody needs any more. A short one may be a part of a block of Node's, and its memory
 * is then not ours to keep.
 */
export function recycle({ buffer, byteOffset, length }: Buffer): void {
  if (byteOffset !== 0 || length < MIN_OWN_MEMORY_BYTES) return
  if (buffer.byteLength > spare.length && buffer.byteLength <= MAX_SPARE_BYTES) spare = Buffer.from(buffer)
}

export class OutputChunk {
  bytes: Buffer = noBytes
  length = 0
  readonly #holds: 'packets' | 'one packet'
  #foreseen = 0

  /** What holds one packet, which may be kept for long, has memory of its size and no more, and never the spare. */
  constructor(holds: 'packets' | 'one packet' = 'packets') {
    this.#holds = holds
  }

  /**
   * Makes room for `size` bytes, counts them as written, and returns where they begin. Call it once all else has been
   * checked.
   */
  reserve(size: number): number {
    const start = this.length
    const end = start + size
    if (end > this.bytes.length) this.#grow(end)
    this.length = end
    return start
  }

  /** Hands over what was written; the caller owns it from here on. */
  take(): Buffer {
    const { bytes, length } = this
    this.bytes = noBytes
    this.length = 0
    this.#foreseen = Math.min(MAX_FORESEEN_BYTES, Math.max(length + (length >>> 2), this.#foreseen >>> 1))
    return length === bytes.length ? bytes : bytes.subarray(0, length)
  }

  #grow(needed: number): void {
    if (this.#holds === 'one packet') {
      this.bytes = allocate(needed)
      return
    }
    if (this.length === 0 && Math.max(needed, this.#foreseen) <= spare.length) {
      this.bytes = spare
      spare = noBytes
      return
    }
    const wanted = this.length === 0 ? this.#foreseen : Math.max(this.bytes.length * 2, MIN_GROWN_BYTES)
    const grown = allocate(Math.max(needed, wanted))
    this.bytes.copy(grown, 0, 0, this.length)
    this.bytes = grown
  }
}

function allocate(size: number): Buffer {
  return size < MIN_OWN_MEMORY_BYTES ? Buffer.allocUnsafe(size) : Buffer.allocUnsafeSlow(size)
}
