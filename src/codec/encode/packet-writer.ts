/**
 * Turns Control Packets into bytes: any number of packets behind one another in one chunk, so that a connection makes
 * one Buffer and one `write` for all that it sends in a turn of the event loop.
 *
 * Everything about a packet is checked before the chunk is touched. What is refused leaves what was written before it
 * as it was, and nothing of itself.
 */
import { UsageError } from '../../errors.js'
import type { AcknowledgementPacket, ControlPacket, PacketIdentifier, QoS } from '../control-packet.js'
import { quote, requirePacketIdentifier } from '../field-checks.js'
import { firstByteOf, packetTypes } from '../packet-type.js'
import { encodeConnack, encodeConnect } from './encode-connect.js'
import { encodePublish, encodePublishHeader } from './encode-publish.js'
import { encodeSuback, encodeSubscribe, encodeUnsubscribe } from './encode-subscription.js'
import { OutputChunk, recycle } from './output-chunk.js'
import { TopicBytes } from './topic-bytes.js'

/** Encodes Control Packets one behind the other, to be written to the connection as one chunk. */
export class PacketWriter {
  readonly #chunk = new OutputChunk()
  readonly #topics = new TopicBytes()

  /** The bytes that `take` would hand over. */
  get byteLength(): number {
    return this.#chunk.length
  }

  /**
   * Appends a packet. Its payload is copied: the caller may reuse it.
   *
   * @throws UsageError on anything that the standard forbids, with nothing appended.
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
   * Appends a PUBLISH up to its payload, whose `payloadBytes` bytes are to be the next in the stream: for a payload
   * that is too large to be worth a copy. Call `take`, write that, then the payload.
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

  /** Appends a packet that is nothing but an identifier. @throws UsageError as `write`. */
  acknowledge(type: AcknowledgementPacket['type'], packetId: PacketIdentifier): void {
    appendAcknowledgement(this.#chunk, type, packetId)
  }

  /** Hands over all that was appended since the last call. The caller owns the Buffer; the writer keeps none. */
  take(): Buffer {
    return this.#chunk.take()
  }

  /**
   * Gives back a chunk that `take` handed over and that has been written: its memory will hold later packets, of this
   * writer or another. Only for a chunk that nobody will look at again.
   */
  recycle(chunk: Buffer): void {
    recycle(chunk)
  }
}

/** For the packets that are encoded one by one. */
const singlePacket = new OutputChunk('one packet')
const singlePacketTopics = new TopicBytes()

/**
 * Encodes one packet. For many, a `PacketWriter` is faster. @throws UsageError on anything that the standard forbids.
 */
export function encodePacket(packet: ControlPacket): Buffer {
  append(singlePacket, singlePacketTopics, packet)
  return singlePacket.take()
}

function append(chunk: OutputChunk, topics: TopicBytes, packet: ControlPacket): void {
  if (typeof packet !== 'object' || packet === null)
    throw new UsageError(`a packet has to be an object, not ${quote(packet)}`)
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
  // [MQTT-2.3.1-6] [MQTT-2.3.1-7] the identifier is that of the packet it answers, so not 0
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
  throw new UsageError(`there is no Control Packet of type ${quote(type)}`, { statement: 'MQTT-4.8.0-1' })
}
