import type { PublishPacket } from '../../codec/control-packet.js'
import { Fifo } from '../lists/fifo.js'

/** One incoming message, from its PUBLISH to the end of its handlers. */
export class Arrival<Packet extends PublishPacket<Buffer> = PublishPacket<Buffer>> {
  /** The PUBLISH that brought it; of copies that joined it, the first. */
  readonly packet: Packet
  /** How far its handlers have come. */
  progress: 'waiting' | 'running' | 'done' = 'waiting'

  constructor(packet: Packet) {
    this.packet = packet
  }

  /**
   * What the message counts for in `receiveBufferBytes`: its payload, its Topic Name, and about what the object itself
   * costs.
   */
  get bytes(): number {
    return this.packet.payload.byteLength + this.packet.topic.length + 128
  }
}

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
