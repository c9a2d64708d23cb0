/** A client of a test server that sends what a test says, packet by packet, and answers nothing. */
import type { Duplex } from 'node:stream'
import { onTestFinished } from 'vitest'
import { type ControlPacket, encodePacket, PacketDecoder } from '../../src/codec/index.js'
import { type PacketOf, TestServer, type TestServerOptions } from '../../src/testing/index.js'

type ConnectPacket = PacketOf<'connect'>

export class RawClient {
  readonly #stream: Duplex
  readonly #ready: ControlPacket<Buffer>[] = []
  readonly #waiting: ((packet: ControlPacket<Buffer> | undefined) => void)[] = []
  readonly received: ControlPacket<Buffer>[] = []
  readonly chunks: Buffer[] = []
  /** Resolves when the server has ended the connection. */
  readonly closed: Promise<void>

  constructor(server: TestServer) {
    const decoder = new PacketDecoder()
    this.#stream = server.stream()
    this.#stream.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk)
      try {
        decoder.decode(chunk, (packet) => this.#take(packet))
      } catch {
        // A server may be asked for bytes that are no packet: they are in `chunks`.
        this.#stream.destroy()
      }
    })
    this.closed = new Promise((resolve) => {
      this.#stream.on('end', () => {
        this.#stream.end()
        resolve()
      })
      this.#stream.on('close', () => resolve())
    })
    this.closed.then(() => {
      for (const waiting of this.#waiting.splice(0)) waiting(undefined)
    })
    onTestFinished(() => void this.#stream.destroy())
  }

  #take(packet: ControlPacket<Buffer>): void {
    this.received.push(packet)
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#ready.push(packet)
    else waiting(packet)
  }

  send(...packets: ControlPacket[]): void {
    this.sendBytes(Buffer.concat(packets.map(encodePacket)))
  }

  sendBytes(bytes: Uint8Array): void {
    this.#stream.write(bytes)
  }

  /** The next packet; undefined if the connection ends before. */
  next(): Promise<ControlPacket<Buffer> | undefined> {
    const [packet] = this.#ready.splice(0, 1)
    if (packet !== undefined) return Promise.resolve(packet)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** Asks, and gives all that came up to the answer: to `ping()` every server answers in its turn. */
  async allUntilPing(): Promise<ControlPacket<Buffer>[]> {
    this.send({ type: 'pingreq' })
    const packets: ControlPacket<Buffer>[] = []
    for (;;) {
      const packet = await this.next()
      if (packet === undefined || packet.type === 'pingresp') return packets
      packets.push(packet)
    }
  }

  /** Breaks the connection off. */
  cut(): void {
    this.#stream.destroy()
  }
}

/** A server in memory that is gone when the test is over. */
export function serverInMemory(options: TestServerOptions = {}): TestServer {
  const server = new TestServer(options)
  onTestFinished(() => server.close())
  return server
}

export function connectPacket(options: Partial<ConnectPacket> = {}): ConnectPacket {
  return { type: 'connect', clientId: 'raw', cleanSession: true, keepAlive: 0, ...options }
}

/** A client that has been admitted. */
export async function admitted(server: TestServer, options: Partial<ConnectPacket> = {}): Promise<RawClient> {
  const client = new RawClient(server)
  client.send(connectPacket(options))
  const connack = await client.next()
  if (connack?.type !== 'connack' || connack.returnCode !== 0) throw new Error('the client was not admitted')
  return client
}

/** A client that has been admitted and has these subscriptions. */
export async function subscribed(
  server: TestServer,
  filters: Readonly<Record<string, 0 | 1 | 2>>,
  options: Partial<ConnectPacket> = {},
): Promise<RawClient> {
  const client = await admitted(server, options)
  const subscriptions = Object.entries(filters).map(([filter, qos]) => ({ filter, qos }))
  client.send({ type: 'subscribe', packetId: 1, subscriptions })
  await client.next()
  return client
}

/** A PUBLISH whose payload is its topic. */
export function publish(topic: string, qos: 0 | 1 | 2 = 0, packetId = 1, dup = false): PacketOf<'publish'> {
  const payload = Buffer.from(topic)
  if (qos === 0) return { type: 'publish', topic, payload, retain: false, qos }
  return { type: 'publish', topic, payload, retain: false, qos, packetId, dup }
}
