/**
 * A server that does what no server should, in a process of its own: it sends too much, answers backwards, refuses, or says nothing.
 * The Client Identifier of a connection chooses which answers it gets. A PUBLISH to `do/<command>/<numbers>` tells the server to send
 * something; then the server sends a message on `in/done`.
 */
import { once } from 'node:events'
import { createServer, type Socket } from 'node:net'
import { type ControlPacket, encodePacket, PacketDecoder } from 'mqtt311/codec'

/**
 * Which packets are not answered: `answers` answers all. `collects` keeps the answers to SUBSCRIBE and PUBLISH back for `do/answer`.
 * `unsubscribed` answers no SUBSCRIBE, `unconnected` nothing.
 */
export type Habit = 'answers' | 'collects' | 'unsubscribed' | 'unconnected'

/** Messages for the program that is measured. */
const incoming = 'in/x'

class Connection {
  readonly #socket: Socket
  #habit: Habit = 'answers'
  /** What `collects` has kept back. */
  #collected: (() => Uint8Array)[] = []
  /** `do/one-by-one` sends the next message when this number is acknowledged. */
  #topics = { sent: 0, all: 0 }
  #refuses = false
  /** The command that is under way: what was sent behind it is answered behind it. */
  #obeying = Promise.resolve()

  constructor(socket: Socket) {
    this.#socket = socket
    const decoder = new PacketDecoder({ maxPacketBytes: 268_435_460 })
    socket.setNoDelay(true)
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      socket.cork()
      decoder.decode(chunk, (packet) => this.#take(packet))
      socket.uncork()
    })
  }

  #take(packet: ControlPacket<Buffer>): void {
    switch (packet.type) {
      case 'connect':
        return this.#accept(packet.clientId)
      case 'subscribe': {
        const { packetId, subscriptions } = packet
        return this.#answer('subscribe', () =>
          encodePacket({
            type: 'suback',
            packetId,
            returnCodes: subscriptions.map(({ qos }) => (this.#refuses ? 128 : qos)),
          }),
        )
      }
      case 'unsubscribe':
        return this.#send({ type: 'unsuback', packetId: packet.packetId })
      case 'publish':
        if (packet.topic.startsWith('do/')) return this.#start(packet.topic)
        if (packet.qos === 0) return
        return this.#answer('publish', () => encodePacket({ type: 'puback', packetId: packet.packetId }))
      case 'pingreq':
        return void this.#obeying.then(() => this.#send({ type: 'pingresp' }))
      case 'puback':
        if (packet.packetId === this.#topics.sent) this.#nextTopic()
    }
  }

  #accept(clientId: string): void {
    this.#habit = habitNamed(clientId.split('-')[0])
    if (this.#habit !== 'unconnected') this.#send({ type: 'connack', sessionPresent: false, returnCode: 0 })
  }

  #send(packet: ControlPacket): void {
    this.#socket.write(encodePacket(packet))
  }

  #answer(to: 'subscribe' | 'publish', answer: () => Uint8Array): void {
    if (this.#habit === 'collects') this.#collected.push(answer)
    else if (this.#habit === 'answers' || to === 'publish') this.#socket.write(answer())
  }

  #start(topic: string): void {
    this.#obeying = this.#obeying.then(() => this.#obey(topic))
  }

  async #obey(topic: string): Promise<void> {
    const [, command, ...parts] = topic.split('/')
    const [first = 0, second = 0, third = 0] = parts.map(Number)
    switch (command) {
      case 'publish':
        return this.#write(messages(first, second, third, false))
      case 'again':
        return this.#write(messages(first, second, third, true))
      case 'levels':
        return this.#write(levels(first, second))
      case 'pubrel':
        return this.#write([pubrels(first)])
      case 'suback':
        return this.#write(oversized(0x90, first))
      case 'subscribe':
        return this.#write(oversized(0x82, first))
      case 'refuse':
        this.#refuses = true
        return this.#write([Buffer.concat(this.#collected.map((answer) => answer()))])
      case 'backwards':
        return this.#write([Buffer.concat(this.#collected.reverse().map((answer) => answer()))])
      case 'one-by-one':
        this.#topics = { sent: 0, all: first }
        return this.#nextTopic()
    }
  }

  /** Never more than the socket takes: the memory of this machine is for the client. */
  async #write(pieces: Iterable<Uint8Array>): Promise<void> {
    for (const piece of pieces) {
      if (this.#socket.destroyed) return
      if (!this.#socket.write(piece)) await this.#room()
    }
    this.#done()
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      const over = () => {
        this.#socket.off('drain', over).off('close', over)
        resolve()
      }
      this.#socket.on('drain', over).on('close', over)
    })
  }

  #done(): void {
    this.#send({ type: 'publish', topic: 'in/done', payload: Buffer.alloc(0), qos: 0, retain: false })
  }

  #nextTopic(): void {
    if (this.#topics.sent === this.#topics.all) return this.#done()
    this.#topics.sent += 1
    const { sent } = this.#topics
    this.#socket.write(message(`in/${sent}`, 1, sent, Buffer.alloc(0), false))
  }
}

function habitNamed(name: string | undefined): Habit {
  return name === 'collects' || name === 'unsubscribed' || name === 'unconnected' ? name : 'answers'
}

function message(topic: string, qos: 1 | 2, packetId: number, payload: Uint8Array, dup: boolean): Uint8Array {
  return encodePacket({ type: 'publish', topic, payload, retain: false, dup, qos, packetId })
}

/** `count` messages with the Packet Identifiers 1 to `count`. */
function* messages(qos: number, count: number, payloadBytes: number, dup: boolean): Generator<Uint8Array> {
  const payload = Buffer.alloc(payloadBytes, 'x')
  const piece = payloadBytes > 1_000 ? 1 : 1_000
  for (let sent = 0; sent < count; sent += piece) {
    const some = Array.from({ length: Math.min(piece, count - sent) }, (_, index) =>
      message(incoming, qos === 2 ? 2 : 1, sent + index + 1, payload, dup),
    )
    yield Buffer.concat(some)
  }
}

/** `count` messages whose Topic Name has so many levels. */
function* levels(depth: number, count: number): Generator<Uint8Array> {
  const topic = Array(depth).fill('a').join('/')
  const one = encodePacket({ type: 'publish', topic, payload: Buffer.alloc(0), qos: 0, retain: false })
  yield Buffer.concat(Array(count).fill(one))
}

/** PUBREL for all but the first message. */
function pubrels(count: number): Uint8Array {
  return Buffer.concat(
    Array.from({ length: count - 1 }, (_, index) => encodePacket({ type: 'pubrel', packetId: index + 2 })),
  )
}

/** A packet for nothing that was asked. Its body of so many bytes is what a SUBSCRIBE has: Topic Filters of one character. */
function* oversized(firstByte: number, bodyBytes: number): Generator<Uint8Array> {
  const header = [firstByte]
  for (let rest = bodyBytes; rest > 0; rest >>>= 7) header.push(rest > 127 ? (rest & 127) | 128 : rest)
  yield Buffer.from(header)
  const body = Buffer.alloc(bodyBytes)
  body[1] = 5
  if (firstByte === 0x82) body.fill(Buffer.from([0, 1, 97, 0]), 2)
  for (let at = 0; at < body.length; at += 65_536) yield body.subarray(at, at + 65_536)
}

const server = createServer((socket) => void new Connection(socket))
server.listen(0, '::1')
await once(server, 'listening')
const address = server.address()
if (address === null || typeof address === 'string') throw new Error('the server has no port')
process.send?.(address.port)
process.on('disconnect', () => process.exit())
