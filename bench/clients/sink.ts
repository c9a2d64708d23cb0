/**
 * A server for measuring clients, in a process of its own: it acknowledges, and does nothing else that costs time. It reads
 * fixed headers and Packet Identifiers only, answers all packets of one read in one write, and on a PUBLISH to
 * `flood/<QoS>/<count>/<bytes>` sends so many messages as fast as the client reads.
 */
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { encodePacket } from 'mqtt311/codec'
import { server as identity } from '../../fixtures/tls/index.js'
import { topic } from '../measure/sample-message.js'

/** What is under way from one read to the next. */
class Connection {
  readonly #socket: Socket
  #rest: Buffer = Buffer.alloc(0)
  #answer = Buffer.allocUnsafe(65_536)
  #answered = 0
  /** Goes on from one flood to the next: the client may still hold the identifiers of the one before. */
  #lastPacketId = 0

  constructor(socket: Socket) {
    this.#socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#read(chunk))
    socket.on('error', () => {})
  }

  #read(chunk: Buffer): void {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    let at = 0
    for (let size = sizeAt(bytes, at); size > 0 && at + size <= bytes.length; size = sizeAt(bytes, at)) {
      this.#take(bytes, at, size)
      at += size
    }
    this.#rest = bytes.subarray(at)
    if (this.#answered > 0) this.#socket.write(Buffer.from(this.#answer.subarray(0, this.#answered)))
    this.#answered = 0
  }

  #take(bytes: Buffer, at: number, size: number): void {
    const first = bytes.readUInt8(at)
    const body = at + size - bodySizeAt(bytes, at)
    switch (first >>> 4) {
      case 1:
        return this.#reply([0x20, 2, 0, 0])
      case 3:
        return this.#takePublish(bytes, first, body)
      case 5:
        return this.#reply([0x62, 2, bytes.readUInt8(body), bytes.readUInt8(body + 1)])
      case 6:
        return this.#reply([0x70, 2, bytes.readUInt8(body), bytes.readUInt8(body + 1)])
      case 8:
        return this.#reply([0x90, 3, bytes.readUInt8(body), bytes.readUInt8(body + 1), 2])
      case 12:
        return this.#reply([0xd0, 0])
    }
  }

  #takePublish(bytes: Buffer, first: number, body: number): void {
    const topicBytes = bytes.readUInt16BE(body)
    const qos = (first >>> 1) & 3
    if (bytes.readUInt8(body + 2) === 0x66) this.#flood(bytes.toString('latin1', body + 2, body + 2 + topicBytes))
    if (qos === 0) return
    const id = body + 2 + topicBytes
    this.#reply([qos === 1 ? 0x40 : 0x50, 2, bytes.readUInt8(id), bytes.readUInt8(id + 1)])
  }

  #reply(packet: readonly number[]): void {
    if (this.#answered + packet.length > this.#answer.length) {
      this.#socket.write(Buffer.from(this.#answer.subarray(0, this.#answered)))
      this.#answered = 0
    }
    this.#answer.set(packet, this.#answered)
    this.#answered += packet.length
  }

  #flood(command: string): void {
    const [, qos, count, payloadBytes] = command.split('/').map(Number)
    if (qos === undefined || count === undefined || payloadBytes === undefined) return
    const sample = {
      type: 'publish',
      topic,
      payload: Buffer.alloc(payloadBytes, 1),
      retain: false,
    } as const
    const one = encodePacket(
      qos === 0 ? { ...sample, qos: 0 } : { ...sample, qos: qos === 1 ? 1 : 2, packetId: 1, dup: false },
    )
    const packets = Math.max(1, Math.floor(65_536 / one.length))
    const idAt = one.length - payloadBytes - 2
    const block = Buffer.concat(Array.from({ length: packets }, () => one))
    let flooded = 0
    const go = (): void => {
      while (flooded < count) {
        const part = Math.min(packets, count - flooded)
        const chunk = Buffer.from(block.subarray(0, part * one.length))
        if (qos > 0)
          for (let n = 0; n < part; n += 1) {
            this.#lastPacketId = (this.#lastPacketId % 65_535) + 1
            chunk.writeUInt16BE(this.#lastPacketId, n * one.length + idAt)
          }
        flooded += part
        if (!this.#socket.write(chunk)) return void this.#socket.once('drain', go)
      }
    }
    go()
  }
}

/** The size of the packet at `at`, or 0 if its fixed header is not complete. */
function sizeAt(bytes: Buffer, at: number): number {
  let size = 0
  for (let index = 1; index <= 4 && at + index < bytes.length; index += 1) {
    const byte = bytes.readUInt8(at + index)
    size |= (byte & 0x7f) << (7 * (index - 1))
    if (byte < 0x80) return size + index + 1
  }
  return 0
}

function bodySizeAt(bytes: Buffer, at: number): number {
  let header = 2
  while (bytes.readUInt8(at + header - 1) >= 0x80) header += 1
  return sizeAt(bytes, at) - header
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '::1', () => {
      const address = server.address()
      if (address !== null && typeof address === 'object') resolve(address.port)
    })
  })
}

const take = (socket: Socket) => void new Connection(socket)
process.send?.({ tcp: await listen(createServer(take)), tls: await listen(createTlsServer(identity, take)) })
process.on('disconnect', () => process.exit())
