/** How much memory lives after a garbage collection, over time, and whether it is flat. */
import { garbageCollector } from '../../garbage-collector.js'

/** More between the mean of the first third and that of the last one is growth. */
export const growthBytesMax = 1_000_000

export class HeapRecord {
  readonly bytes: number[] = []
  readonly #collect = garbageCollector()

  measure(): void {
    // The memory of Buffers is given back in the background; the second collection waits for that of the first.
    this.#collect()
    this.#collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    this.bytes.push(heapUsed + arrayBuffers)
  }

  /** Bytes from the mean of the first third to the mean of the last third. */
  get growthBytes(): number {
    const third = Math.max(1, Math.floor(this.bytes.length / 3))
    return mean(this.bytes.slice(-third)) - mean(this.bytes.slice(0, third))
  }

  toString(): string {
    const line = this.bytes.map((bytes) => (bytes / 1_000_000).toFixed(2)).join(' ')
    const growth = (this.growthBytes / 1_000_000).toFixed(2)
    return `heap in MB: ${line}\nfrom the first third to the last: ${growth} MB, allowed are ${growthBytesMax / 1_000_000}`
  }
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length)
