/**
 * A server that does what a test says, packet by packet, in the process of the test. Clients reach it through pipes in memory
 * (`options.stream`) or, after `listen`, over TCP on the loopback interface.
 *
 * Nothing here waits for time to pass: `accepted` resolves with the next connection, `next` with the next packet, `closed`
 * when the client has closed its side.
 */
import { once } from 'node:events'
import net from 'node:net'
import type { Duplex } from 'node:stream'
import { onTestFinished } from 'vitest'
import { type ControlPacket, PacketDecoder, type PacketName, PacketWriter } from '../../../src/codec/index.js'
import { PipeEnd } from '../../../src/testing/memory-pipe.js'

type PacketOf<Name extends PacketName> = Extract<ControlPacket<Buffer>, { type: Name }>

/** What comes one after the other, asked for before or after it has come. */
class Arrivals<T> {
  readonly #ready: T[] = []
  readonly #waiting: ((item: T) => void)[] = []

  push(item: T): void {
    const waiting = this.#waiting.shift()
    if (waiting === undefined) this.#ready.push(item)
    else waiting(item)
  }

  get waiting(): readonly T[] {
    return this.#ready
  }

  next(): Promise<T> {
    const [item] = this.#ready.splice(0, 1)
    return item === undefined ? new Promise((resolve) => this.#waiting.push(resolve)) : Promise.resolve(item)
  }
}

interface FakeServerOptions {
  /** Bytes that a pipe in memory takes before its writer has to wait. */
  readonly highWaterMark?: number
}

export class FakeServer {
  readonly #accepted = new Arrivals<FakeConnection>()
  readonly #options: FakeServerOptions
  readonly connections: FakeConnection[] = []
  /** Called with each connection, before anything is read from it. */
  onConnection: ((connection: FakeConnection) => void) | undefined
  /** While set, attempts fail with it. */
  unreachable: Error | undefined
  attempts = 0

  constructor(options: FakeServerOptions = {}) {
    this.#options = options
  }

  /** For the option `stream` of a client. */
  readonly stream = (): Duplex => {
    this.attempts += 1
    if (this.unreachable !== undefined) throw this.unreachable
    const [client, server] = PipeEnd.pair(this.#options.highWaterMark)
    this.#accept(server)
    return client
  }

  #accept(stream: Duplex): void {
    const connection = new FakeConnection(stream)
    this.connections.push(connection)
    this.onConnection?.(connection)
    this.#accepted.push(connection)
  }

  /** The next connection, CONNECT not yet read. */
  accepted(): Promise<FakeConnection> {
    return this.#accepted.next()
  }

  /** The next connection, after CONNECT and an accepting CONNACK. */
  async admitted(sessionPresent = false): Promise<FakeConnection> {
    const connection = await this.accepted()
    await connection.admit(sessionPresent)
    return connection
  }

  /** Answers everything but CONNECT on all later connections, from their first packet on. */
  serve(): void {
    this.onConnection = (connection) => connection.serve()
  }

  /** Listens on TCP until the test is over; resolves with the URL. */
  async listen(): Promise<string> {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      this.attempts += 1
      this.#accept(socket)
    })
    const host = await listenOnLoopback(server)
    const address = server.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no port')
    onTestFinished(async () => {
      for (const connection of this.connections) connection.cut()
      server.close()
      await once(server, 'close')
    })
    return `mqtt://${host}:${address.port}`
  }
}

async function listenOnLoopback(server: net.Server): Promise<string> {
  for (const [address, host] of [
    ['::1', '[::1]'],
    ['127.0.0.1', '127.0.0.1'],
  ] as const) {
    server.listen(0, address)
    try {
      await once(server, 'listening')
      return host
    } catch {
      // No IPv6 on this machine: the next address.
    }
  }
  throw new Error('there is no loopback address to listen on')
}

export class FakeConnection {
  readonly #stream: Duplex
  readonly #decoder = new PacketDecoder()
  readonly #answers: ControlPacket[] = []
  readonly #packets = new Arrivals<ControlPacket<Buffer>>()
  /** Every packet so far, in order. */
  readonly received: ControlPacket<Buffer>[] = []
  /** Every byte so far. */
  readonly chunks: Buffer[] = []
  /** Called with each packet, before `next` sees it. */
  onPacket: ((packet: ControlPacket<Buffer>) => void) | undefined
  /** Resolves when the stream is closed in both directions. */
  readonly closed: Promise<void>
  /** Resolves when the client has sent its last byte; an abrupt end counts too. */
  readonly ended: Promise<void>

  constructor(stream: Duplex) {
    this.#stream = stream
    this.closed = new Promise((resolve) => stream.on('close', resolve))
    this.ended = Promise.race([this.closed, new Promise<void>((resolve) => stream.on('end', resolve))])
    stream.on('error', () => {})
    stream.on('data', (chunk: Buffer) => {
      this.chunks.push(chunk)
      this.#decoder.decode(chunk, (packet) => {
        this.received.push(packet)
        this.#packets.push(packet)
        this.onPacket?.(packet)
      })
    })
    // A server closes its side when the client has (section 3.14.4).
    stream.on('end', () => stream.end())
  }

  /** The names of all packets so far, in order. */
  get names(): PacketName[] {
    return this.received.map(({ type }) => type)
  }

  /** Packets of one type so far. */
  all<Name extends PacketName>(name: Name): PacketOf<Name>[] {
    return this.received.filter((packet): packet is PacketOf<Name> => packet.type === name)
  }

  /** The next packet, which has to be of this type. */
  async next<Name extends PacketName>(name: Name): Promise<PacketOf<Name>> {
    const packet = await this.#packets.next()
    if (isOf(packet, name)) return packet
    throw new Error(`the client sent ${packet.type.toUpperCase()} where ${name.toUpperCase()} was expected`)
  }

  /** The next packet of this type; others before it are passed over. */
  async until<Name extends PacketName>(name: Name): Promise<PacketOf<Name>> {
    for (;;) {
      const packet = await this.#packets.next()
      if (isOf(packet, name)) return packet
    }
  }

  async admit(sessionPresent = false): Promise<PacketOf<'connect'>> {
    const connect = await this.next('connect')
    this.send({ type: 'connack', sessionPresent, returnCode: 0 })
    return connect
  }

  async refuse(returnCode: number): Promise<void> {
    await this.next('connect')
    this.send({ type: 'connack', sessionPresent: false, returnCode })
    this.#stream.end()
  }

  /** Sends packets in one chunk. */
  send(...packets: ControlPacket[]): void {
    this.sendBytes(encode(...packets))
  }

  sendBytes(bytes: Uint8Array): void {
    this.#stream.write(bytes)
  }

  /** Sends packets in chunks of one byte. */
  trickle(...packets: ControlPacket[]): void {
    for (const byte of encode(...packets)) this.#stream.write(Buffer.from([byte]))
  }

  /** Breaks the connection off. */
  cut(): void {
    this.#stream.destroy()
  }

  /** Closes in good order. */
  close(): void {
    this.#stream.end()
  }

  /** Reads nothing more, so that the client's bytes pile up. */
  stopReading(): void {
    this.#stream.pause()
  }

  readOn(): void {
    this.#stream.resume()
  }

  /** Reads one chunk, and no more. */
  readChunk(): Promise<void> {
    return new Promise((resolve) => {
      this.#stream.once('data', () => {
        this.#stream.pause()
        resolve()
      })
      this.#stream.resume()
    })
  }

  /** Answers everything but CONNECT that comes from now on, as a server without subscribers would. */
  serve(): void {
    this.onPacket = (packet) => {
      const answer = answerTo(packet)
      if (answer !== undefined) this.answer(answer)
    }
  }

  /** Sends a packet at the end of the tick, in one chunk with the other answers of this tick. */
  answer(packet: ControlPacket): void {
    this.#answers.push(packet)
    if (this.#answers.length === 1) process.nextTick(() => this.send(...this.#answers.splice(0)))
  }
}

function isOf<Name extends PacketName>(packet: ControlPacket<Buffer>, name: Name): packet is PacketOf<Name> {
  return packet.type === name
}

export function encode(...packets: ControlPacket[]): Buffer {
  const writer = new PacketWriter()
  for (const packet of packets) writer.write(packet)
  return writer.take()
}

/** What a server answers that grants what it is asked. */
function answerTo(packet: ControlPacket<Buffer>): ControlPacket | undefined {
  switch (packet.type) {
    case 'publish':
      if (packet.qos === 0) return undefined
      return { type: packet.qos === 1 ? 'puback' : 'pubrec', packetId: packet.packetId }
    case 'pubrel':
      return { type: 'pubcomp', packetId: packet.packetId }
    case 'pubrec':
      return { type: 'pubrel', packetId: packet.packetId }
    case 'subscribe':
      return { type: 'suback', packetId: packet.packetId, returnCodes: packet.subscriptions.map(({ qos }) => qos) }
    case 'unsubscribe':
      return { type: 'unsuback', packetId: packet.packetId }
    case 'pingreq':
      return { type: 'pingresp' }
    default:
      return undefined
  }
}

/** A PUBLISH from the server. */
export function message(topic: string, qos: 0 | 1 | 2 = 0, packetId = 1, dup = false): ControlPacket {
  const payload = Buffer.from(topic)
  if (qos === 0) return { type: 'publish', topic, payload, retain: false, qos }
  return { type: 'publish', topic, payload, retain: false, qos, packetId, dup }
}
