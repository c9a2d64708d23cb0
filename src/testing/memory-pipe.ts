import { Duplex } from 'node:stream'

/**
 * One of two ends of a pipe in memory: what is written at one end is read at the other, and a reader that stops makes the
 * writer wait, as on a socket. It works with `process.nextTick` alone, so it runs while all timers are faked.
 */
export class PipeEnd extends Duplex {
  #other: PipeEnd | undefined
  /** What the writer at the other end waits for, while nobody reads here. */
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
