/**
 * Decides from when the time for an acknowledgement counts. Written output may wait until the network takes it: over a slow link
 * a large message needs minutes. A server cannot answer a packet that it has not got. So the time counts from the moment when the
 * network last took output; while the network takes nothing, the time runs.
 *
 * But later output must not give an earlier packet more time for ever. When the network has taken all output, it has certainly taken
 * the packet that has waited longest for its answer. From then on the time for this packet counts from that moment. The packet is
 * identified by the time when it was written: packets that were written at the same time were also taken by then.
 */
export class OutputProgress {
  /** When the network last took output that had to wait. */
  #lastTakenAt = -Infinity
  /** When the socket was last read again; before that no answer could be read. */
  #readingSince = -Infinity
  /** The packet that had waited longest when all output was taken: when it was written, and when all was taken. */
  #allTaken = neverTaken

  /**
   * The network has taken output. `oldestWrittenAt` is when the packet was written that has waited longest for its answer;
   * Infinity if no packet waits.
   */
  taken(now: number, extent: 'part' | 'all', oldestWrittenAt: number): void {
    this.#lastTakenAt = now
    // A packet that is written later at this same time would have the same `writtenAt`, but is not taken yet.
    if (extent === 'part' || oldestWrittenAt >= now || oldestWrittenAt === this.#allTaken.writtenAt) return
    this.#allTaken = { writtenAt: oldestWrittenAt, at: now }
  }

  /** The socket is read again, so the time for an answer begins anew. */
  readingResumed(now: number): void {
    this.#readingSince = now
  }

  /** From when the time for an answer counts, for the packet that has waited longest. */
  answerTimeFrom(oldestWrittenAt: number): number {
    const isTaken = oldestWrittenAt === this.#allTaken.writtenAt
    return Math.max(isTaken ? this.#allTaken.at : Math.max(oldestWrittenAt, this.#lastTakenAt), this.#readingSince)
  }
}

/** Shared by all connections for which this has not happened. */
const neverTaken = { writtenAt: Number.NaN, at: Number.NaN }
