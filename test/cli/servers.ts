/** Servers for the command to talk to: the test server, and some that do not speak MQTT. All on the loopback interface. */
import { createServer, type Server, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { type TestServer, type TestServerOptions, testServer } from '../../src/testing/index.js'

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

/** The test server, as the command is told of it. */
export interface Broker {
  readonly server: TestServer
  readonly host: string
  readonly port: number
  /** `-h HOST -p PORT`. */
  readonly address: readonly string[]
  /** Messages of clients, in order. */
  readonly published: readonly {
    readonly topic: string
    readonly text: string
    readonly qos: number
    readonly retain: boolean
  }[]
}

/** Listens until the test is over. */
export async function startBroker(options: TestServerOptions = {}): Promise<Broker> {
  const server = await testServer(options)
  onTestFinished(() => server.close())
  const host = new URL(server.url).hostname.replace(/^\[|\]$/g, '')
  return {
    server,
    host,
    port: server.port,
    address: ['-h', host, '-p', String(server.port)],
    get published() {
      return server.received.flatMap((packet) => {
        if (packet.type !== 'publish') return []
        const { topic, payload, qos, retain } = packet
        return [{ topic, text: payload.toString(), qos, retain }]
      })
    },
  }
}

/** Answers the first bytes of each client with these. */
export function startScripted(answer: Uint8Array): Promise<Listening> {
  return listen(createServer((socket) => socket.once('data', () => socket.write(answer))))
}
