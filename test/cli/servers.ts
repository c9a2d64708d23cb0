/** Servers for the command to talk to: a broker, and some that misbehave. All on the loopback interface. */
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { Aedes, type AedesOptions } from 'aedes'
import { onTestFinished } from 'vitest'
import type { Identity } from '../../fixtures/tls/index.js'

export interface Listening {
  readonly server: Server
  readonly host: string
  readonly port: number
  /** `-h HOST -p PORT`. */
  readonly address: readonly string[]
  readonly sockets: ReadonlySet<Socket>
}

/** Listens on [::1], or on 127.0.0.1 where there is none, until the test is over. */
export async function listen(server: Server, port = 0): Promise<Listening> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  })
  onTestFinished(() => {
    server.close()
    for (const socket of sockets) socket.destroy()
  })
  const bound = await bind(server, '::1', port).catch(() => bind(server, '127.0.0.1', port))
  return { server, ...bound, address: ['-h', bound.host, '-p', String(bound.port)], sockets }
}

function bind(server: Server, host: string, port: number): Promise<{ host: string; port: number }> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      const address = server.address()
      if (typeof address === 'object' && address !== null) resolve({ host, port: address.port })
    })
  })
}

export interface Broker extends Listening {
  readonly broker: Aedes
  /** Messages of clients, in order. */
  readonly published: {
    readonly topic: string
    readonly text: string
    readonly qos: number
    readonly retain: boolean
  }[]
  publish(topic: string, payload: string | Uint8Array, options?: { qos?: 0 | 1 | 2; retain?: boolean }): Promise<void>
  /** Resolves with the next client that has subscribed. */
  subscribed(): Promise<void>
}

export async function startBroker(options: AedesOptions = {}, identity?: Identity): Promise<Broker> {
  const broker = await Aedes.createBroker({
    queueLimit: 100_000,
    ...options,
    // No PUBLISH is done with in the turn in which it was parsed, or the parser of aedes loses its place.
    published: (_packet, _client, done) => setImmediate(done),
  })
  onTestFinished(() => broker.close())
  const handle = (socket: Socket) => {
    broker.handle(socket)
  }
  const server = identity === undefined ? createServer(handle) : createTlsServer({ ...identity }, handle)
  const published: { topic: string; text: string; qos: number; retain: boolean }[] = []
  broker.on('publish', ({ topic, payload, qos, retain }, client) => {
    if (client !== null) published.push({ topic, text: payload.toString(), qos, retain })
  })
  return {
    ...(await listen(server)),
    broker,
    published,
    publish: (topic, payload, { qos = 0, retain = false } = {}) =>
      new Promise((resolve, reject) => {
        const packet = { cmd: 'publish' as const, topic, payload: Buffer.from(payload), qos, retain, dup: false }
        broker.publish(packet, (error) => (error ? reject(error) : resolve()))
      }),
    subscribed: () => new Promise((resolve) => broker.once('subscribe', () => resolve())),
  }
}

/** Answers the first bytes of each client with these. */
export function startScripted(answer: Uint8Array): Promise<Listening> {
  return listen(createServer((socket) => socket.once('data', () => socket.write(answer))))
}
