/**
 * Cuts a stream of bytes into Control Packets (section 2.2). The network may have cut the stream into chunks anywhere.
 *
 * A packet that is whole in a chunk is decoded in place. An incomplete packet at the end of a chunk is copied into an
 * assembly, and bytes of the next chunks are appended until the packet is whole: one byte at a time until Remaining Length
 * is known, then all that the chunk has. No other bytes are kept between calls.
 *
 * The fixed header is checked byte by byte, the rest when the packet is whole. The same code does both, in place and in the
 * assembly. So the fault and its offset do not depend on where the chunks were cut.
 *
 *   ready -> decoding -> ready       decode() was called, and reached the end of its chunk
 *   ready, decoding -> stopped       stop() was called, or onPacket threw: the rest of the stream is not decoded
 *                                    or the bytes are malformed: the bytes after a fault cannot be trusted, and each
 *                                    later call throws the same error again
 */

import { type MalformedPacketError, UsageError } from '../../errors.js'
import { isBytes } from '../../realms/foreign-values.js'
import { byteAt } from '../byte-at.js'
import type { DecodedPacket, PacketName } from '../control-packet.js'
import { kindOf } from '../field-checks.js'
import { MAX_PACKET_BYTES } from '../fixed-header.js'
import { describeFirstByte, firstBytes } from '../packet-type.js'
import { type PacketLimits, readPacketSize } from './decode-fixed-header.js'
import { PacketAssembly } from './packet-assembly.js'
import { borrowReader, noAnomalies, type PacketAnomaly, type PacketReader, returnReader } from './packet-reader.js'

/** The options of a decoder. */
export interface PacketDecoderOptions<Strict extends boolean = true> {
  /** The largest accepted packet in bytes, with its fixed header: 2 to 268,435,460; default 268,435,460. */
  readonly maxPacketBytes?: number | undefined
  /**
   * The side that sends the bytes. A packet that only the other side may send is refused at its first byte, before its body is
   * kept or decoded. By default the packets of both sides are decoded.
   */
  readonly from?: 'server' | 'client' | undefined
  /**
   * How many Return Codes a SUBACK may have: as many as the largest unanswered SUBSCRIBE has Topic Filters. A longer SUBACK is refused
   * when its fixed header is read. This function is called only for a SUBACK of more than 1,022 Return Codes (1 KiB); fewer are
   * always accepted. By default only `maxPacketBytes` limits a SUBACK.
   */
  readonly maxReturnCodes?: (() => number) | undefined
  /**
   * Whether every fault ends the decoding. With false, those that leave the fields of a packet whole do not, because real servers make
   * them: a PUBLISH whose Topic Name has a wildcard or is empty is decoded as it is; a PUBLISH whose Topic Name is ill-formed UTF-8
   * or has U+0000 becomes an `unnamed-publish`; the Return Codes of SUBACK above 0x80 are decoded; DUP at QoS 0 is ignored. Default true.
   */
  readonly strict?: Strict | undefined
  /**
   * With `strict: false`, gets each fault that was read, and its packet, before the packet is handed over. `bytes` are those of the
   * packet: valid only during the call, so copy them to keep them.
   */
  readonly onAnomaly?: ((anomaly: PacketAnomaly, packet: DecodedPacket<false>, bytes: Uint8Array) => void) | undefined
}

type Packet = DecodedPacket<boolean>
/** Written as a method, because the compiler then accepts the `onPacket` of a strict decoder too, which takes fewer types. */
type OnPacket = { onPacket(packet: Packet): void }['onPacket']
/** Decodes what follows the fixed header. */
type BodyDecoder = (reader: PacketReader, name: PacketName | undefined) => Packet
const anyNumber = () => Infinity

type Phase = 'ready' | 'decoding' | 'pausing' | 'stopped'

/** The stream of one side. It leaves the bodies of the packets to its caller, so that a client has no code for those that only a client sends. */
export class StreamDecoder<Strict extends boolean = true> {
  readonly #limits: PacketLimits
  readonly #strict: boolean
  readonly #onAnomaly: PacketDecoderOptions['onAnomaly']
  readonly #decodeBody: BodyDecoder
  #phase: Phase = 'ready'
  #failure: MalformedPacketError | undefined
  /** The number of bytes of the stream before the assembly; without an assembly, before the next chunk. */
  #streamOffset = 0
  /** The packet that the last chunk did not complete; undefined if the chunk ended between two packets. */
  #assembly: PacketAssembly | undefined
  /** Bytes that `pause` has put off. */
  #rest: Buffer | undefined

  constructor(options: PacketDecoderOptions<Strict>, decodeBody: BodyDecoder) {
    const { maxPacketBytes = MAX_PACKET_BYTES, from = 'both', maxReturnCodes = anyNumber, strict = true } = options
    const types = firstBytes[strict ? 'strict' : 'lenient'][from]
    this.#limits = { maxPacketBytes, types, maxReturnCodes }
    this.#strict = strict
    this.#onAnomaly = options.onAnomaly
    this.#decodeBody = decodeBody
  }

  /**
   * Takes the next bytes of the stream and hands over the packets that are now complete, in order. The caller may reuse
   * the chunk when the call returns: payloads are copies.
   *
   * With `onPacket` each packet is handed over before the bytes after it are decoded. So all packets before a fault are
   * handed over before the error is thrown. Without `onPacket` a fault loses the packets of the call, because the call
   * throws and returns no array.
   *
   * If `onPacket` or `onAnomaly` throws, this call throws the same error, and the rest of the stream is not decoded: see `stop`.
   *
   * @throws MalformedPacketError at the first fault, and the same error at each later call.
   * @throws UsageError if it is called from inside `onPacket` or `onAnomaly`.
   */
  decode(chunk: Uint8Array): DecodedPacket<Strict>[]
  decode(chunk: Uint8Array, onPacket: (packet: DecodedPacket<Strict>) => void): void
  decode(chunk: Uint8Array, onPacket?: OnPacket): Packet[] | undefined {
    if (onPacket !== undefined) {
      this.#decode(chunk, onPacket)
      return undefined
    }
    const packets: Packet[] = []
    this.#decode(chunk, (packet) => void packets.push(packet))
    return packets
  }

  /**
   * Stops the decoder: the bytes after the current packet are not decoded, and from now on `decode` and `end` do nothing.
   * For `onPacket` when it gives up the connection.
   */
  stop(): void {
    this.#phase = 'stopped'
    this.#assembly = undefined
    this.#rest = undefined
  }

  /**
   * For `onPacket` when there is no time for more: the bytes after the current packet are kept for the next call of `decode`, whose
   * chunk may be empty.
   * @internal
   */
  pause(): void {
    if (this.#phase === 'decoding') this.#phase = 'pausing'
  }

  /** True if bytes are kept because of `pause`. @internal */
  get hasRest(): boolean {
    return this.#rest !== undefined
  }

  /**
   * Call this when the stream has ended. An end between two packets is no fault; an end inside a packet is one.
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
    const reader = borrowReader(this.#strict)
    try {
      reader.load(bytes, this.#streamOffset, false)
      reader.start = 0
      reader.fail('unexpected-end', '4.2', length, what)
    } finally {
      this.#giveBack(reader)
    }
  }

  #refuseUnlessReady(method: string): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#phase === 'decoding' || this.#phase === 'pausing')
      throw new UsageError(`${method}() was called from inside onPacket or onAnomaly`)
  }

  #decode(chunk: Uint8Array, onPacket: OnPacket): void {
    if (!isBytes(chunk)) throw new UsageError(`a chunk has to be a Uint8Array, not ${kindOf(chunk)}`)
    this.#refuseUnlessReady('decode')
    if (this.#phase === 'stopped') return
    const bytes = this.#withRest(chunk)
    // If this call throws, the place in the stream is lost, so the decoder stops.
    let phase: Phase = 'stopped'
    this.#phase = 'decoding'
    const reader = borrowReader(this.#strict)
    try {
      const taken = this.#assembly !== undefined ? this.#assemble(reader, bytes, 0, onPacket) : 0
      const decoded = this.#decodeInPlace(reader, bytes, taken, onPacket)
      phase = this.#keep(reader, bytes, decoded, onPacket)
    } finally {
      this.#phase = phase
      this.#giveBack(reader)
    }
  }

  /** Keeps the bytes of the chunk behind the last decoded packet. Returns the phase after the call. */
  #keep(reader: PacketReader, bytes: Buffer, decoded: number, onPacket: OnPacket): Phase {
    if (decoded < bytes.length) {
      if (this.#phase === 'pausing') this.#rest = Buffer.from(bytes.subarray(decoded))
      else this.#assemble(reader, bytes, decoded, onPacket)
    }
    return this.#phase === 'stopped' ? 'stopped' : 'ready'
  }

  #withRest(chunk: Uint8Array): Buffer {
    const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
    const rest = this.#rest
    if (rest === undefined) return bytes
    this.#rest = undefined
    return bytes.length === 0 ? rest : Buffer.concat([rest, bytes])
  }

  /** Returns the borrowed reader, and keeps the fault that it found. */
  #giveBack(reader: PacketReader): void {
    this.#failure = reader.failure
    returnReader(reader)
    if (this.#phase === 'stopped') this.#assembly = undefined
  }

  /** Hands over the packets that are whole in the chunk, and returns the offset of the first incomplete packet. */
  #decodeInPlace(reader: PacketReader, bytes: Buffer, from: number, onPacket: OnPacket): number {
    const chunkEnd = bytes.length
    reader.load(bytes, this.#streamOffset - from, false)
    let start = from
    while (start < chunkEnd && this.#phase === 'decoding') {
      reader.start = start
      reader.end = chunkEnd
      const size = readPacketSize(reader, this.#limits)
      if (size === 0 || size > chunkEnd - start) break
      reader.end = start + size
      const packet = this.#decodePacket(reader)
      start += size
      onPacket(packet)
    }
    this.#streamOffset += start - from
    return this.#phase === 'stopped' ? chunkEnd : start
  }

  /**
   * Appends bytes of the chunk, beginning at `from`, to the assembly. Hands over the packet if it is complete now. Returns
   * the offset of the first byte that does not belong to the packet.
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
      assembly.packetSize = readPacketSize(reader, this.#limits)
    }
    const { packetSize } = assembly
    if (packetSize === 0) return position
    const end = Math.min(chunk.length, position + packetSize - assembly.length)
    assembly.append(chunk, position, end)
    if (assembly.length < packetSize) return end
    // `subarray`: a copy of the payload must not include the unwritten bytes after the packet.
    reader.load(assembly.bytes.subarray(0, packetSize), this.#streamOffset, assembly.ownsMemory)
    reader.start = 0
    reader.end = packetSize
    readPacketSize(reader, this.#limits)
    const packet = this.#decodePacket(reader)
    this.#streamOffset += packetSize
    this.#assembly = undefined
    onPacket(packet)
    return end
  }

  /** Decodes the rest of the packet whose fixed header the reader has read. */
  #decodePacket(reader: PacketReader): Packet {
    const type = this.#limits.types[byteAt(reader.bytes, reader.start)]
    const packet = this.#decodeBody(reader, type?.name)
    if (reader.anomalies.length > 0) this.#tell(reader, packet)
    return packet
  }

  #tell(reader: PacketReader, packet: Packet): void {
    const { anomalies } = reader
    reader.anomalies = noAnomalies
    const bytes = reader.bytes.subarray(reader.start, reader.end)
    for (const anomaly of anomalies) this.#onAnomaly?.(anomaly, packet, bytes)
  }
}
