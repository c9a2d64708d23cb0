import { LinkedList } from '../lists/linked-list.js'
import type { Arrival } from './arrival.js'

/**
 * What the present connection has to acknowledge, in the order of arrival. QoS 1 and QoS 2 are two queues: the standard orders the
 * acknowledgements of each among themselves [MQTT-4.6.0-2] [MQTT-4.6.0-3], so a slow handler at one QoS holds up no acknowledgement
 * at the other. Whatever happens to one of them costs the same, however many are owed.
 */
export class OwedAcknowledgements {
  readonly #qos1 = new LinkedList<Arrival>()
  readonly #qos2 = new LinkedList<Arrival>()

  get isEmpty(): boolean {
    return this.#qos1.first === undefined && this.#qos2.first === undefined
  }

  /** A PUBLISH came that this message has to be acknowledged for. One acknowledgement serves its copies too. */
  add(arrival: Arrival): void {
    if (arrival.owed === 'owed') return
    arrival.owed = 'owed'
    this.#listOf(arrival).append(arrival)
  }

  /** Nothing is owed for it any more. */
  remove(arrival: Arrival): void {
    if (arrival.owed === 'not owed') return
    arrival.owed = 'not owed'
    this.#listOf(arrival).remove(arrival)
  }

  /** Takes out one whose turn it is and whose handlers have ended. `like` tells the queue: nothing has changed in the other. */
  takeReady(like: Arrival): Arrival | undefined {
    const { first } = this.#listOf(like)
    if (first?.isHandled !== true) return undefined
    this.remove(first)
    return first
  }

  /** The connection has ended: what it owed, it owes no more. */
  clear(): void {
    for (const arrival of this) this.remove(arrival)
  }

  *[Symbol.iterator](): IterableIterator<Arrival> {
    yield* this.#qos1
    yield* this.#qos2
  }

  #listOf({ qos }: Arrival): LinkedList<Arrival> {
    return qos === 2 ? this.#qos2 : this.#qos1
  }
}
