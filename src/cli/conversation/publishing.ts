/**
 * Publishes many messages one after the other, with bounded memory: `send` waits while too many messages are unfinished.
 * So a slow server also slows the program that writes to our standard input.
 */

import type { MqttClient } from '../../client/mqtt-client.js'
import type { QoS } from '../../codec/control-packet.js'

/** The bounds of unfinished messages; a single message may be larger than `bytesMax`. */
const messagesMax = 1_000
const bytesMax = 4_194_304

interface Traits {
  readonly qos: QoS
  readonly retain: boolean
}

export class Publishing {
  /** Messages given to the client. */
  sent = 0
  /** Messages whose `publish` has resolved or rejected. */
  done = 0
  readonly #client: MqttClient
  readonly #topic: string
  readonly #traits: Traits
  #bytes = 0
  #firstFailure: { readonly error: unknown } | undefined
  /** Wakes the call that waits for a finished message. */
  #wake: (() => void) | undefined

  constructor(client: MqttClient, topic: string, traits: Traits) {
    this.#client = client
    this.#topic = topic
    this.#traits = traits
  }

  /** Resolves when there is room for another message; rejects with the first failure. */
  async send(payload: Uint8Array): Promise<void> {
    this.sent += 1
    this.#bytes += payload.length
    this.#client.publish(this.#topic, payload, this.#traits).then(
      () => this.#finished(payload.length),
      (error: unknown) => {
        this.#firstFailure ??= { error }
        this.#finished(payload.length)
      },
    )
    await this.#waitUntil(() => this.sent - this.done < messagesMax && this.#bytes < bytesMax)
  }

  /** Resolves when all messages are finished; rejects with the first failure. */
  async finish(): Promise<void> {
    await this.#waitUntil(() => this.sent === this.done)
    // A message at QoS 0 has no answer. But a server that answers PINGREQ has read all messages before the PINGREQ.
    if (this.#traits.qos === 0) await this.#client.ping()
  }

  #finished(bytes: number): void {
    this.done += 1
    this.#bytes -= bytes
    this.#wake?.()
  }

  async #waitUntil(condition: () => boolean): Promise<void> {
    for (;;) {
      if (this.#firstFailure !== undefined) throw this.#firstFailure.error
      if (condition()) return
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}
