/**
 * Many messages, one after the other, and no more of them at a time than fit into memory: `send` waits while too much is
 * on its way, and so the pace of the server reaches whoever writes to our standard input.
 */

import type { MqttClient } from '../../client/mqtt-client.js'
import type { PublishOptions } from '../../client/options/client-options.js'

/** Messages and bytes on their way; a single message may be larger. */
const messagesMax = 1_000
const bytesMax = 4_194_304

export class Publishing {
  /** Messages that were given to the client, and those that have done what their QoS promises. */
  sent = 0
  done = 0
  readonly #client: MqttClient
  readonly #topic: string
  readonly #options: PublishOptions
  #bytes = 0
  #failure: { readonly error: unknown } | undefined
  /** Calls when something has settled. */
  #awaited: (() => void) | undefined

  constructor(client: MqttClient, topic: string, options: PublishOptions) {
    this.#client = client
    this.#topic = topic
    this.#options = options
  }

  /** Resolves when there is room for another message; rejects with the first failure. */
  async send(payload: Uint8Array): Promise<void> {
    this.sent += 1
    this.#bytes += payload.length
    this.#client.publish(this.#topic, payload, this.#options).then(
      () => this.#settled(payload.length),
      (error: unknown) => {
        this.#failure ??= { error }
        this.#settled(payload.length)
      },
    )
    await this.#until(() => this.sent - this.done < messagesMax && this.#bytes < bytesMax)
  }

  /** Resolves when all have settled; rejects with the first failure. */
  async finish(): Promise<void> {
    await this.#until(() => this.sent === this.done)
    // At QoS 0 nobody answers; but a server that answers PINGREQ has read all that stood before it.
    if ((this.#options.qos ?? 0) === 0) await this.#client.ping()
  }

  #settled(bytes: number): void {
    this.done += 1
    this.#bytes -= bytes
    this.#awaited?.()
  }

  async #until(condition: () => boolean): Promise<void> {
    for (;;) {
      if (this.#failure !== undefined) throw this.#failure.error
      if (condition()) return
      await new Promise<void>((resolve) => {
        this.#awaited = resolve
      })
    }
  }
}
