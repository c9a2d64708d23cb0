/**
 * The server of `mqtt311 demo`: it does only what one client needs to see each kind of packet. It answers, and it publishes
 * to a client the messages of that client which match its subscriptions. It keeps no session and no retained message, and
 * checks no password.
 */
import type { AddressInfo, Server, Socket } from 'node:net'
import type { ControlPacket, PublishPacket, QoS } from '../../codec/control-packet.js'
import { PacketDecoder } from '../../codec/decode/packet-decoder.js'
import { encodePacket } from '../../codec/encode/packet-writer.js'
import { topicMatches } from '../../codec/topic.js'

export interface DemoServer {
  readonly host: string
  readonly port: number
  close(): void
}

/** Listens on IPv6, or on IPv4 if the machine has no IPv6. */
export async function startDemoServer(): Promise<DemoServer> {
  const { createServer } = await import('node:net')
  const connections = new Set<DemoConnection>()
  const server = createServer({ noDelay: true }, (socket) => {
    const connection = new DemoConnection(socket)
    connections.add(connection)
    socket.on('close', () => connections.delete(connection))
  })
  const { address: host, port } = await listen(server, '::1').catch(() => listen(server, '127.0.0.1'))
  return {
    host,
    port,
    close() {
      server.close()
      for (const connection of connections) connection.close()
    },
  }
}

function listen(server: Server, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, host, () => {
      const address = server.address()
      if (typeof address === 'object' && address !== null) resolve(address)
    })
  })
}

class DemoConnection {
  readonly #socket: Socket
  readonly #decoder = new PacketDecoder()
  readonly #granted = new Map<string, QoS>()
  #nextPacketId = 1

  constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.on('data', (chunk) => this.#received(chunk))
  }

  close(): void {
    this.#socket.destroy()
  }

  #received(chunk: Buffer): void {
    try {
      this.#decoder.decode(chunk, (packet) => this.#answer(packet))
    } catch {
      this.#socket.destroy()
    }
  }

  #send(packet: ControlPacket): void {
    this.#socket.write(encodePacket(packet))
  }

  #answer(packet: ControlPacket): void {
    switch (packet.type) {
      case 'connect':
        return this.#send({ type: 'connack', sessionPresent: false, returnCode: 0 })
      case 'subscribe':
        for (const { filter, qos } of packet.subscriptions) this.#granted.set(filter, qos)
        return this.#send({
          type: 'suback',
          packetId: packet.packetId,
          returnCodes: packet.subscriptions.map(({ qos }) => qos),
        })
      case 'unsubscribe':
        for (const filter of packet.filters) this.#granted.delete(filter)
        return this.#send({ type: 'unsuback', packetId: packet.packetId })
      case 'publish':
        return this.#published(packet)
      case 'pubrel':
        return this.#send({ type: 'pubcomp', packetId: packet.packetId })
      case 'pubrec':
        return this.#send({ type: 'pubrel', packetId: packet.packetId })
      case 'pingreq':
        return this.#send({ type: 'pingresp' })
      case 'disconnect':
        this.#socket.end()
        return
      case 'puback':
      case 'pubcomp':
        return
      case 'connack':
      case 'suback':
      case 'unsuback':
      case 'pingresp':
        // Only a server sends these.
        this.#socket.destroy()
    }
  }

  #published(packet: PublishPacket): void {
    if (packet.qos === 1) this.#send({ type: 'puback', packetId: packet.packetId })
    if (packet.qos === 2) this.#send({ type: 'pubrec', packetId: packet.packetId })
    const { topic, payload } = packet
    const levels = [...this.#granted].filter(([filter]) => topicMatches(filter, topic)).map(([, qos]) => qos)
    if (levels.length === 0) return
    const highest = Math.max(...levels)
    const qos = packet.qos <= highest ? packet.qos : highest === 1 ? 1 : 0
    if (qos === 0) return this.#send({ type: 'publish', topic, payload, retain: false, qos })
    this.#send({ type: 'publish', topic, payload, retain: false, qos, dup: false, packetId: this.#nextPacketId })
    this.#nextPacketId = (this.#nextPacketId % 65_535) + 1
  }
}
