/**
 * One stream of bytes to a server with the engine's Connection at its end. It turns bytes into packets and packets into bytes, and
 * nothing else: what a packet means is the engine's affair, what the end of the stream means is the lifecycle's.
 *
 * Packets that are sent gather in the writer's chunk. The chunk goes to the socket once a turn of the event loop, or as soon as the
 * engine's call has returned when it has grown to `flushBytes`; after a read of the socket it goes without waiting for the end of the turn, so that
 * all acknowledgements of one read leave in one write.
 */
import type { AcknowledgementPacket, ControlPacket, PacketIdentifier, QoS } from '../../codec/control-packet.js'
import { PacketDecoder } from '../../codec/decode/packet-decoder.js'
import { markBlocks } from '../../codec/decode/payload-copies.js'
import { PacketWriter } from '../../codec/encode/packet-writer.js'
import { ConnectionLostError } from '../../errors.js'
import type { Connection } from '../../protocol/connection/connection.js'
import { type PublishContent, publishPacket } from '../../protocol/driver.js'
import type { OpenTransport, Peer, Transport, TransportEvents } from '../../transport/transport.js'
import type { PublishTicket } from '../publish/publish-ticket.js'
import type { RequestTicket } from '../subscribe/tickets.js'
import type { ClientCounters } from '../surface/counters.js'
import { channels } from '../surface/diagnostics.js'
import { asError } from '../waiting/promises.js'
import type { JournalWriter } from './journal-writer.js'

// Loaded with the first message that arrives: a program that receives none does not pay for it.
markBlocks((memory) => process.getBuiltinModule('node:worker_threads').markAsUntransferable(memory))

/** A chunk of this size goes out at once: about what the kernel takes in one call. */
const flushBytes = 65_536

/** With so many bytes of acknowledgements unsent, the socket is not read: a server that does not read could make us pile them up. */
const unsentBytesMax = 1_048_576

/** 'held': so much waits for the journal that no message should follow for now. 'full': so much waits for the socket. */
type Output = 'open' | 'held' | 'full'

/**
 * 'paused': there is no room for what would come, and the engine knows that nothing is heard. 'behind output': only the socket's unsent
 * bytes are in the way. Of that the engine is not told: while they leave, that proves life, and when they do not, the silence counts.
 */
type Input = 'reading' | 'behind output' | 'paused'

/** The driver, as the stream sees it. */
export interface StreamOwner {
  now(): number
  /** A call of the engine has returned: what it has told is handed on, and much output is written. */
  engineReturned(): void
  /** Hands something on when the engine's call has returned. */
  tellLater(tell: () => void): void
  /** Writes what was sent. */
  flush(): void
  /** What is sent in this turn of the event loop goes out at its end. */
  beginTurn(): void
  /** PINGRESP came: so many PINGREQs of the connection are answered now. */
  pingAnswered(pingresps: number): void
  /** What came cannot be decoded: the connection has to be given up. */
  undecodable(error: Error): void
  /** The stream is over. */
  ended(stream: ConnectionStream, cause: Error): void
}

export class ConnectionStream implements TransportEvents {
  readonly connection: Connection<PublishTicket, RequestTicket>
  readonly #owner: StreamOwner
  /** The MqttClient, for the messages of the diagnostics channels. */
  readonly #client: object
  readonly #counters: ClientCounters
  readonly #writer = new PacketWriter()
  readonly #decoder: PacketDecoder
  readonly #transport: Transport
  #output: Output = 'open'
  #input: Input = 'reading'
  /** Bytes that wait for the journal. */
  #heldBytes = 0
  /** Of the bytes in the writer, of those that wait for the journal and of those with the transport: how many are acknowledgements. */
  readonly #acknowledgementBytes = { gathered: 0, held: 0, unsent: 0 }

  constructor(
    owner: StreamOwner,
    client: object,
    counters: ClientCounters,
    connection: Connection<PublishTicket, RequestTicket>,
    open: OpenTransport,
    maxPacketBytes: number,
  ) {
    this.connection = connection
    this.#owner = owner
    this.#client = client
    this.#counters = counters
    this.#decoder = new PacketDecoder({ maxPacketBytes })
    this.#transport = open(this)
  }

  get peer(): Peer | undefined {
    return this.#transport.peer
  }

  // What the transport tells.

  opened(): void {
    this.connection.open(this.#owner.now())
    this.#owner.flush()
  }

  received(chunk: Buffer): void {
    this.#counters.bytesIn += chunk.byteLength
    this.connection.bytesReceived(this.#owner.now())
    try {
      this.#decoder.decode(chunk, (packet) => this.#receivePacket(packet))
    } catch (error) {
      // What came before the fault has been handled; behind it nothing can be trusted.
      this.#owner.undecodable(asError(error))
      return
    }
    this.regulateReading()
    this.#owner.flush()
  }

  #receivePacket(packet: ControlPacket<Buffer>): void {
    this.#counters.packetsIn[packet.type] += 1
    if (channels.packetIn.hasSubscribers) channels.packetIn.publish({ client: this.#client, packet })
    this.connection.receive(packet)
    if (packet.type === 'pingresp') this.#owner.pingAnswered(this.connection.pingsAnswered)
    this.#owner.engineReturned()
    // [MQTT-4.8.0-1] Nothing behind a fault is looked at, and nothing behind the end that a handler asked for.
    if (this.connection.phase === 'closed') this.#decoder.stop()
  }

  partlySent(): void {
    this.connection.outputLeft(this.#owner.now(), 'part')
  }

  drained(): void {
    this.#acknowledgementBytes.unsent = 0
    this.connection.outputLeft(this.#owner.now(), this.unsentBytes > 0 ? 'part' : 'all')
    if (this.#heldBytes < flushBytes) this.#reopen()
    else this.#output = 'held'
    this.regulateReading()
  }

  closed(cause: Error | undefined): void {
    this.#owner.ended(this, cause ?? this.#unexpectedEnd())
  }

  /** The server has closed in good order for TCP, but MQTT has no such thing: it says whether a packet was cut. */
  #unexpectedEnd(): ConnectionLostError {
    try {
      this.#decoder.end()
      return new ConnectionLostError('the server closed the connection', { reason: 'closed' })
    } catch (error) {
      return new ConnectionLostError('the server closed the connection in the middle of a packet', {
        reason: 'closed',
        cause: error,
      })
    }
  }

  // What the client asks.

  send(packet: ControlPacket): void {
    this.#writer.write(packet)
    this.#counters.packetsOut[packet.type] += 1
    if (channels.packetOut.hasSubscribers) this.#tellOfPacket(packet)
  }

  #tellOfPacket(packet: ControlPacket): void {
    this.#owner.tellLater(() => channels.packetOut.publish({ client: this.#client, packet }))
  }

  publish(message: PublishContent, qos: QoS, dup: boolean, packetId: PacketIdentifier | undefined): void {
    const { topic, payload, retain } = message
    this.#writer.publish(topic, payload, qos, retain, dup, packetId)
    this.#counters.packetsOut.publish += 1
    if (channels.packetOut.hasSubscribers) this.#tellOfPacket(publishPacket(message, qos, dup, packetId))
  }

  acknowledge(type: AcknowledgementPacket['type'], packetId: PacketIdentifier): void {
    const before = this.#writer.byteLength
    this.#writer.acknowledge(type, packetId)
    this.#acknowledgementBytes.gathered += this.#writer.byteLength - before
    this.#counters.packetsOut[type] += 1
    if (channels.packetOut.hasSubscribers) this.#tellOfPacket({ type, packetId })
  }

  /** True if so much was sent that it should not wait for the end of the turn. */
  get hasMuchOutput(): boolean {
    return this.#writer.byteLength >= flushBytes || this.connection.moreWaits
  }

  /** Hands what was sent to the socket, once all that the journal was told before is safe; and goes on as long as it takes more. */
  flush(journal: JournalWriter | undefined): void {
    this.#handOver(journal)
    while (this.connection.moreWaits) {
      this.connection.pump(this.#owner.now())
      this.#handOver(journal)
    }
  }

  #handOver(journal: JournalWriter | undefined): void {
    if (this.#writer.byteLength === 0) return
    const chunk = this.#writer.take()
    const { gathered } = this.#acknowledgementBytes
    this.#acknowledgementBytes.gathered = 0
    if (journal === undefined) return this.#write(chunk, gathered)
    this.#heldBytes += chunk.byteLength
    this.#acknowledgementBytes.held += gathered
    journal.whenSafe(() => this.#release(chunk, gathered))
    if (this.#heldBytes >= flushBytes && this.#output === 'open') {
      this.#output = 'held'
      this.connection.outputFull()
    }
  }

  #release(chunk: Buffer, acknowledgementBytes: number): void {
    this.#heldBytes -= chunk.byteLength
    this.#acknowledgementBytes.held -= acknowledgementBytes
    this.#write(chunk, acknowledgementBytes)
    if (this.#output === 'held' && this.#heldBytes < flushBytes) this.#reopen()
    // A transport that still has room tells of no drain, and nothing else would end a pause that the journal caused.
    if (this.#input === 'paused') this.regulateReading()
  }

  #write(chunk: Buffer, acknowledgementBytes: number): void {
    this.#counters.bytesOut += chunk.byteLength
    this.connection.bytesSent(this.#owner.now())
    const hasRoom = this.#transport.write(chunk)
    // The operating system took all of it at once, so nobody will read the chunk again.
    if (this.#transport.writtenChunks === 'free' && this.#transport.unsentBytes === 0) this.#writer.recycle(chunk)
    if (hasRoom) return
    this.#acknowledgementBytes.unsent += acknowledgementBytes
    this.#output = 'full'
    this.connection.outputFull()
  }

  #reopen(): void {
    this.#output = 'open'
    this.connection.outputDrained(this.#owner.now())
    this.#owner.beginTurn()
  }

  /**
   * Reads or does not read, as the backlog of messages and the unsent acknowledgements demand. Messages of ours do not count: a server
   * cannot make us publish, and whoever waits for the acknowledgement of a large one has to read it.
   */
  regulateReading(): void {
    const { gathered, held, unsent } = this.#acknowledgementBytes
    const hasRoom = this.connection.wantsToRead(this.#owner.now()) && gathered + held < unsentBytesMax
    const wanted = !hasRoom ? 'paused' : gathered + held + unsent < unsentBytesMax ? 'reading' : 'behind output'
    const before = this.#input
    if (wanted === before) return
    this.#input = wanted
    if (wanted === 'reading') this.#transport.resume()
    else this.#transport.pause()
    if (wanted === 'paused') this.connection.readingPaused()
    else if (before === 'paused') this.connection.readingResumed(this.#owner.now())
  }

  get unsentBytes(): number {
    return this.#transport.unsentBytes + this.#heldBytes + this.#writer.byteLength
  }

  /** After DISCONNECT: closes when everything has been written. */
  end(): void {
    this.#transport.end()
  }

  destroy(): void {
    this.#decoder.stop()
    this.#transport.destroy()
  }
}
