/** mqtt311 and MQTT.js behind one interface, so that a load asks the same of both: a persistent session, and back at once. */
import mqtt from 'mqtt'
import { type ClientOptions, connect, type ServerProfile } from 'mqtt311'
import type { QoS } from 'mqtt311/codec'
import { Acknowledged, Arrivals } from './arrivals.js'

export interface Destination {
  readonly host: string
  readonly port: number
  readonly username?: string
  readonly password?: string
  /** Seconds: one where silence means a connection that the proxy has silenced, many where a busy process may be silent. */
  readonly keepAlive: number
  /** What mqtt311 is told of the server. MQTT.js has nothing of the kind. */
  readonly profile: ServerProfile
}

export interface LoadClient {
  publish(topic: string, payload: string, qos: QoS): Promise<unknown>
  subscribe(topic: string, qos: QoS): Promise<unknown>
  /** What has come over the wire, where the client lets it be seen. */
  arrivals(): { readonly messages: number; readonly repeated: number } | undefined
  /** How many messages of this client the server has acknowledged, where the client lets it be seen. */
  acknowledged(): number | undefined
  /** Whatever has not been finished is given up. */
  close(): Promise<unknown>
}

export type LoadClientMaker = (
  destination: Destination,
  clientId: string,
  receive: (payload: string) => void,
) => Promise<LoadClient>

/** Both try again within 20 to 50 ms. */
const ours: ClientOptions = {
  cleanSession: false,
  reconnect: { minDelayMs: 20, maxDelayMs: 50, maxAttemptsPerMinute: 10_000, retryInitial: true },
  connectTimeoutMs: 1_000,
  pingTimeoutMs: 500,
}

export const mqtt311: LoadClientMaker = async (destination, clientId, receive) => {
  const client = await connect({
    ...ours,
    ...destination,
    clientId,
    handlers: { 'load/#': (message) => receive(message.text()) },
  })
  const [arrivals, acknowledged] = [new Arrivals(client), new Acknowledged(client)]
  client.closed.catch(() => {})
  return {
    publish: (topic, payload, qos) => client.publish(topic, payload, { qos }),
    subscribe: (topic, qos) => client.subscribe(topic, { qos }),
    arrivals: () => arrivals,
    acknowledged: () => acknowledged.messages,
    close: async () => {
      arrivals[Symbol.dispose]()
      acknowledged[Symbol.dispose]()
      client.destroy()
    },
  }
}

export const mqttjs: LoadClientMaker = async (destination, clientId, receive) => {
  const { keepAlive, profile: _, ...address } = destination
  const client = mqtt.connect({
    ...address,
    protocol: 'mqtt',
    protocolVersion: 4,
    clientId,
    clean: false,
    reconnectPeriod: 20,
    connectTimeout: 1_000,
    keepalive: keepAlive,
    // What the session knows is enough, as in mqtt311.
    resubscribe: false,
  })
  client.on('message', (_topic, payload) => receive(payload.toString()))
  client.on('error', () => {})
  await new Promise((resolve) => client.once('connect', resolve))
  return {
    publish: (topic, payload, qos) => client.publishAsync(topic, payload, { qos }),
    subscribe: (topic, qos) => client.subscribeAsync(topic, { qos }),
    arrivals: () => undefined,
    acknowledged: () => undefined,
    close: () => client.endAsync(true),
  }
}
