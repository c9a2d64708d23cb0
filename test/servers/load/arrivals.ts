/**
 * Watches what a server sends to a client: how many messages came over the wire, and how many at QoS 2 the server has published again
 * as new ones. A receiver has no means to tell such a message from a new one: after PUBREL, or after another message with its Packet
 * Identifier, the exchange is over [MQTT-4.3.3-2]; and after PUBREC on the same connection, a copy has to say DUP 1 [MQTT-3.3.1-1].
 * Every payload of a load is another, so a payload tells the message.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ControlPacket } from 'mqtt311/codec'

export class Arrivals implements Disposable {
  readonly #client: object
  readonly #open = new Map<number, string>()
  /** The Packet Identifiers of the messages whose PUBREC the present connection has carried. */
  readonly #answered = new Set<number>()
  readonly #ended = new Set<string>()
  readonly #seen = new Set<string>()
  #repeated = 0

  constructor(client: object) {
    this.#client = client
    subscribe('mqtt311:packet:in', this.#see)
    subscribe('mqtt311:packet:out', this.#seeAnswer)
  }

  /** Messages that the server has published again as new ones. */
  get repeated(): number {
    return this.#repeated
  }

  /** Different messages that came. */
  get messages(): number {
    return this.#seen.size
  }

  readonly #see = (event: unknown): void => {
    if (!isOf(this.#client, event)) return
    const { packet } = event
    if (packet.type === 'publish') {
      const text = Buffer.from(packet.payload).toString()
      this.#seen.add(text)
      if (packet.qos !== 2) return
      const open = this.#open.get(packet.packetId)
      const isCopy = open === text && (packet.dup || !this.#answered.has(packet.packetId))
      if (!isCopy && this.#known(text)) this.#repeated += 1
      if (open !== undefined && open !== text) this.#ended.add(open)
      this.#open.set(packet.packetId, text)
      if (!isCopy) this.#answered.delete(packet.packetId)
    } else if (packet.type === 'pubrel') {
      const text = this.#open.get(packet.packetId)
      if (text === undefined) return
      this.#open.delete(packet.packetId)
      this.#ended.add(text)
    }
  }

  readonly #seeAnswer = (event: unknown): void => {
    if (!isOf(this.#client, event)) return
    const { packet } = event
    if (packet.type === 'connect') this.#answered.clear()
    if (packet.type === 'pubrec') this.#answered.add(packet.packetId)
  }

  #known(text: string): boolean {
    if (this.#ended.has(text)) return true
    for (const open of this.#open.values()) if (open === text) return true
    return false
  }

  [Symbol.dispose](): void {
    unsubscribe('mqtt311:packet:in', this.#see)
    unsubscribe('mqtt311:packet:out', this.#seeAnswer)
  }
}

/** Watches what a client sends, and counts the messages whose acknowledgement came on the connection that carried them. */
export class Acknowledged implements Disposable {
  readonly #client: object
  readonly #open = new Map<number, string>()
  readonly #acknowledged = new Set<string>()

  constructor(client: object) {
    this.#client = client
    subscribe('mqtt311:packet:out', this.#seeOut)
    subscribe('mqtt311:packet:in', this.#seeIn)
  }

  get messages(): number {
    return this.#acknowledged.size
  }

  readonly #seeOut = (event: unknown): void => {
    if (!isOf(this.#client, event)) return
    const { packet } = event
    if (packet.type === 'connect') this.#open.clear()
    if (packet.type !== 'publish') return
    const text = Buffer.from(packet.payload).toString()
    if (packet.qos === 0) this.#acknowledged.add(text)
    else this.#open.set(packet.packetId, text)
  }

  readonly #seeIn = (event: unknown): void => {
    if (!isOf(this.#client, event)) return
    const { packet } = event
    if (packet.type !== 'puback' && packet.type !== 'pubrec') return
    const text = this.#open.get(packet.packetId)
    if (text !== undefined) this.#acknowledged.add(text)
  };

  [Symbol.dispose](): void {
    unsubscribe('mqtt311:packet:out', this.#seeOut)
    unsubscribe('mqtt311:packet:in', this.#seeIn)
  }
}

function isOf(client: object, event: unknown): event is { readonly packet: ControlPacket } {
  return typeof event === 'object' && event !== null && 'client' in event && event.client === client
}
