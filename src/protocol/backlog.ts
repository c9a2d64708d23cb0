import type { Arrival } from './arrival.js'

/** So many places may be free at the front before the list is moved up. */
const slack = 1024

/** Messages that have arrived and wait for their handlers, first in, first out, with what they weigh. */
export class Backlog {
  #arrivals: Arrival[] = []
  #from = 0
  #bytes = 0

  get size(): number {
    return this.#arrivals.length - this.#from
  }

  get bytes(): number {
    return this.#bytes
  }

  push(arrival: Arrival): void {
    this.#arrivals.push(arrival)
    this.#bytes += arrival.bytes
  }

  shift(): Arrival | undefined {
    const arrival = this.#arrivals[this.#from]
    if (arrival === undefined) return undefined
    this.#from += 1
    this.#bytes -= arrival.bytes
    if (this.#from === this.#arrivals.length || this.#from >= slack) {
      this.#arrivals = this.#arrivals.slice(this.#from)
      this.#from = 0
    }
    return arrival
  }

  /** Puts back what `shift` gave. */
  unshift(arrival: Arrival): void {
    this.#bytes += arrival.bytes
    if (this.#from === 0) this.#arrivals.unshift(arrival)
    else {
      this.#from -= 1
      this.#arrivals[this.#from] = arrival
    }
  }

  keepOnly(wanted: (arrival: Arrival) => boolean): void {
    this.#arrivals = [...this].filter(wanted)
    this.#from = 0
    this.#bytes = this.#arrivals.reduce((sum, { bytes }) => sum + bytes, 0)
  }

  *[Symbol.iterator](): IterableIterator<Arrival> {
    yield* this.#arrivals.slice(this.#from)
  }
}
