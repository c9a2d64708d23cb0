/**
 * Output that was handed over leaves when the network takes it: over a slow link a large message needs minutes. A
 * server cannot answer what has not reached it, so the time for its acknowledgement does not run while output is
 * leaving: it counts from when output last left. If nothing leaves, nothing is put off.
 *
 * Other output may leave for ever, and one acknowledgement never come. So the first time that all output has left, the
 * packet that has waited longest has certainly left too, and from then on what leaves behind it gives it no more time.
 * It is known by when it was written, since those that were written together have left together.
 */
export class OutputProgress {
  #lastAt = Number.NEGATIVE_INFINITY
  /** Before this nobody could hear an answer. */
  #deafUntil = Number.NEGATIVE_INFINITY
  /** The packet that waited longest when all output had left, by the time of its writing, and when that was. */
  #gone = nothingGone

  /**
   * Output has left. `oldestWrittenAt` tells the packet that has waited longest for its answer; Infinity if none waits.
   */
  left(now: number, extent: 'part' | 'all', oldestWrittenAt: number): void {
    this.#lastAt = now
    // What is written later in this same moment would pass for what has left.
    if (extent === 'part' || oldestWrittenAt >= now || oldestWrittenAt === this.#gone.writtenAt) return
    this.#gone = { writtenAt: oldestWrittenAt, at: now }
  }

  /** The socket is read again: the time for an answer starts anew. */
  readingResumed(now: number): void {
    this.#deafUntil = now
  }

  /** From when the time for the answer counts, to the packet that has waited longest for it. */
  waitsSince(oldestWrittenAt: number): number {
    const hasGone = oldestWrittenAt === this.#gone.writtenAt
    return Math.max(hasGone ? this.#gone.at : Math.max(oldestWrittenAt, this.#lastAt), this.#deafUntil)
  }
}

/** The same for all connections, as long as no output has left while an answer was waited for. */
const nothingGone = { writtenAt: Number.NaN, at: Number.NaN }
