/**
 * Cuts a stream of bytes into Control Packets (section 2.2), however the network has chunked it.
 *
 * A packet that lies whole in the chunk is decoded where it lies. What is left at the end of a chunk, less than a
 * packet, is copied into an assembly, and the next chunks add to it until the packet is whole: the first bytes one by
 * one until Remaining Length is known, then as much as is there. Nothing else is ever held back.
 *
 * The fixed header is checked byte by byte in the order of the stream and the rest once the packet is whole, in both
 * places by the same code: a fault is the same fault, at the same offset, wherever the chunks were cut.
 *
 *   ready -> decoding -> ready       decode() was called, and came to the end of its chunk
 *   ready, decoding -> stopped       stop() was called, or onPacket threw: the rest of the stream is not looked at; or
 *                                    the bytes are no packet: nothing behind them can be trusted, and the error is kept,
 *                                    which each later call throws again
 */
import { type MalformedPacketError, UsageError } from '../../errors.js'
import { byteAt } from '../byte-at.js'
import type { ControlPacket } from '../control-packet.js'
import { MAX_PACKET_BYTES } from '../fixed-header.js'
import { describeFirstByte, type PacketType, typeOfFirstByte } from '../packet-type.js'
import { decodePublish, decodeSuback, decodeSubscribe, decodeUnsubscribe } from './decode-bodies.js'
import { decodeConnack, decodeConnect } from './decode-connect.js'
import { readPacketSize } from './decode-fixed-header.js'
import { PacketAssembly } from './packet-assembly.js'
import { borrowReader, type PacketReader, returnReader } from './packet-reader.js'

/** What a decoder can be told. */
export interface PacketDecoderOptions {
  /** The largest packet, fixed header included, that is taken in: 2 to 268,435,460 bytes, by default the latter. */
  readonly maxPacketBytes?: number | undefined
}

type OnPacket = (packet: ControlPacket<Buffer>) => void
type Phase = 'ready' | 'decoding' | 'stopped'

/** Turns a stream of bytes, cut anywhere, into Control Packets. It checks everything that one packet can show. */
export class PacketDecoder {
  readonly #maxPacketBytes: number
  #phase: Phase = 'ready'
  #failure: MalformedPacketError | undefined
  /** Bytes of the stream before the assembly or, without one, before the next chunk. */
  #streamOffset = 0
  /** The beginning of a packet that the last chunk did not complete; absent if it ended between two packets. */
  #assembly: PacketAssembly | undefined

  /** @throws UsageError if `maxPacketBytes` is not an integer from 2 to 268,435,460. */
  constructor(options: PacketDecoderOptions = {}) {
    const { maxPacketBytes = MAX_PACKET_BYTES } = options
    if (!Number.isInteger(maxPacketBytes) || maxPacketBytes < 2 || maxPacketBytes > MAX_PACKET_BYTES) {
      throw new UsageError(`maxPacketBytes has to be an integer from 2 to ${MAX_PACKET_BYTES}, not ${maxPacketBytes}`)
    }
    this.#maxPacketBytes = maxPacketBytes
  }

  /**
   * Takes the next bytes of the stream and hands over the packets that are complete now, in order. The chunk is free
   * for reuse when the call returns: payloads are copies.
   *
   * With `onPacket` each packet is handed over before the bytes behind it are looked at, so all that came before a
   * fault has arrived when the error is thrown. The form that returns an array has nothing to return then: its
   * packets are lost.
   *
   * If `onPacket` throws, the error comes out here, and the rest of the stream is not looked at: see `stop`.
   *
   * @throws MalformedPacketError at the first fault, and the same error at each later call.
   * @throws UsageError if it is called from inside `onPacket`.
   */
  decode(chunk: Uint8Array): ControlPacket<Buffer>[]
  decode(chunk: Uint8Array, onPacket: (packet: ControlPacket<Buffer>) => void): void
  decode(chunk: Uint8Array, onPacket?: (packet: ControlPacket<Buffer>) => void): ControlPacket<Buffer>[] | undefined {
    if (onPacket !== undefined) {
      this.#decode(chunk, onPacket)
      return undefined
    }
    const packets: ControlPacket<Buffer>[] = []
    this.#decode(chunk, (packet) => void packets.push(packet))
    return packets
  }

  /**
   * Nothing behind the packet in hand is looked at any more, in this chunk or a later one: `decode` and `end` do
   * nothing from here on. For a connection that was given up from inside `onPacket`.
   */
  stop(): void {
    this.#phase = 'stopped'
    this.#assembly = undefined
  }

  /**
   * The stream has ended. Between two packets that is no fault, inside one it is.
   *
   * @throws MalformedPacketError if the stream ended inside a packet, or had a fault before.
   */
  end(): void {
    this.#refuseUnlessReady('end')
    if (this.#phase === 'stopped' || this.#assembly === undefined) return
    this.#phase = 'stopped'
    const { bytes, length, packetSize } = this.#assembly
    const size = packetSize === 0 ? 'an unknown number of bytes' : `${packetSize} bytes`
    const what = `the end of the stream inside ${describeFirstByte(bytes, 0)}, after ${length} of ${size}`
    const reader = borrowReader()
    try {
      reader.load(bytes, this.#streamOffset, false)
      reader.start = 0
      reader.fail('unexpected-end', '4.2', length, what)
    } finally {
      this.#putDown(reader)
    }
  }

  #refuseUnlessReady(method: string): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#phase === 'decoding') throw new UsageError(`${method}() was called from inside onPacket`)
  }

  #decode(chunk: Uint8Array, onPacket: OnPacket): void {
    if (!(chunk instanceof Uint8Array)) throw new UsageError(`a chunk has to be a Uint8Array, not ${typeof chunk}`)
    this.#refuseUnlessReady('decode')
    if (this.#phase === 'stopped') return
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    // What ends this call before its last line ends the decoder: the place in the stream is lost.
    let phase: Phase = 'stopped'
    this.#phase = 'decoding'
    const reader = borrowReader()
    try {
      const taken = this.#assembly !== undefined ? this.#assemble(reader, bytes, 0, onPacket) : 0
      const decoded = this.#decodeInPlace(reader, bytes, taken, onPacket)
      if (decoded < bytes.length) this.#assemble(reader, bytes, decoded, onPacket)
      phase = this.#phase === 'decoding' ? 'ready' : this.#phase
    } finally {
      this.#phase = phase
      this.#putDown(reader)
    }
  }

  /** The work on a chunk, or on the end of the stream, is over. */
  #putDown(reader: PacketReader): void {
    this.#failure = reader.failure
    returnReader(reader)
    if (this.#phase === 'stopped') this.#assembly = undefined
  }

  /** Hands over the packets that lie whole in the chunk and returns where the first one begins that does not. */
  #decodeInPlace(reader: PacketReader, bytes: Buffer, from: number, onPacket: OnPacket): number {
    const chunkEnd = bytes.length
    reader.load(bytes, this.#streamOffset - from, false)
    let start = from
    while (start < chunkEnd && this.#phase === 'decoding') {
      reader.start = start
      reader.end = chunkEnd
      const size = readPacketSize(reader, this.#maxPacketBytes)
      if (size === 0 || size > chunkEnd - start) break
      reader.end = start + size
      const packet = decodePacket(reader)
      start += size
      onPacket(packet)
    }
    this.#streamOffset += start - from
    return this.#phase === 'decoding' ? start : chunkEnd
  }

  /**
   * Adds bytes of the chunk, from `from` on, to the assembly, hands its packet over if they complete it, and returns
   * the first byte that it did not take.
   */
  #assemble(reader: PacketReader, chunk: Buffer, from: number, onPacket: OnPacket): number {
    this.#assembly ??= new PacketAssembly()
    const assembly = this.#assembly
    let position = from
    while (assembly.packetSize === 0 && position < chunk.length) {
      assembly.append(chunk, position, position + 1)
      position += 1
      reader.load(assembly.bytes, this.#streamOffset, false)
      reader.start = 0
      reader.end = assembly.length
      assembly.packetSize = readPacketSize(reader, this.#maxPacketBytes)
    }
    const { packetSize } = assembly
    if (packetSize === 0) return position
    const end = Math.min(chunk.length, position + packetSize - assembly.length)
    assembly.append(chunk, position, end)
    if (assembly.length < packetSize) return end
    // What is behind the packet must not be copied along with it.
    reader.load(assembly.bytes.subarray(0, packetSize), this.#streamOffset, assembly.ownsMemory)
    reader.start = 0
    reader.end = packetSize
    readPacketSize(reader, this.#maxPacketBytes)
    const packet = decodePacket(reader)
    this.#streamOffset += packetSize
    this.#assembly = undefined
    onPacket(packet)
    return end
  }
}

/** Decodes the packet that the reader is open on; its fixed header has been read. */
function decodePacket(reader: PacketReader): ControlPacket<Buffer> {
  const type = typeOfFirstByte[byteAt(reader.bytes, reader.start)]
  /* v8 ignore if -- @preserve readPacketSize has refused this byte already; only a mistake of ours could get here */
  if (type === undefined) throw new RangeError('the fixed header was not checked')
  return decodeBody(reader, type)
}

function decodeBody(reader: PacketReader, type: PacketType): ControlPacket<Buffer> {
  const { name } = type
  switch (name) {
    case 'publish':
      return decodePublish(reader)
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
      // [MQTT-2.3.1-6] they carry the identifier of a PUBLISH, and no PUBLISH has 0
      return { type: name, packetId: reader.packetIdentifier('MQTT-2.3.1-6') }
    case 'unsuback':
      // [MQTT-2.3.1-7] and UNSUBACK that of an UNSUBSCRIBE
      return { type: name, packetId: reader.packetIdentifier('MQTT-2.3.1-7') }
    case 'suback':
      return decodeSuback(reader)
    case 'pingreq':
    case 'pingresp':
    case 'disconnect':
      return { type: name }
    case 'connack':
      return decodeConnack(reader)
    case 'connect':
      return decodeConnect(reader)
    case 'subscribe':
      return decodeSubscribe(reader)
    case 'unsubscribe':
      return decodeUnsubscribe(reader)
  }
}
