import type { Arrival } from '../arrival.js'
import { Fifo } from '../lists/fifo.js'

/** Messages that have arrived and wait for their handlers, first in, first out, with what they weigh. */
export class Backlog {
  readonly #arrivals = new Fifo<Arrival>()
  #bytes = 0

  get size(): number {
    return this.#arrivals.size
  }

  get bytes(): number {
    return this.#bytes
  }

  push(arrival: Arrival): void {
    this.#arrivals.push(arrival)
    this.#bytes += arrival.bytes
  }

  shift(): Arrival | undefined {
    const arrival = this.#arrivals.shift()
    if (arrival !== undefined) this.#bytes -= arrival.bytes
    return arrival
  }

  /** Puts back what `shift` gave. */
  unshift(arrival: Arrival): void {
    this.#arrivals.unshift(arrival)
    this.#bytes += arrival.bytes
  }

  keepOnly(wanted: (arrival: Arrival) => boolean): void {
    this.#arrivals.keepOnly(wanted)
    this.#bytes = 0
    for (const { bytes } of this.#arrivals) this.#bytes += bytes
  }

  [Symbol.iterator](): IterableIterator<Arrival> {
    return this.#arrivals[Symbol.iterator]()
  }
}
