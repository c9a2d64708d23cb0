/**
 * Copies of payloads, so that what the application keeps never keeps a read buffer alive.
 *
 * Memory of its own for each payload costs far more than the copy: with 4 KiB 1,500 ns, of which the copy is 200. So
 * payloads lie side by side in blocks, which the decoders of a process fill from front to back, never a second time,
 * and which live as long as one of their payloads. A payload that is kept keeps a block of 8 KiB alive; from 4 KiB on
 * one of 32 KiB, so at most eight times itself; and above 8 KiB nothing but itself.
 *
 * Making two views, of what is copied and of the copy, costs as much again. So a small payload is copied together
 * with what follows it in the chunk, about 32 packets of its size, and the payloads of those are there already.
 *
 * Whoever transfers the memory of a payload (`postMessage`, `structuredClone`) would take the others in its block away. Node marks the
 * memory of its own small Buffers so that nobody can; the driver of a client does that here. Without that mark a block whose memory has
 * gone is not used any more.
 */

/** Up to here a payload is copied together with what follows it. */
const MAX_SHARED_BYTES = 256
const PACKETS_AHEAD = 32
/** What stands before the payload may be copied with it, if then the chunk is copied whole: that takes no view. */
const MAX_LEAD_BYTES = 256

const SMALL_BLOCK_BYTES = 8192
const LARGE_BLOCK_BYTES = 32_768
/** From here on a payload lies in a large block. */
const MIN_LARGE_BYTES = LARGE_BLOCK_BYTES / 8
/** What is larger has memory of its own. */
export const MAX_IN_BLOCK_BYTES = LARGE_BLOCK_BYTES / 4

const noBytes = Buffer.alloc(0)

let mark: (memory: ArrayBuffer) => void = () => {}

/** From here on each new block is marked by this. */
export function markBlocks(marking: (memory: ArrayBuffer) => void): void {
  mark = marking
}

class Block {
  bytes: Buffer = noBytes
  readonly #size: number
  #used = 0

  constructor(size: number) {
    this.#size = size
  }

  get room(): number {
    return this.bytes.length - this.#used
  }

  /** Makes room for `size` bytes, if need be in new memory: the old is left to the payloads in it. */
  reserve(size: number): void {
    if (size <= this.room) return
    // Zeroed, so that who looks behind its payload finds messages at most, and nothing else that the process had there.
    const memory = new ArrayBuffer(this.#size)
    mark(memory)
    this.bytes = Buffer.from(memory)
    this.#used = 0
  }

  /** Copies bytes for which there is room, and returns where they begin. */
  append(source: Uint8Array): number {
    const at = this.#used
    this.bytes.set(source, at)
    // Copies begin at multiples of eight bytes, as Node's own small Buffers do.
    this.#used = (at + source.length + 7) & ~7
    return at
  }
}

const smallBlock = new Block(SMALL_BLOCK_BYTES)
const largeBlock = new Block(LARGE_BLOCK_BYTES)

/** The copies from one chunk at a time, which are asked for from its beginning to its end. */
export class PayloadCopies {
  /** The chunk is copied up to `#to`: what is at `index` in the chunk is at `#base + index` in `#bytes`. */
  #bytes: Buffer = noBytes
  #base = 0
  #to = 0

  /** Forgets what was copied: the next chunk is another. */
  reset(): void {
    this.#bytes = noBytes
    this.#to = 0
  }

  /** A copy of the payload from `start` to `end`, which is the end of its packet as well. No other payload is in it. */
  copy(chunk: Buffer, packetStart: number, start: number, end: number): Buffer {
    // An empty Buffer takes 190 ns to make and holds nothing that could change.
    if (start === end) return noBytes
    if (end - start > MAX_SHARED_BYTES) return copyAlone(chunk, start, end)
    if (end > this.#to || this.#bytes.length === 0) this.#copyAhead(chunk, packetStart, start, end)
    return this.#bytes.subarray(this.#base + start, this.#base + end)
  }

  #copyAhead(chunk: Buffer, packetStart: number, start: number, end: number): void {
    smallBlock.reserve(end - start)
    const { bytes, room } = smallBlock
    const foreseen = start + Math.min(room, (end - packetStart) * PACKETS_AHEAD)
    const to = Math.min(chunk.length, foreseen)
    const isWhole = to === chunk.length && start <= MAX_LEAD_BYTES && to <= room
    this.#base = isWhole ? smallBlock.append(chunk) : smallBlock.append(chunk.subarray(start, to)) - start
    this.#bytes = bytes
    this.#to = to
  }
}

function copyAlone(chunk: Buffer, start: number, end: number): Buffer {
  const size = end - start
  const source = chunk.subarray(start, end)
  if (size > MAX_IN_BLOCK_BYTES) {
    const copy = Buffer.allocUnsafeSlow(size)
    copy.set(source)
    return copy
  }
  const block = size < MIN_LARGE_BYTES ? smallBlock : largeBlock
  block.reserve(size)
  const at = block.append(source)
  return block.bytes.subarray(at, at + size)
}
