import { Fifo } from '../lists/fifo.js'
import type { Arrival } from './arrival.js'

/**
 * The messages whose handlers have not started. Some wait for their turn; others are kept aside, because no route takes them yet.
 * `size` and `bytes` count both.
 */
export class Backlog {
  readonly #waiting = new Fifo<Arrival>()
  readonly #aside = new Fifo<Arrival>()
  #bytes = 0

  /** The number of messages, those aside included. */
  get size(): number {
    return this.#waiting.size + this.#aside.size
  }

  /** True if a new message has to wait behind another one. */
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

  /** Takes the message whose turn it is. */
  shift(): Arrival | undefined {
    const arrival = this.#waiting.shift()
    if (arrival !== undefined) this.#bytes -= arrival.bytes
    return arrival
  }

  /** Puts back a message that `shift` returned. */
  unshift(arrival: Arrival): void {
    this.#waiting.unshift(arrival)
    this.#bytes += arrival.bytes
  }

  /** Keeps a message aside until the routes change. */
  keepAside(arrival: Arrival): void {
    this.#aside.push(arrival)
    this.#bytes += arrival.bytes
  }

  /** Lets the messages that were kept aside wait again, before all others and in their order. */
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

  /** The messages aside come first. */
  *[Symbol.iterator](): IterableIterator<Arrival> {
    yield* this.#aside
    yield* this.#waiting
  }
}
