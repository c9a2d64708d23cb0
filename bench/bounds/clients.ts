/** mqtt311 and MQTT.js against the server of this folder. */
import type { MqttClient as Rival } from 'mqtt'
import type { ClientOptions, MqttClient } from 'mqtt311'
import type { Habit } from './server.js'

/** What both clients can do. */
export interface Client {
  publish(topic: string, qos: 0 | 1): Promise<unknown>
  subscribe(filters: string | string[]): Promise<unknown>
  unsubscribe(filters: string[]): Promise<unknown>
  /** Makes the server send something. Resolves when the client has read all of it, or has lost its connection. */
  command(text: string): Promise<unknown>
  destroy(): void
}

export interface OurClient extends Client {
  readonly client: MqttClient
}

export type OurOptions = Omit<ClientOptions, 'url' | 'host' | 'port' | 'onMessage'>

/** Opens a client; the Client Identifier tells the server which answers it gets. */
export type Open<C extends Client> = (habit: Habit, onMessage?: () => unknown, options?: OurOptions) => Promise<C>

const nothing = () => {}

/** Not connected yet. */
export async function ourClient(
  port: number,
  habit: Habit,
  onMessage: () => unknown = nothing,
  options: OurOptions = {},
): Promise<MqttClient> {
  const { MqttClient }: typeof import('mqtt311') = await import(new URL('../../dist/index.js', import.meta.url).href)
  const client = new MqttClient({ host: '::1', port, clientId: habit, keepAlive: 0, onMessage, ...options })
  client.on('close', nothing)
  return client
}

export function ours(port: number): Open<OurClient> {
  return async (habit, onMessage, options) => {
    const client = await ourClient(port, habit, onMessage, options)
    await client.connect()
    return {
      client,
      publish: (topic, qos) => client.publish(topic, '', { qos }),
      subscribe: (filters) => client.subscribe(filters, nothing),
      unsubscribe: (filters) => client.unsubscribe(filters),
      command: async (text) => {
        await client.publish(`do/${text}`, '')
        // The server answers when it has sent all the rest, and the answer does not wait for handlers.
        await client.ping({ timeoutMs: 600_000 }).catch(nothing)
      },
      destroy: () => client.destroy(),
    }
  }
}

export function theirs(port: number): Open<Client> {
  return async (clientId, onMessage = nothing) => {
    const { default: mqtt } = await import('mqtt')
    const client = mqtt.connect({
      ...{ host: '::1', port, protocol: 'mqtt', protocolVersion: 4, clientId },
      ...{ keepalive: 0, reconnectPeriod: 0 },
    })
    client.on('error', nothing)
    await new Promise<void>((resolve) => client.once('connect', () => resolve()))
    client.on('message', (topic) => {
      if (topic !== done) onMessage()
    })
    return {
      publish: (topic, qos) => client.publishAsync(topic, '', { qos }),
      subscribe: (filters) => client.subscribeAsync(filters),
      unsubscribe: (filters) => client.unsubscribeAsync(filters),
      command: (text) => {
        const read = allRead(client)
        client.publish(`do/${text}`, '')
        return read
      },
      destroy: () => client.end(true),
    }
  }
}

const done = 'in/done'

function allRead(client: Rival): Promise<void> {
  return new Promise((resolve) => {
    client.once('close', resolve)
    client.on('message', (topic) => {
      if (topic === done) resolve()
    })
  })
}
