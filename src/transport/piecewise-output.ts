/**
 * Large output, given to a stream piece by piece.
 *
 * Node counts a write as unsent until the last of its bytes has been taken, and makes one write of all that gathers meanwhile. So a
 * message of 100 MB, written as it is, tells nothing for minutes of whether the peer takes any of it. Here the next
 * piece is written when the last one has been taken, and each time our user is told.
 *
 *   idle ──write, large──> writing ──all taken──> idle
 *                             └──end──> ending ──all taken──> (the stream ends)
 *
 * In `writing` and `ending` one piece is with the stream, and what comes next follows from its callback. All that is written
 * meanwhile queues up behind it, so that the order stays. In `idle` ordinary output goes straight to the stream.
 */
import type { Writable } from 'node:stream'

/** What a stream is given at once. Ordinary output stays below it. */
export const pieceBytes = 98_304

/** Who is told how far the output has come. */
export interface PiecewiseOutputOwner {
  /** A piece has been taken, and there is more. */
  pieceTaken(): void
  /** Everything has been taken, after `write` returned false. */
  onDrain(): void
  /** The stream threw at a piece that was given to it behind another. */
  threw(error: unknown): void
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

  /** True while a `drain` of the stream says nothing yet. */
  get isWriting(): boolean {
    return this.#state !== 'idle'
  }

  /** Bytes that the stream has not been given yet. */
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

  /** Ends the stream behind all that waits. */
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
    // Of a piece that was taken at once this is told late: another is on its way by now, or none is left.
    if (error || this.#state === 'idle' || this.#stream.writableLength > 0) return
    try {
      this.#goOn()
    } catch (thrown) {
      this.#owner.threw(thrown)
    }
  }

  #goOn(): void {
    if (this.#writePieces() === 'one on its way') this.#owner.pieceTaken()
    else if (this.#state === 'ending') this.#stream.end()
    else {
      this.#state = 'idle'
      // A `drain` that the stream owes follows by itself.
      if (!this.#stream.writableNeedDrain) this.#owner.onDrain()
    }
  }
}
