/**
 * A test server for tests that decide about each packet. The server answers nothing by itself: the test sends each answer, or
 * calls `serve`. Clients reach it through pipes in memory (`options.stream`) or, after `listen`, over TCP on
 * the loopback interface.
 *
 * No method waits for a time: `accepted` resolves with the next connection, `next` with the next packet, `closed` when the
 * client has closed its side.
 */
import type { Duplex } from 'node:stream'
import { onTestFinished } from 'vitest'
import { type ControlPacket, type PacketName, PacketWriter } from '../../../src/codec/index.js'
import { Arrivals } from '../../../src/testing/arrivals.js'
import { type PacketOf, type TestConnection, TestServer } from '../../../src/testing/index.js'
import { clientPacketNames } from '../../../src/testing/match.js'

interface FakeServerOptions {
  /** Bytes that a pipe in memory takes before its writer has to wait. */
  readonly highWaterMark?: number
}

export class FakeServer {
  readonly #server: TestServer
  readonly #accepted = new Arrivals<FakeConnection>(Infinity)
  readonly #faces = new WeakMap<TestConnection, FakeConnection>()
  readonly connections: FakeConnection[] = []
  /** Called with each connection, before anything is read from it. */
  onConnection: ((connection: FakeConnection) => void) | undefined
  /** While set, attempts fail with it. */
  unreachable: Error | undefined
  attempts = 0

  constructor(options: FakeServerOptions = {}) {
    this.#server = new TestServer({ ...options, maxPacketBytes: 268_435_460, packetsKept: 1 })
    for (const name of clientPacketNames) {
      this.#server.answer(name, (packet, connection) => this.#faces.get(connection)?.take(packet))
    }
  }

  /** For the option `stream` of a client. */
  readonly stream = (): Duplex => {
    this.attempts += 1
    if (this.unreachable !== undefined) throw this.unreachable
    const stream = this.#server.stream()
    this.#accept(this.#server.connections.at(-1))
    // The connection is taken at once, so the server does not keep it.
    this.#server.accepts()
    return stream
  }

  #accept(accepted: TestConnection | undefined): void {
    if (accepted === undefined || this.#faces.has(accepted)) return
    const connection = new FakeConnection(accepted)
    this.#faces.set(accepted, connection)
    this.connections.push(connection)
    this.onConnection?.(connection)
    this.#accepted.push(connection)
  }

  /** The next connection. Its CONNECT is not read yet. */
  accepted(): Promise<FakeConnection> {
    return this.#accepted.next()
  }

  /** The next connection, after CONNECT and CONNACK with Return Code 0. */
  async admitted(sessionPresent = false): Promise<FakeConnection> {
    const connection = await this.accepted()
    await connection.admit(sessionPresent)
    return connection
  }

  /** Answers everything but CONNECT on all later connections, from their first packet on. */
  serve(): void {
    this.onConnection = (connection) => connection.serve()
  }

  /** Answers everything on all later connections, and ends the connection, as `end` does, at each packet that it refuses. */
  refuse(isRefused: (packet: ControlPacket) => boolean, end: (connection: FakeConnection) => void): void {
    this.onConnection = (connection) => {
      connection.serve()
      const answer = connection.onPacket
      connection.onPacket = (packet) => {
        if (packet.type === 'connect') connection.send({ type: 'connack', sessionPresent: false, returnCode: 0 })
        else if (isRefused(packet)) end(connection)
        else answer?.(packet)
      }
    }
  }

  /** Listens on TCP until the test is over; resolves with the URL. */
  async listen(): Promise<string> {
    await this.#server.start()
    onTestFinished(() => this.#server.close())
    this.#acceptAll()
    return this.#server.url
  }

  /** Takes the connections that come over TCP, each before its first byte is read. */
  async #acceptAll(): Promise<void> {
    try {
      for (;;) {
        const connection = await this.#server.accepts()
        if (!this.#faces.has(connection)) this.attempts += 1
        this.#accept(connection)
      }
    } catch {
      // The test is over.
    }
  }
}

export class FakeConnection {
  readonly #connection: TestConnection
  readonly #answers: ControlPacket[] = []
  readonly #packets = new Arrivals<ControlPacket<Buffer>>(Infinity)
  /** Every packet so far, in order. */
  readonly received: ControlPacket<Buffer>[] = []
  /** Every byte so far. */
  readonly chunks: Buffer[] = []
  /** Called with each packet, before `next` sees it. */
  onPacket: ((packet: ControlPacket<Buffer>) => void) | undefined
  /** Resolves when the stream is closed in both directions. */
  readonly closed: Promise<unknown>
  /** Resolves when the client has sent its last byte; an abrupt end counts too. */
  readonly ended: Promise<void>

  constructor(connection: TestConnection) {
    this.#connection = connection
    this.closed = connection.closed
    this.ended = connection.ended
    connection.stream.on('data', (chunk: Buffer) => this.chunks.push(chunk))
  }

  /** A packet from the client. */
  take(packet: ControlPacket<Buffer>): void {
    this.received.push(packet)
    this.#packets.push(packet)
    this.onPacket?.(packet)
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

  /** The next packet of this type. Packets of other types before it are skipped. */
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
    this.#connection.close()
  }

  /** Sends packets in one chunk. */
  send(...packets: ControlPacket[]): void {
    this.sendBytes(encode(...packets))
  }

  sendBytes(bytes: Uint8Array): void {
    this.#connection.sendBytes(bytes)
  }

  /** Sends packets in chunks of one byte. */
  trickle(...packets: ControlPacket[]): void {
    for (const byte of encode(...packets)) this.sendBytes(Buffer.from([byte]))
  }

  /** Breaks the connection off. */
  cut(): void {
    this.#connection.cut()
  }

  /** Closes in good order. */
  close(): void {
    this.#connection.close()
  }

  /** Reads nothing more, so that the client's bytes pile up. */
  stopReading(): void {
    this.#connection.stopReading()
  }

  readOn(): void {
    this.#connection.readOn()
  }

  /** Reads one chunk, and no more. */
  readChunk(): Promise<void> {
    return new Promise((resolve) => {
      this.#connection.stream.once('data', () => {
        this.#connection.stopReading()
        resolve()
      })
      this.#connection.readOn()
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

/** The answer of a server that grants every request. */
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
