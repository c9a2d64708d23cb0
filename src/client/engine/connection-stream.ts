/**
 * One byte stream to a server, between the engine's Connection and the transport. This class only decodes bytes to packets and encodes
 * packets to bytes. The engine knows what a packet means; the lifecycle decides what follows the end of the stream.
 *
 * Packets that are sent gather in the chunk of the writer. The chunk goes to the socket at the end of the turn of the event loop, or
 * when it has `flushBytes` and the engine's call has returned. After a read of the socket it goes at once, so that all
 * acknowledgements of one read leave in one write.
 */
import type {
  AcknowledgementPacket,
  ControlPacket,
  DecodedPacket,
  PacketIdentifier,
  QoS,
} from '../../codec/control-packet.js'
import type { PacketAnomaly } from '../../codec/decode/packet-reader.js'
import { markBlocks } from '../../codec/decode/payload-copies.js'
import { decodeServerBody } from '../../codec/decode/server-bodies.js'
import { type PacketDecoderOptions, StreamDecoder } from '../../codec/decode/stream-decoder.js'
import { PacketWriter } from '../../codec/encode/packet-writer.js'
import { ConnectionLostError } from '../../errors.js'
import type { Connection } from '../../protocol/connection/connection.js'
import { asViolation } from '../../protocol/connection/violations.js'
import { type PublishContent, publishPacket } from '../../protocol/driver.js'
import type { OpenTransport, Peer, Transport, TransportEvents } from '../../transport/transport.js'
import type { PublishTicket } from '../publish/publish-ticket.js'
import type { RequestTicket } from '../subscribe/tickets.js'
import type { ClientCounters } from '../surface/counters.js'
import { channels } from '../surface/diagnostics.js'
import { asError } from '../waiting/promises.js'
import type { JournalWriter } from './journal-writer.js'
import { asOtherProtocol, endedBeforeConnack } from './wrong-port.js'

// The module is loaded for the first message that arrives, so a program that receives none does not load it.
markBlocks((memory) => process.getBuiltinModule('node:worker_threads').markAsUntransferable(memory))

/** A chunk of this size goes out at once: about what the kernel takes in one call. */
const flushBytes = 65_536

/** With so many unsent bytes of acknowledgements the socket is not read: a server that does not read could fill our memory with them. */
const unsentBytesMax = 1_048_576

/**
 * A read of 64 KiB may hold 13,000 packets, and Node reads many times in one turn of the event loop. Input that takes longer than this
 * waits for the next turn, so that timers and other connections get theirs. A smaller read does not count: it is soon done.
 */
const inputMsPerTurn = 10
const countedReadBytes = 1_024
/** A look at the clock costs as much as a tenth of a packet. */
const packetsPerLook = 16
/** In so many turns the socket has given all that had come when a deadline was reached: a socket holds some MiB. */
const turnsPutOffMax = 64
/** The length of PUBACK, PUBREC and PUBCOMP: of other answers only few are due. */
export const acknowledgementBytes = 4
const noBytes = Buffer.alloc(0)

/** 'behind journal': much output waits for the journal. 'full': much output waits for the socket. In both states no message is sent. */
type Output = 'open' | 'behind journal' | 'full'

/**
 * 'paused': there is no room for more input, and the engine knows that the socket is not read. 'behind output': the socket is not read
 * only because of unsent bytes. The engine does not know of that: while these bytes leave, the server is alive; when they do not, the
 * silence counts for the time-outs. 'behind turn': the socket is not read in this turn of the event loop, which has lasted long enough.
 */
type Input = 'reading' | 'behind output' | 'behind turn' | 'paused'

/** The driver, as the stream sees it. */
export interface StreamOwner {
  now(): number
  /**
   * Whether a rest of the socket, which `bytes` take to come, delays nothing. Answers that are due would be late, unless all of them
   * need more time than the rest.
   */
  mayRest(bytes: number): boolean
  /** Runs `read`, which handles the packets of one long read. */
  duringRead(read: () => void): void
  /** A call of the engine has returned: runs the reports of the engine, and writes the output if there is much of it. */
  engineReturned(): void
  /** Runs `report` when the engine's call has returned. */
  reportLater(report: () => void): void
  /** Writes all output. */
  flush(): void
  /** Everything that is sent in this turn of the event loop is written at its end. */
  beginTurn(): void
  /** PINGRESP has come; `pingresps` is their number on this connection. */
  pingAnswered(pingresps: number): void
  /** The decoder has read on at a fault of the server. `bytes` are those of the packet, for the time of the call. */
  misformed(anomaly: PacketAnomaly, packet: DecodedPacket<false>, bytes: Uint8Array): void
  /** The connection has to end: input cannot be decoded. */
  connectionEnded(error: Error): void
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
  readonly #decoder: StreamDecoder<boolean>
  readonly #transport: Transport
  /** As it was when the stream was opened. */
  #peer: Peer | undefined
  #output: Output = 'open'
  #input: Input = 'reading'
  /** When the input of this turn of the event loop began; undefined if it was little so far. */
  #turnBegan: number | undefined
  #turnTime: 'left' | 'over' = 'left'
  #nextTurn: NodeJS.Immediate | undefined
  #packets = 0
  #turnsPutOff = 0
  /** Bytes that wait for the journal. */
  #journalBytes = 0
  /** The bytes of acknowledgements in the writer, in the chunks that wait for the journal, and in the transport. */
  readonly #acknowledgementBytes = { inWriter: 0, behindJournal: 0, unsent: 0 }

  constructor(
    owner: StreamOwner,
    client: object,
    counters: ClientCounters,
    connection: Connection<PublishTicket, RequestTicket>,
    open: OpenTransport,
    decoding: PacketDecoderOptions<boolean>,
  ) {
    this.connection = connection
    this.#owner = owner
    this.#client = client
    this.#counters = counters
    const onAnomaly: PacketDecoderOptions['onAnomaly'] = (...reported) => owner.misformed(...reported)
    this.#decoder = new StreamDecoder({ ...decoding, from: 'server', onAnomaly }, decodeServerBody)
    this.#transport = open(this)
    // Code of the program runs in `open`, such as the option `stream`. It may have ended the client, which had no stream to close yet.
    if (connection.phase === 'closed') this.destroy()
  }

  get peer(): Peer | undefined {
    return this.#transport.peer
  }

  // Calls of the transport.

  opened(): void {
    this.#peer = this.#transport.peer
    this.connection.open(this.#owner.now())
    this.#owner.flush()
  }

  received(chunk: Buffer): void {
    this.#counters.bytesIn += chunk.byteLength
    const now = this.#owner.now()
    this.connection.bytesReceived(now)
    if (chunk.byteLength >= countedReadBytes) this.#beginTurn(now)
    this.#decode(chunk)
  }

  #decode(chunk: Buffer): void {
    try {
      if (chunk.byteLength < countedReadBytes) this.#decodePackets(chunk)
      else this.#owner.duringRead(() => this.#decodePackets(chunk))
    } catch (error) {
      // Packets before the fault are handled already; bytes after the fault mean nothing.
      const fault = asError(asViolation(error))
      this.#owner.connectionEnded(this.connection.phase === 'connecting' ? asOtherProtocol(fault, chunk) : fault)
      return
    }
    this.#lookAtClock()
    this.regulateReading()
    this.#owner.flush()
  }

  #decodePackets(chunk: Buffer): void {
    this.#decoder.decode(chunk, (packet) => this.#receivePacket(packet))
  }

  #receivePacket(packet: DecodedPacket<boolean>): void {
    this.#counters.packetsIn[packet.type === 'unnamed-publish' ? 'publish' : packet.type] += 1
    if (channels.packetIn.hasSubscribers) channels.packetIn.publish({ client: this.#client, packet })
    this.connection.receive(packet)
    if (packet.type === 'pingresp') this.#owner.pingAnswered(this.connection.pingsAnswered)
    this.#owner.engineReturned()
    // [MQTT-4.8.0-1] No packet after a fault is read, and no packet after a handler has ended the connection.
    if (this.connection.phase === 'closed') this.#decoder.stop()
    this.#packets += 1
    if (this.#packets % packetsPerLook === 0) this.#lookAtClock()
    // Handlers of earlier connections may have left no room: what comes with CONNACK waits, or each connection would add to it.
    const isFull = packet.type === 'connack' && !this.connection.wantsToRead(this.#owner.now())
    if (this.#turnTime === 'over' || isFull) this.#decoder.pause()
  }

  #beginTurn(now: number): void {
    if (this.#turnBegan !== undefined) return
    this.#turnBegan = now
    this.#nextTurn = setImmediate(() => this.#turnEnded())
  }

  #lookAtClock(): void {
    if (this.#turnBegan === undefined) return
    if (this.#owner.now() - this.#turnBegan >= inputMsPerTurn) this.#turnTime = 'over'
  }

  #turnEnded(): void {
    this.#turnBegan = undefined
    if (this.#turnTime === 'left') return
    this.#turnTime = 'left'
    this.#beginTurn(this.#owner.now())
    this.#decode(noBytes)
  }

  /** True if the answer that is due may wait for the next turn of the event loop. A server that goes on sending puts nothing off for ever. */
  putsDeadlinesOff(): boolean {
    const isUnread = this.#turnTime === 'over' || this.#transport.wake()
    const isBehind = isUnread && this.#turnsPutOff < turnsPutOffMax
    this.#turnsPutOff = isBehind ? this.#turnsPutOff + 1 : 0
    return isBehind
  }

  mayRest(bytes: number): boolean {
    return this.#owner.mayRest(bytes)
  }

  partlySent(): void {
    this.connection.outputTaken(this.#owner.now(), 'part')
  }

  drained(): void {
    this.#acknowledgementBytes.unsent = 0
    this.connection.outputTaken(this.#owner.now(), this.unsentBytes > 0 ? 'part' : 'all')
    if (this.#journalBytes < flushBytes) this.#reopen()
    else this.#output = 'behind journal'
    this.regulateReading()
  }

  closed(cause: Error | undefined): void {
    this.#turnBegan = undefined
    this.#turnTime = 'left'
    if (this.#decoder.hasRest && this.#input !== 'paused') this.#decode(noBytes)
    const end = cause ?? this.#unexpectedEnd()
    const isRefused = this.connection.phase === 'connecting'
    this.connection.cut(this.#owner.now())
    this.#owner.ended(this, isRefused ? endedBeforeConnack(end, this.#peer) : end)
  }

  /** The server has closed the stream without an error. In MQTT that is always a lost connection; the error says if a packet was cut. */
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

  // Calls of the client.

  send(packet: ControlPacket): void {
    this.#writer.write(packet)
    this.#counters.packetsOut[packet.type] += 1
    if (channels.packetOut.hasSubscribers) this.#reportPacket(packet)
  }

  #reportPacket(packet: ControlPacket): void {
    this.#owner.reportLater(() => channels.packetOut.publish({ client: this.#client, packet }))
  }

  publish(message: PublishContent, qos: QoS, dup: boolean, packetId: PacketIdentifier | undefined): void {
    const { topic, payload, retain } = message
    this.#writer.publish(topic, payload, qos, retain, dup, packetId)
    this.#counters.packetsOut.publish += 1
    if (channels.packetOut.hasSubscribers) this.#reportPacket(publishPacket(message, qos, dup, packetId))
  }

  acknowledge(type: AcknowledgementPacket['type'], packetId: PacketIdentifier): void {
    const before = this.#writer.byteLength
    this.#writer.acknowledge(type, packetId)
    this.#acknowledgementBytes.inWriter += this.#writer.byteLength - before
    this.#counters.packetsOut[type] += 1
    if (channels.packetOut.hasSubscribers) this.#reportPacket({ type, packetId })
  }

  /** True if there is too much output to wait for the end of the turn. */
  get hasMuchOutput(): boolean {
    return this.#writer.byteLength >= flushBytes || this.connection.moreWaits
  }

  /** Writes the output to the socket when the journal has every earlier record, and lets the engine send more as long as it can. */
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
    const { inWriter } = this.#acknowledgementBytes
    this.#acknowledgementBytes.inWriter = 0
    if (journal === undefined) return this.#write(chunk, inWriter)
    this.#journalBytes += chunk.byteLength
    this.#acknowledgementBytes.behindJournal += inWriter
    journal.whenSafe(() => this.#release(chunk, inWriter))
    if (this.#journalBytes >= flushBytes && this.#output === 'open') {
      this.#output = 'behind journal'
      this.connection.outputFull()
    }
  }

  #release(chunk: Buffer, acknowledgementBytes: number): void {
    this.#journalBytes -= chunk.byteLength
    this.#acknowledgementBytes.behindJournal -= acknowledgementBytes
    this.#write(chunk, acknowledgementBytes)
    if (this.#output === 'behind journal' && this.#journalBytes < flushBytes) this.#reopen()
    // The journal caused this pause. A transport that was never full does not report that it is drained, so the pause ends here.
    if (this.#input === 'paused') this.regulateReading()
  }

  #write(chunk: Buffer, acknowledgementBytes: number): void {
    this.#counters.bytesOut += chunk.byteLength
    this.connection.bytesSent(this.#owner.now())
    const hasRoom = this.#transport.write(chunk)
    // The operating system took the whole chunk at once, so nothing will read the chunk again.
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
   * Pauses or resumes reading, depending on the backlog of messages and the unsent acknowledgements. Unsent messages of ours do not
   * count: a server cannot make us publish, and the acknowledgement of a large message can only come if the socket is read.
   */
  regulateReading(): void {
    const { inWriter, behindJournal, unsent } = this.#acknowledgementBytes
    const unwritten = inWriter + behindJournal
    const hasRoom = this.connection.wantsToRead(this.#owner.now()) && unwritten < unsentBytesMax
    const isUnsent = unwritten + unsent >= unsentBytesMax
    if (hasRoom && this.#decoder.hasRest) {
      this.#turnTime = 'over'
      this.#beginTurn(this.#owner.now())
    }
    const otherwise = this.#turnTime === 'over' ? 'behind turn' : 'reading'
    const wanted = !hasRoom ? 'paused' : isUnsent ? 'behind output' : otherwise
    const before = this.#input
    if (wanted === before) return
    this.#input = wanted
    if (wanted === 'reading') this.#transport.resume()
    else this.#transport.pause()
    if (wanted === 'paused') this.connection.readingPaused()
    else if (before === 'paused') this.connection.readingResumed(this.#owner.now())
  }

  get unsentBytes(): number {
    return this.#transport.unsentBytes + this.#journalBytes + this.#writer.byteLength
  }

  /** After DISCONNECT: closes the stream when all output has left. */
  end(): void {
    this.#transport.end()
  }

  destroy(): void {
    this.#decoder.stop()
    clearImmediate(this.#nextTurn)
    this.#transport.destroy()
  }
}
