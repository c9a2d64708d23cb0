/**
 * The Packet Identifiers of messages at QoS 2 that the client held when a CONNACK said that the server has no session.
 *
 * Some servers say so and go on with the session all the same: they send the PUBLISH again, with DUP 1 and under the same identifier.
 * A conforming server begins a new session there, so on this connection its messages have DUP 0. So DUP 1 with the same content means
 * a copy, but only on a connection whose own CONNACK had Session Present 0. After Session Present 1 the same packet may be a message
 * of the new session that was cut on its first way; to take that for a copy would lose it.
 */
import type { PacketIdentifier } from '../../codec/control-packet.js'
import { PagedMap } from '../lists/paged-map.js'
import type { Arrival, IncomingPublish } from './arrival.js'

/** The arrivals by their former identifier. */
export class FormerIdentifiers {
  readonly #arrivals = new PagedMap<Arrival>()

  /**
   * A CONNACK said that the server has no session. Takes over the identifiers in use, and returns the arrivals of which no copy can be
   * known. 'lost': earlier ones are forgotten, and the journal forgets what was held. 'goes on': earlier ones stay, and stay held.
   */
  take(identifiers: Iterable<readonly [PacketIdentifier, Arrival]>, session: 'lost' | 'goes on'): readonly Arrival[] {
    const unknown: Arrival[] = []
    if (session === 'lost') this.#arrivals.clear()
    for (const [packetId, arrival] of identifiers) {
      if (session === 'lost' && arrival.progress === 'received') arrival.progress = 'over'
      if (arrival.content === undefined) unknown.push(arrival)
      else this.#arrivals.set(packetId, arrival)
    }
    return unknown
  }

  /** Whether this PUBLISH is a copy of the former arrival: see above. */
  isCopy(arrival: Arrival, packet: IncomingPublish): boolean {
    return packet.qos === 2 && packet.dup && arrival.mayHold(packet)
  }

  /** Whether the arrival is kept here. */
  has(arrival: Arrival): boolean {
    return arrival.packetId !== undefined && this.#arrivals.get(arrival.packetId) === arrival
  }

  /** The server uses the identifier, or has released it: removes the arrival, and returns it. */
  end(packetId: PacketIdentifier): Arrival | undefined {
    const arrival = this.#arrivals.get(packetId)
    this.#arrivals.delete(packetId)
    return arrival
  }

  /** The message is to come again, so it must not be taken for a copy. */
  forget(arrival: Arrival): void {
    if (arrival.packetId !== undefined && this.has(arrival)) this.#arrivals.delete(arrival.packetId)
  }

  /** Removes all arrivals, and returns them. */
  clear(): readonly Arrival[] {
    const arrivals = [...this.#arrivals].map(([, arrival]) => arrival)
    this.#arrivals.clear()
    return arrivals
  }

  /** The state as plain data. */
  inspect() {
    return [...this.#arrivals].map(([packetId, { progress, content }]) => ({ packetId, state: progress, content }))
  }
}
