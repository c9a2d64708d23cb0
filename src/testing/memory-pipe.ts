import { Duplex } from 'node:stream'

/**
 * One end of a pipe in memory. Bytes that are written at one end are read at the other end. If the reader stops reading, the
 * writer has to wait, as on a socket. The pipe uses only `process.nextTick`, so it works while a test fakes all timers.
 */
export class PipeEnd extends Duplex {
  #other: PipeEnd | undefined
  /** The callback of a write at the other end, which waits until this end is read. */
  #readAgain: (() => void) | undefined

  static pair(highWaterMark?: number): [PipeEnd, PipeEnd] {
    const options = highWaterMark === undefined ? {} : { highWaterMark }
    const [left, right] = [new PipeEnd(options), new PipeEnd(options)]
    left.#other = right
    right.#other = left
    return [left, right]
  }

  override _read(): void {
    const goOn = this.#readAgain
    this.#readAgain = undefined
    goOn?.()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    const other = this.#other
    if (other === undefined || other.destroyed || other.push(chunk)) process.nextTick(done)
    else other.#readAgain = done
  }

  override _final(done: () => void): void {
    this.#other?.push(null)
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    const other = this.#other
    process.nextTick(() => other?.destroy())
    done(error)
  }
}
