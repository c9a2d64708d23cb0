import { Duplex } from 'node:stream'
import type { SeededRandom } from '../seeded-random.js'
import type { World } from './world.js'

/** The other end of a link, where the server sits. */
export interface LinkEnd {
  received(bytes: Buffer): void
  gone(): void
}

/**
 * A network connection from the client to the server. It splits and coalesces what is written, takes its time, and keeps the
 * order; it may be cut, with what is under way, or go half-open: then nothing arrives any more, and nobody is told.
 */
export class SimulatedLink extends Duplex {
  readonly #world: World
  readonly #random: SeededRandom
  readonly #trouble: () => boolean
  #server: LinkEnd | undefined
  #state: 'whole' | 'half-open' | 'cut' = 'whole'
  /** When the last piece in each direction arrives: none may overtake it. */
  #upAt = 0
  #downAt = 0

  constructor(world: World, random: SeededRandom, trouble: () => boolean) {
    super()
    this.#world = world
    this.#random = random
    this.#trouble = trouble
  }

  attach(server: LinkEnd): void {
    this.#server = server
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#upAt = this.#carry(Buffer.from(chunk), this.#upAt, (piece) => this.#server?.received(piece))
    done()
  }

  override _final(done: () => void): void {
    this.#upAt = this.#at(this.#upAt, () => this.cut())
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#end()
    done(error)
  }

  /** The server sends. */
  send(bytes: Buffer): void {
    this.#downAt = this.#carry(bytes, this.#downAt, (piece) => this.push(piece))
  }

  /** The connection breaks, for both sides. */
  cut(): void {
    this.destroy()
  }

  #end(): void {
    if (this.#state === 'cut') return
    this.#state = 'cut'
    this.#server?.gone()
  }

  /** Sends bytes in pieces, each to arrive later than the one before; returns when the last one does. */
  #carry(bytes: Buffer, notBefore: number, arrive: (piece: Buffer) => void): number {
    let at = notBefore
    for (let from = 0; from < bytes.length; ) {
      const size = 1 + this.#random.below(this.#world.pieceBytes)
      const piece = bytes.subarray(from, from + size)
      from += size
      if (this.#trouble()) this.#mishap()
      at = this.#at(at, () => arrive(piece))
    }
    return at
  }

  #mishap(): void {
    if (this.#random.chance(this.#world.cut)) {
      this.#downAt = this.#at(this.#downAt, () => this.cut())
    } else if (this.#state === 'whole' && this.#random.chance(this.#world.halfOpen)) this.#state = 'half-open'
  }

  #at(notBefore: number, happen: () => void): number {
    const now = performance.now()
    const at = Math.max(notBefore, now + this.#random.below(this.#world.delayMs))
    setTimeout(() => {
      if (this.#state === 'whole') happen()
    }, at - now)
    return at
  }
}
