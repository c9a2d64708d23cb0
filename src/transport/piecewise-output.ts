/**
 * Writes large output to a stream piece by piece.
 *
 * Node counts a write as unsent until all its bytes are taken, and joins the writes that wait. So during one write of a
 * message of 100 MB nobody can see for minutes whether the peer takes any bytes. Here the next piece is written when the
 * last one is taken, and the owner is called each time.
 *
 *   idle ──write, large──> writing ──all taken──> idle
 *                             └──end──> ending ──all taken──> (the stream ends)
 *
 * In `writing` and `ending` the stream has one piece, and its callback writes the next one. All later output waits in a queue,
 * so the order stays the same. In `idle` output of usual size goes directly to the stream.
 */
import type { Writable } from 'node:stream'

/** The size of a piece. Usual output is smaller. */
export const pieceBytes = 98_304

/** Gets the events of the output. */
export interface PiecewiseOutputOwner {
  /** A piece was taken, and more pieces follow. */
  pieceTaken(): void
  /** All output was taken, after `write` returned false. */
  onDrain(): void
  /** The stream threw when a later piece was written. */
  onPieceError(error: unknown): void
}

export class PiecewiseOutput {
  readonly #stream: Writable
  readonly #owner: PiecewiseOutputOwner
  readonly #chunks: Uint8Array[] = []
  #waitingBytes = 0
  #state: 'idle' | 'writing' | 'ending' = 'idle'

  constructor(stream: Writable, owner: PiecewiseOutputOwner) {
    this.#stream = stream
    this.#owner = owner
  }

  /** True while pieces wait: a `drain` of the stream then does not mean that all output was taken. */
  get isWriting(): boolean {
    return this.#state !== 'idle'
  }

  /** Bytes that wait here and are not written to the stream yet. */
  get waitingBytes(): number {
    return this.#waitingBytes
  }

  /** As `Transport.write`. */
  write(chunk: Uint8Array): boolean {
    if (this.#state === 'ending') return false
    if (this.#state === 'idle' && chunk.byteLength <= pieceBytes) return this.#stream.write(chunk)
    this.#chunks.push(chunk)
    this.#waitingBytes += chunk.byteLength
    if (this.#state === 'writing') return false
    this.#state = this.#writePieces() === 'all taken' ? 'idle' : 'writing'
    return this.#state === 'idle' && !this.#stream.writableNeedDrain
  }

  /** Ends the stream after all waiting output. */
  end(): void {
    if (this.#state === 'idle') this.#stream.end()
    else this.#state = 'ending'
  }

  #writePieces(): 'all taken' | 'one on its way' {
    for (let piece = this.#nextPiece(); piece !== undefined; piece = this.#nextPiece()) {
      this.#stream.write(piece, this.#onTaken)
      if (this.#stream.writableLength > 0) return 'one on its way'
    }
    return 'all taken'
  }

  #nextPiece(): Uint8Array | undefined {
    const [chunk] = this.#chunks
    if (chunk === undefined) return undefined
    const piece = chunk.subarray(0, pieceBytes)
    if (piece.byteLength === chunk.byteLength) this.#chunks.shift()
    else this.#chunks[0] = chunk.subarray(pieceBytes)
    this.#waitingBytes -= piece.byteLength
    return piece
  }

  readonly #onTaken = (error: Error | null | undefined): void => {
    // The callback of a piece that was taken at once comes late: another piece is being written now, or none remains.
    if (error || this.#state === 'idle' || this.#stream.writableLength > 0) return
    try {
      this.#continue()
    } catch (thrown) {
      this.#owner.onPieceError(thrown)
    }
  }

  #continue(): void {
    if (this.#writePieces() === 'one on its way') this.#owner.pieceTaken()
    else if (this.#state === 'ending') this.#stream.end()
    else {
      this.#state = 'idle'
      // If the stream needs a drain, its own `drain` event follows.
      if (!this.#stream.writableNeedDrain) this.#owner.onDrain()
    }
  }
}
