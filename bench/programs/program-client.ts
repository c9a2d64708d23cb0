/** mqtt311 and MQTT.js as an ordinary program uses them: an async handler that awaits its own client. */
import type { QoS } from '../measure/subjects.js'

/** The messages that the handler gets. */
const incoming = 'in/+'

export interface ProgramClient {
  /** Subscribes to what goes to the handler. */
  receive(qos: QoS): Promise<unknown>
  /** What the handler asks for: nothing comes of it but the answer of the server. */
  subscribe(filter: string): Promise<unknown>
  /** At QoS 1. */
  publish(topic: string, payload: Buffer): Promise<unknown>
  end(): Promise<unknown>
}

export interface ProgramOptions {
  readonly port: number
  readonly session?: { readonly clientId: string } | undefined
  readonly receiveWindow?: number | undefined
  readonly handler: (client: ProgramClient, topic: string, payload: Buffer) => Promise<void>
  readonly failed: (error: Error) => void
}

export async function ours(options: ProgramOptions): Promise<ProgramClient> {
  const { port, session, receiveWindow, handler, failed } = options
  const built = new URL('../../dist/index.js', import.meta.url).href
  const { MqttClient }: typeof import('mqtt311') = await import(built)
  const client = new MqttClient({
    ...{ host: '::1', port, receiveWindow },
    ...(session === undefined ? {} : { ...session, cleanSession: false }),
    // A route from the start, since what a resumed Session holds comes before anything is subscribed to.
    handlers: { [incoming]: ({ topic, payload }) => handler(self, topic, payload) },
    on: { close: ({ error }) => error && failed(error) },
  })
  const self: ProgramClient = {
    receive: (qos) => client.subscribe(incoming, { qos }),
    subscribe: (filter) => client.subscribe(filter, () => {}),
    publish: (topic, payload) => client.publish(topic, payload, { qos: 1 }),
    end: () => client.end({ timeoutMs: 5_000 }),
  }
  await client.connect()
  return self
}

/** It has no window: each message is given to the listener when it is read, and nobody waits for what the listener returns. */
export async function theirs({ port, session, handler, failed }: ProgramOptions): Promise<ProgramClient> {
  const { default: mqtt } = await import('mqtt')
  const persistent = session === undefined ? {} : { ...session, clean: false }
  const client = mqtt.connect({ host: '::1', port, protocol: 'mqtt', protocolVersion: 4, ...persistent })
  const self: ProgramClient = {
    receive: (qos) => client.subscribeAsync(incoming, { qos }),
    subscribe: (filter) => client.subscribeAsync(filter),
    publish: (topic, payload) => client.publishAsync(topic, payload, { qos: 1 }),
    end: () => client.endAsync(),
  }
  client.on('error', failed)
  // A rejection that nobody handles would end the process.
  client.on('message', (topic, payload) => handler(self, topic, payload).catch(() => {}))
  await new Promise<void>((resolve) => client.once('connect', () => resolve()))
  return self
}
