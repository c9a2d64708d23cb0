/** mqtt311 and MQTT.js behind one interface, so that a bench can ask the same of both. */
import mqtt from 'mqtt'

const built = new URL('../../dist/index.js', import.meta.url).href
const { connect }: typeof import('mqtt311') = await import(built)

export type QoS = 0 | 1 | 2

export interface Server {
  readonly port: number
  /** The authority that signed the server's certificate; without it, the connection is TCP. */
  readonly ca?: string | undefined
}

export interface Subject {
  publish(topic: string, payload: Buffer, qos: QoS, retain?: 'retain'): Promise<unknown>
  /** From now on `onMessage` is called for each message. The result unsubscribes. */
  subscribe(filter: string, qos: QoS, onMessage: () => void): Promise<() => Promise<unknown>>
  end(): Promise<unknown>
}

export interface OurSubject extends Subject {
  /** How many PINGREQs the client has sent. */
  pingreqs(): number
}

export interface OurOptions {
  readonly maxInFlight?: number | undefined
  readonly lowLatency?: boolean
}

/** Unless it is told otherwise, the window has room for all that a bench publishes at a time, as MQTT.js knows no window. */
export async function ours({ port, ca }: Server, options: OurOptions = {}): Promise<OurSubject> {
  const tls = ca === undefined ? {} : { tls: { ca } }
  const client = await connect({ host: '::1', port, maxInFlight: 1_000, ...tls, ...options })
  return {
    publish: (topic, payload, qos, retain) => client.publish(topic, payload, { qos, retain: retain !== undefined }),
    subscribe: async (filter, qos, onMessage) => {
      const subscription = await client.subscribe(filter, { qos }, onMessage)
      return () => subscription.unsubscribe()
    },
    end: () => client.end(),
    pingreqs: () => client.stats.packetsOut.pingreq,
  }
}

export async function theirs({ port, ca }: Server): Promise<Subject> {
  const tls = ca === undefined ? ({ protocol: 'mqtt' } as const) : ({ protocol: 'mqtts', ca } as const)
  const client = await mqtt.connectAsync({ host: '::1', port, protocolVersion: 4, ...tls })
  return {
    publish: (topic, payload, qos, retain) =>
      client.publishAsync(topic, payload, { qos, retain: retain !== undefined }),
    subscribe: async (filter, qos, onMessage) => {
      // Retained messages may come in one read with SUBACK.
      client.on('message', onMessage)
      await client.subscribeAsync(filter, { qos })
      return () => {
        client.off('message', onMessage)
        return client.unsubscribeAsync(filter)
      }
    },
    end: () => client.endAsync(),
  }
}

/** Keeps `width` publishes under way until `messages` have been sent. */
export async function publishMany(messages: number, width: number, publish: () => Promise<unknown>): Promise<void> {
  let left = messages
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await publish()
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
}

/** Counts messages down and tells when the last one has come. */
export class Countdown {
  #left = 0
  #done = (): void => {}

  start(count: number): Promise<void> {
    this.#left = count
    return new Promise((resolve) => {
      this.#done = resolve
    })
  }

  readonly count = (): void => {
    this.#left -= 1
    if (this.#left === 0) this.#done()
  }
}
