/**
 * Turns Control Packets into bytes. The packets follow one another in one chunk, so that a connection needs one Buffer and
 * one `write` for all packets of a turn of the event loop.
 *
 * A packet is checked completely before the chunk is changed. A refused packet leaves no bytes in the chunk, and the bytes
 * of earlier packets stay as they are.
 */
import { UsageError } from '../../errors.js'
import type { AcknowledgementPacket, ControlPacket, PacketIdentifier, QoS } from '../control-packet.js'
import { outline, quote, requirePacketIdentifier } from '../field-checks.js'
import { firstByteOf, packetTypes } from '../packet-type.js'
import { encodeConnack, encodeConnect } from './encode-connect.js'
import { encodePublish, encodePublishHeader } from './encode-publish.js'
import { encodeSuback, encodeSubscribe, encodeUnsubscribe } from './encode-subscription.js'
import { OutputChunk, recycle } from './output-chunk.js'
import { TopicBytes } from './topic-bytes.js'

/** Encodes Control Packets one after the other into one chunk, for one write to the connection. */
export class PacketWriter {
  readonly #chunk = new OutputChunk()
  readonly #topics = new TopicBytes()

  /** The number of bytes that `take` would hand over. */
  get byteLength(): number {
    return this.#chunk.length
  }

  /**
   * Appends a packet. The payload is copied, so the caller may reuse it.
   *
   * @throws UsageError if the standard forbids the packet; nothing is appended then.
   */
  write(packet: ControlPacket): void {
    append(this.#chunk, this.#topics, packet)
  }

  /**
   * Appends a PUBLISH without a packet object. `packetId` is for QoS 1 and 2, `dup` false at QoS 0.
   *
   * @throws UsageError as `write`.
   */
  publish(
    topic: string,
    payload: Uint8Array,
    qos: QoS,
    retain: boolean,
    dup: boolean,
    packetId: PacketIdentifier | undefined,
  ): void {
    encodePublish(this.#chunk, this.#topics, topic, payload, qos, retain, dup, packetId)
  }

  /**
   * Appends a PUBLISH without its payload of `payloadBytes` bytes, for a payload that is too large to copy. Call `take`,
   * write the chunk, then write the payload directly after it.
   *
   * @throws UsageError as `write`.
   */
  publishHeader(
    topic: string,
    payloadBytes: number,
    qos: QoS,
    retain: boolean,
    dup: boolean,
    packetId: PacketIdentifier | undefined,
  ): void {
    encodePublishHeader(this.#chunk, this.#topics, topic, payloadBytes, 0, qos, retain, dup, packetId)
  }

  /** Appends a packet that has a Packet Identifier and no other field. @throws UsageError as `write`. */
  acknowledge(type: AcknowledgementPacket['type'], packetId: PacketIdentifier): void {
    appendAcknowledgement(this.#chunk, type, packetId)
  }

  /** Hands over all bytes appended since the last call. The caller owns the Buffer; the writer does not keep it. */
  take(): Buffer {
    return this.#chunk.take()
  }

  /**
   * Gives back a chunk that `take` handed over, after it was written. Later packets, of this writer or of another one,
   * overwrite its memory: call this only if nobody reads the chunk again.
   */
  recycle(chunk: Buffer): void {
    recycle(chunk)
  }
}

/** The chunk of `encodePacket`. */
const singlePacket = new OutputChunk('one packet')
const singlePacketTopics = new TopicBytes()

/**
 * Encodes one packet. For many packets a `PacketWriter` is faster.
 *
 * @example
 * ```ts
 * import { encodePacket } from 'mqtt311/codec'
 *
 * const bytes = encodePacket({ type: 'publish', topic: 'a', payload: Buffer.from('b'), retain: false, qos: 0 })
 * console.log(bytes.toString('hex')) // prints: 300400016162
 * ```
 * @throws UsageError if the standard forbids the packet.
 */
export function encodePacket(packet: ControlPacket): Buffer {
  append(singlePacket, singlePacketTopics, packet)
  return singlePacket.take()
}

function append(chunk: OutputChunk, topics: TopicBytes, packet: ControlPacket): void {
  if (typeof packet !== 'object' || packet === null)
    throw new UsageError(`a packet has to be an object, not ${outline(packet)}`)
  const { type } = packet
  switch (type) {
    case 'publish':
      if (packet.qos === 0) {
        const dup = 'dup' in packet && packet.dup !== undefined && packet.dup !== false
        encodePublish(chunk, topics, packet.topic, packet.payload, 0, packet.retain, dup, undefined)
      } else {
        const { topic, payload, qos, retain, dup, packetId } = packet
        encodePublish(chunk, topics, topic, payload, qos, retain, dup, packetId)
      }
      return
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
    case 'unsuback':
      appendAcknowledgement(chunk, type, packet.packetId)
      return
    case 'pingreq':
    case 'pingresp':
    case 'disconnect':
      appendBare(chunk, firstByteOf(packetTypes[type]))
      return
    case 'subscribe':
      encodeSubscribe(chunk, packet)
      return
    case 'unsubscribe':
      encodeUnsubscribe(chunk, packet)
      return
    case 'suback':
      encodeSuback(chunk, packet)
      return
    case 'connect':
      encodeConnect(chunk, packet)
      return
    case 'connack':
      encodeConnack(chunk, packet)
      return
    default:
      refuseType(type)
  }
}

function appendAcknowledgement(
  chunk: OutputChunk,
  type: AcknowledgementPacket['type'],
  packetId: PacketIdentifier,
): void {
  // [MQTT-2.3.1-6] [MQTT-2.3.1-7] an acknowledgement has the Packet Identifier of the packet that it answers, so not 0
  requirePacketIdentifier(packetId, type === 'unsuback' ? 'MQTT-2.3.1-7' : 'MQTT-2.3.1-6')
  const start = chunk.reserve(4)
  const { bytes } = chunk
  bytes[start] = firstByteOf(packetTypes[type])
  bytes[start + 1] = 2
  bytes[start + 2] = packetId >>> 8
  bytes[start + 3] = packetId & 0xff
}

function appendBare(chunk: OutputChunk, firstByte: number): void {
  const start = chunk.reserve(2)
  chunk.bytes[start] = firstByte
  chunk.bytes[start + 1] = 0
}

function refuseType(type: never): never {
  throw new UsageError(`there is no Control Packet of type ${typeof type === 'string' ? quote(type) : outline(type)}`, {
    statement: 'MQTT-4.8.0-1',
  })
}
