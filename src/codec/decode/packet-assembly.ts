/**
 * The beginning of a packet that lay at the end of a chunk: a copy, to which the next chunks add until it is whole.
 *
 * Its memory doubles as it fills, up to the size of the packet. A peer that announces 256 MiB gets no memory before it
 * sends them, and tiny chunks cost no more than a few copies of each byte.
 */
import { MAX_IN_BLOCK_BYTES } from './payload-copies.js'

/** Enough for any fixed header, and for most packets that are cut by the end of a chunk. */
const MIN_BYTES = 64

export class PacketAssembly {
  /** The first `length` bytes are those of the packet; what is behind them was never filled. */
  bytes: Buffer = Buffer.allocUnsafe(MIN_BYTES)
  length = 0
  /** The size of the whole packet, or 0 while its fixed header is incomplete. */
  packetSize = 0

  /**
   * Whether a large packet has its memory for itself, so that its payload need not be copied out of it. That of a small
   * one may lie in the pool of Node, where who keeps it would keep, and could read, what others have there.
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
