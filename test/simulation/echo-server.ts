/**
 * A small server over TCP for one client: it keeps the session, answers everything, and sends each message that it gets back
 * under another topic, at the same QoS.
 */
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import type { ControlPacket } from '../../src/codec/control-packet.js'
import { PacketDecoder } from '../../src/codec/decode/packet-decoder.js'
import { encodePacket } from '../../src/codec/encode/packet-writer.js'

type Publish = Extract<ControlPacket<Buffer>, { type: 'publish' }>

/** Echoes that have not been acknowledged yet; beyond so many messages are not echoed. */
const unacknowledgedMax = 100

export class EchoServer {
  readonly #server: Server
  #socket: Socket | undefined
  #known = false
  /** Identifiers of QoS 2 messages from the client, from PUBLISH to PUBREL. */
  readonly #received = new Set<number>()
  /** Echoes on their way, by identifier. */
  readonly #sending = new Map<number, { readonly qos: 1 | 2; readonly payload: Buffer; awaits: 'answer' | 'pubcomp' }>()
  #packetId = 0

  constructor() {
    this.#server = createServer((socket) => this.#accept(socket))
  }

  /** Resolves with the port on `::1`. */
  async listen(): Promise<number> {
    this.#server.listen(0, '::1')
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the server has no port')
    return address.port
  }

  /** Breaks the connection off without a word. */
  cut(): void {
    this.#socket?.resetAndDestroy()
  }

  close(): void {
    this.cut()
    this.#server.close()
  }

  #accept(socket: Socket): void {
    this.#socket = socket
    const decoder = new PacketDecoder()
    socket.on('error', () => {})
    socket.on('data', (chunk) => decoder.decode(chunk, (packet) => this.#answer(packet)))
  }

  #send(packet: ControlPacket): void {
    this.#socket?.write(encodePacket(packet))
  }

  #answer(packet: ControlPacket<Buffer>): void {
    switch (packet.type) {
      case 'connect':
        return this.#admit()
      case 'publish':
        return this.#take(packet)
      case 'puback':
      case 'pubcomp':
        this.#sending.delete(packet.packetId)
        return
      case 'pubrec': {
        const sending = this.#sending.get(packet.packetId)
        if (sending !== undefined) sending.awaits = 'pubcomp'
        return this.#send({ type: 'pubrel', packetId: packet.packetId })
      }
      case 'pubrel':
        this.#received.delete(packet.packetId)
        return this.#send({ type: 'pubcomp', packetId: packet.packetId })
      case 'subscribe':
        return this.#send({
          type: 'suback',
          packetId: packet.packetId,
          returnCodes: packet.subscriptions.map(({ qos }) => qos),
        })
      case 'pingreq':
        return this.#send({ type: 'pingresp' })
    }
  }

  #admit(): void {
    this.#send({ type: 'connack', sessionPresent: this.#known, returnCode: 0 })
    this.#known = true
    for (const [packetId, { qos, payload, awaits }] of this.#sending) {
      if (awaits === 'pubcomp') this.#send({ type: 'pubrel', packetId })
      else this.#send({ type: 'publish', topic: 'echo', payload, retain: false, qos, packetId, dup: true })
    }
  }

  #take(publish: Publish): void {
    if (publish.qos === 0) return this.#echo(publish)
    const { qos, packetId } = publish
    if (qos === 1) this.#send({ type: 'puback', packetId })
    else this.#send({ type: 'pubrec', packetId })
    if (qos === 2 && this.#received.has(packetId)) return
    if (qos === 2) this.#received.add(packetId)
    this.#echo(publish)
  }

  #echo({ qos, payload }: Publish): void {
    const echo = { type: 'publish', topic: 'echo', retain: false } as const
    if (qos === 0) return this.#send({ ...echo, payload, qos })
    if (this.#sending.size >= unacknowledgedMax) return
    do this.#packetId = (this.#packetId % 65_535) + 1
    while (this.#sending.has(this.#packetId))
    // The decoder gives payloads away that may share memory with the chunk they came in.
    const own = Buffer.from(payload)
    this.#sending.set(this.#packetId, { qos, payload: own, awaits: 'answer' })
    this.#send({ ...echo, payload: own, qos, packetId: this.#packetId, dup: false })
  }
}
