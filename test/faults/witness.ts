/**
 * Watches what a broker sends to a client, and counts the messages at QoS 2 that it starts again after PUBREL. A receiver
 * has no means to tell these from new messages: PUBREL has ended the exchange [MQTT-4.3.3-2].
 *
 * mosquitto 2.0.11 does so when a connection ends between its CONNACK and the PUBREL that it wants to repeat there: on the next
 * connection it has forgotten that PUBREC had come, and publishes the message once more.
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import type { ControlPacket } from 'mqtt311/codec'

interface Exchange {
  readonly text: string
  readonly stage: 'published' | 'released'
}

export class Witness implements Disposable {
  readonly #client: object
  readonly #exchanges = new Map<number, Exchange>()
  #repeated = 0

  constructor(client: object) {
    this.#client = client
    subscribe('mqtt311:packet:in', this.#see)
  }

  /** Messages that the broker has published again after their PUBREL. */
  get repeated(): number {
    return this.#repeated
  }

  readonly #see = (event: unknown): void => {
    if (!isOf(this.#client, event)) return
    const { packet } = event
    if (packet.type === 'publish' && packet.qos === 2) {
      const text = Buffer.from(packet.payload).toString()
      const known = this.#exchanges.get(packet.packetId)
      if (packet.dup && known?.stage === 'released' && known.text === text) this.#repeated += 1
      this.#exchanges.set(packet.packetId, { text, stage: 'published' })
    } else if (packet.type === 'pubrel') {
      const known = this.#exchanges.get(packet.packetId)
      if (known !== undefined) this.#exchanges.set(packet.packetId, { text: known.text, stage: 'released' })
    }
  };

  [Symbol.dispose](): void {
    unsubscribe('mqtt311:packet:in', this.#see)
  }
}

function isOf(client: object, event: unknown): event is { readonly packet: ControlPacket } {
  return typeof event === 'object' && event !== null && 'client' in event && event.client === client
}
