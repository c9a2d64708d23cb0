import {
  type ClientOptions,
  connect,
  type Message,
  type MqttClient,
  type OfflineEvent,
  type OnlineEvent,
} from 'mqtt311'
import { onTestFinished } from 'vitest'
import { ca } from '../../fixtures/tls/index.js'
import type { Broker } from './broker.js'
import type { Via } from './mosquitto-programs.js'

/** Back within a moment, as the broker is. */
export const eager = { minDelayMs: 10, maxDelayMs: 50 } as const

function address(broker: Broker, via: Via): ClientOptions {
  return via === 'TCP' ? { url: broker.url } : { url: broker.tlsUrl, tls: { ca } }
}

/** A connected client, destroyed when the test is over. */
export async function connected(broker: Broker, options: ClientOptions = {}, via: Via = 'TCP'): Promise<MqttClient> {
  const client = await connect({ ...address(broker, via), reconnect: eager, ...options })
  onTestFinished(() => client.destroy())
  return client
}

/** What a handler has been given, in order, to be awaited. */
export class Inbox {
  readonly #messages: Message[] = []
  #waiting: (() => void) | undefined

  readonly handle = (message: Message): void => {
    this.#messages.push(message)
    this.#waiting?.()
    this.#waiting = undefined
  }

  get size(): number {
    return this.#messages.length
  }

  /** The next message, and none before it. */
  async next(): Promise<Message> {
    for (;;) {
      const message = this.#messages.shift()
      if (message !== undefined) return message
      await new Promise<void>((resolve) => {
        this.#waiting = resolve
      })
    }
  }

  async take(count: number): Promise<Message[]> {
    const messages: Message[] = []
    while (messages.length < count) messages.push(await this.next())
    return messages
  }
}

export function onceOffline(client: MqttClient): Promise<OfflineEvent> {
  return new Promise((resolve) => client.once('offline', resolve))
}

export function onceOnline(client: MqttClient): Promise<OnlineEvent> {
  return new Promise((resolve) => client.once('online', resolve))
}
