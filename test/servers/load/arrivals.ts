/**
 * Watches what a server sends to a client, and counts the messages at QoS 2 that it starts again after PUBREL, under whatever Packet
 * Identifier. A receiver has no means to tell these from new messages: PUBREL has ended the exchange [MQTT-4.3.3-2].
 * Every payload of a load is another, so a payload tells the message.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ControlPacket } from 'mqtt311/codec'

export class Repeats implements Disposable {
  readonly #client: object
  readonly #open = new Map<number, string>()
  readonly #ended = new Set<string>()
  #count = 0

  constructor(client: object) {
    this.#client = client
    subscribe('mqtt311:packet:in', this.#see)
  }

  get count(): number {
    return this.#count
  }

  readonly #see = (event: unknown): void => {
    if (!isOf(this.#client, event)) return
    const { packet } = event
    if (packet.type === 'publish' && packet.qos === 2) {
      const text = Buffer.from(packet.payload).toString()
      // Sent again before its PUBREL, it is the same message still.
      if (this.#open.get(packet.packetId) !== text && this.#known(text)) this.#count += 1
      this.#open.set(packet.packetId, text)
    } else if (packet.type === 'pubrel') {
      const text = this.#open.get(packet.packetId)
      if (text === undefined) return
      this.#open.delete(packet.packetId)
      this.#ended.add(text)
    }
  }

  #known(text: string): boolean {
    if (this.#ended.has(text)) return true
    for (const open of this.#open.values()) if (open === text) return true
    return false
  }

  [Symbol.dispose](): void {
    unsubscribe('mqtt311:packet:in', this.#see)
  }
}

function isOf(client: object, event: unknown): event is { readonly packet: ControlPacket } {
  return typeof event === 'object' && event !== null && 'client' in event && event.client === client
}
