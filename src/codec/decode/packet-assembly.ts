/**
 * A copy of an incomplete packet: its beginning was at the end of a chunk, and the next chunks are appended until the packet
 * is whole.
 *
 * The memory doubles as it fills, up to the size of the packet. So a peer that announces 256 MiB does not make us allocate
 * them before it sends them, and tiny chunks cost only a few copies of each byte.
 */
import { MAX_IN_BLOCK_BYTES } from './payload-copies.js'

/** Enough for any fixed header, and for most packets that continue in the next chunk. */
const MIN_BYTES = 64

export class PacketAssembly {
  /** The first `length` bytes are those of the packet; the bytes after them were never written. */
  bytes: Buffer = Buffer.allocUnsafe(MIN_BYTES)
  length = 0
  /** The size of the whole packet, or 0 while its fixed header is incomplete. */
  packetSize = 0

  /**
   * Whether the packet is alone in its memory, as a large one is: then its payload is handed out without a copy. A small
   * packet may be in the pool of Node. Its payload would keep the pool alive, and give access to the data of others there.
   */
  get ownsMemory(): boolean {
    return this.bytes.length > MAX_IN_BLOCK_BYTES
  }

  append(chunk: Buffer, from: number, to: number): void {
    const length = this.length + to - from
    if (length > this.bytes.length) {
      const size = Math.max(length, Math.min(this.bytes.length * 2, this.packetSize))
      const grown = size > MAX_IN_BLOCK_BYTES ? Buffer.allocUnsafeSlow(size) : Buffer.allocUnsafe(size)
      grown.set(this.bytes.subarray(0, this.length))
      this.bytes = grown
    }
    this.bytes.set(chunk.subarray(from, to), this.length)
    this.length = length
  }
}
