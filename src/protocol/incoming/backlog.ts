import { Fifo } from '../lists/fifo.js'
import type { Arrival } from './arrival.js'

/**
 * Messages that have arrived and whose handlers have not started: those that wait for their turn, and those that are kept aside
 * because no route takes them yet. Both count, with what they weigh.
 */
export class Backlog {
  readonly #waiting = new Fifo<Arrival>()
  readonly #aside = new Fifo<Arrival>()
  #bytes = 0

  /** How many there are, aside or not. */
  get size(): number {
    return this.#waiting.size + this.#aside.size
  }

  /** True if a new message would wait behind another one. */
  get hasWaiting(): boolean {
    return this.#waiting.size > 0
  }

  get bytes(): number {
    return this.#bytes
  }

  push(arrival: Arrival): void {
    this.#waiting.push(arrival)
    this.#bytes += arrival.bytes
  }

  /** Takes out the message whose turn it is. */
  shift(): Arrival | undefined {
    const arrival = this.#waiting.shift()
    if (arrival !== undefined) this.#bytes -= arrival.bytes
    return arrival
  }

  /** Puts back what `shift` gave. */
  unshift(arrival: Arrival): void {
    this.#waiting.unshift(arrival)
    this.#bytes += arrival.bytes
  }

  /** Keeps what `shift` gave until there are other routes. */
  keepAside(arrival: Arrival): void {
    this.#aside.push(arrival)
    this.#bytes += arrival.bytes
  }

  /** What was kept aside waits again, before all others and in its order. */
  takeBackAside(): void {
    if (this.#aside.size === 0) return
    this.#waiting.prepend([...this.#aside])
    this.#aside.clear()
  }

  keepOnly(wanted: (arrival: Arrival) => boolean): void {
    this.#bytes = 0
    for (const list of [this.#waiting, this.#aside]) {
      list.keepOnly(wanted)
      for (const { bytes } of list) this.#bytes += bytes
    }
  }

  /** Those aside first. */
  *[Symbol.iterator](): IterableIterator<Arrival> {
    yield* this.#aside
    yield* this.#waiting
  }
}
