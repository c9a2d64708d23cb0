import { LinkedList } from '../lists/linked-list.js'
import type { Arrival } from './arrival.js'

/**
 * The messages that the present connection has to acknowledge, in the order of arrival. QoS 1 and QoS 2 have a queue each: the
 * standard orders PUBACKs among PUBACKs and PUBRECs among PUBRECs [MQTT-4.6.0-2] [MQTT-4.6.0-3]. So a slow handler at one QoS does
 * not delay acknowledgements at the other. `add`, `remove` and `takeReady` take constant time.
 */
export class OwedAcknowledgements {
  readonly #qos1 = new LinkedList<Arrival>()
  readonly #qos2 = new LinkedList<Arrival>()

  get isEmpty(): boolean {
    return this.#qos1.first === undefined && this.#qos2.first === undefined
  }

  /** A PUBLISH of this message came, so an acknowledgement is owed. It is one for the message and all its copies. */
  add(arrival: Arrival): void {
    if (arrival.owed === 'owed') return
    arrival.owed = 'owed'
    this.#listOf(arrival).append(arrival)
  }

  /** No acknowledgement is owed for the message any more. */
  remove(arrival: Arrival): void {
    if (arrival.owed === 'not owed') return
    arrival.owed = 'not owed'
    this.#listOf(arrival).remove(arrival)
  }

  /** Takes the first message of a queue if its handlers have ended. The queue is the one for the QoS of `like`. */
  takeReady(like: Arrival): Arrival | undefined {
    const list = this.#listOf(like)
    const { first } = list
    if (first?.isHandled !== true) return undefined
    first.owed = 'not owed'
    list.remove(first)
    return first
  }

  /** The connection has ended, so no acknowledgement is owed. */
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
