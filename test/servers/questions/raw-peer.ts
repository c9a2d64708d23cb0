/**
 * A client that sends what a question says, packet by packet, and shows every packet that the server sends. It acknowledges what
 * it receives, unless it is told to keep silent.
 */
import { once } from 'node:events'
import net from 'node:net'
import { type ControlPacket, type DecodedPacket, encodePacket, PacketDecoder, type QoS } from 'mqtt311/codec'
import { onTestFinished } from 'vitest'
import type { Login } from '../kinds/server-kind.js'
import type { ServerProcess } from '../process/server-process.js'

export type Packet = DecodedPacket<false>
type PacketOf<Type extends Packet['type']> = Extract<Packet, { readonly type: Type }>

export interface PeerOptions {
  readonly clientId?: string | undefined
  readonly cleanSession?: boolean | undefined
  readonly keepAlive?: number | undefined
  readonly login?: Login | undefined
  readonly will?: { readonly topic: string } | undefined
  /** False: PUBLISH and PUBREL are not answered. */
  readonly acknowledge?: boolean | undefined
}

/** Where the Connect Flags are in a CONNECT of fewer than 128 bytes. */
const connectFlags = 9

let lastNumber = 0

/** A name that no other question uses. */
export function fresh(prefix: string): string {
  lastNumber += 1
  return `${prefix}${process.pid}x${lastNumber}`
}

export class RawPeer {
  readonly received: Packet[] = []
  readonly #socket: net.Socket
  readonly #acknowledge: boolean
  readonly #watchers = new Set<() => void>()
  #closed = false
  #lastIdentifier = 0

  private constructor(socket: net.Socket, acknowledge: boolean) {
    this.#socket = socket
    this.#acknowledge = acknowledge
    const decoder = new PacketDecoder({ strict: false, from: 'server' })
    socket.on('data', (chunk: Buffer) => {
      decoder.decode(chunk, (packet) => this.#take(packet))
    })
    socket.on('error', () => {})
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      this.#closed = true
      this.#wake()
    })
    onTestFinished(() => void socket.destroy())
  }

  /** A connection whose CONNECT has been sent. */
  static async open(server: ServerProcess, options: PeerOptions = {}): Promise<RawPeer> {
    const { clientId = fresh('peer'), cleanSession = true, keepAlive = 0, will, acknowledge = true } = options
    const { login = server.kind.login } = options
    const socket = net.connect({ host: server.host, port: server.port, noDelay: true })
    await once(socket, 'connect')
    const peer = new RawPeer(socket, acknowledge)
    const user = login === undefined ? {} : { ...login, password: Buffer.from(login.password) }
    const last =
      will === undefined ? {} : { will: { ...will, payload: Buffer.from('gone'), qos: 1 as const, retain: false } }
    const connect = encodePacket({ type: 'connect', clientId, cleanSession: true, keepAlive, ...user, ...last })
    // An empty Client Identifier with Clean Session 0 is what the codec does not write [MQTT-3.1.3-7].
    if (!cleanSession) connect.writeUInt8(connect.readUInt8(connectFlags) & ~0x02, connectFlags)
    socket.write(connect)
    return peer
  }

  /** A connection that the server has accepted. */
  static async connected(server: ServerProcess, options: PeerOptions = {}): Promise<RawPeer> {
    const peer = await RawPeer.open(server, options)
    const connack = await peer.connack()
    if (connack === 'closed' || connack.returnCode !== 0) throw new Error(`${server.kind.name} did not admit a client`)
    return peer
  }

  send(...packets: ControlPacket[]): void {
    this.#socket.write(Buffer.concat(packets.map(encodePacket)))
  }

  /** Resolves when such a packet has been received, also before this call; `'closed'` if the connection ends first. */
  async until<Found extends Packet>(wanted: (packet: Packet) => packet is Found): Promise<Found | 'closed'>
  async until(wanted: (packet: Packet) => boolean): Promise<Packet | 'closed'>
  async until(wanted: (packet: Packet) => boolean): Promise<Packet | 'closed'> {
    for (;;) {
      const packet = this.received.find(wanted)
      if (packet !== undefined) return packet
      if (this.#closed) return 'closed'
      await new Promise<void>((resolve) => this.#watchers.add(resolve))
    }
  }

  async untilClosed(): Promise<void> {
    await this.until(() => false)
  }

  connack(): Promise<PacketOf<'connack'> | 'closed'> {
    return this.until((packet) => packet.type === 'connack')
  }

  /** The Return Codes of the SUBACK, as numbers. */
  async subscribe(filters: string | readonly string[], qos: QoS = 1): Promise<readonly number[] | 'closed'> {
    const packetId = this.#identifier()
    const list = typeof filters === 'string' ? [filters] : filters
    this.send({ type: 'subscribe', packetId, subscriptions: list.map((filter) => ({ filter, qos })) })
    const suback = await this.until((packet) => packet.type === 'suback' && packet.packetId === packetId)
    return suback === 'closed' || suback.type !== 'suback' ? 'closed' : [...suback.returnCodes]
  }

  /** Sends PUBLISH, and tells what the first answer to it is. At QoS 0 it waits for nothing. */
  async publish(topic: string, payload: string, qos: QoS = 1, retain = false): Promise<Packet | 'closed' | 'sent'> {
    const packetId = this.write(topic, payload, qos, retain)
    if (packetId === undefined) return 'sent'
    return this.until(
      (packet) => (packet.type === 'puback' || packet.type === 'pubrec') && packet.packetId === packetId,
    )
  }

  /** Sends PUBLISH, and gives its Packet Identifier. */
  write(topic: string, payload: string, qos: QoS, retain = false): number | undefined {
    const message = { type: 'publish', topic, payload: Buffer.from(payload), retain } as const
    if (qos === 0) {
      this.send({ ...message, qos })
      return undefined
    }
    const packetId = this.#identifier()
    this.send({ ...message, qos, packetId, dup: false })
    return packetId
  }

  /** Every PUBLISH so far with this payload. */
  messages(payload: string): PacketOf<'publish'>[] {
    return this.received
      .filter((packet) => packet.type === 'publish')
      .filter((packet) => Buffer.from(packet.payload).toString() === payload)
  }

  async message(payload: string): Promise<PacketOf<'publish'> | 'closed'> {
    return this.until(
      (packet): packet is PacketOf<'publish'> =>
        packet.type === 'publish' && Buffer.from(packet.payload).toString() === payload,
    )
  }

  /** Resolves when the server has answered a PINGREQ, or has ended the connection. */
  async ping(): Promise<'answered' | 'closed'> {
    const before = this.#pongs()
    this.send({ type: 'pingreq' })
    return (await this.until(() => this.#pongs() > before)) === 'closed' ? 'closed' : 'answered'
  }

  #pongs(): number {
    return this.received.filter(({ type }) => type === 'pingresp').length
  }

  /** DISCONNECT, and the end of the connection. */
  async end(): Promise<void> {
    this.send({ type: 'disconnect' })
    this.#socket.end()
    await this.untilClosed()
  }

  /** Breaks the connection off. */
  async cut(): Promise<void> {
    this.#socket.destroy()
    await this.untilClosed()
  }

  #identifier(): number {
    this.#lastIdentifier += 1
    return this.#lastIdentifier
  }

  #take(packet: Packet): void {
    this.received.push(packet)
    if (this.#acknowledge) this.#answer(packet)
    this.#wake()
  }

  #answer(packet: Packet): void {
    if (packet.type === 'pubrel') this.send({ type: 'pubcomp', packetId: packet.packetId })
    if ((packet.type !== 'publish' && packet.type !== 'unnamed-publish') || packet.qos === 0) return
    this.send({ type: packet.qos === 1 ? 'puback' : 'pubrec', packetId: packet.packetId })
  }

  #wake(): void {
    for (const wake of this.#watchers) wake()
    this.#watchers.clear()
  }
}

/** How many times a message goes to and fro before what has not come is believed not to come. */
const rounds = 5

/**
 * Resolves when messages that were published now have gone from one client to another at QoS 0 and 1, one after the other, and the
 * others have had their answers: what the server wanted to send to them before is there then.
 */
export async function settled(server: ServerProcess, ...peers: readonly RawPeer[]): Promise<void> {
  const topic = fresh('ok/settled')
  const [publisher, subscriber] = [await RawPeer.connected(server), await RawPeer.connected(server)]
  await subscriber.subscribe(topic, 1)
  for (let round = 0; round < rounds; round += 1) {
    for (const qos of [0, 1] as const) {
      const payload = `${round} at ${qos}`
      await publisher.publish(topic, payload, qos)
      await subscriber.message(payload)
    }
    for (const peer of peers) await peer.ping()
  }
  await Promise.all([publisher.end(), subscriber.end()])
}
