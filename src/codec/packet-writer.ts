/**
 * Turns Control Packets into bytes: any number of packets behind one another in one chunk, so that a connection makes
 * one Buffer and one `write` for all that it sends in a turn of the event loop.
 *
 * Everything about a packet is checked before the chunk is touched. What is refused leaves what was written before it
 * as it was, and nothing of itself.
 */
import { UsageError } from '../errors.js'
import type { AcknowledgementPacket, ControlPacket, PacketIdentifier, QoS } from './control-packet.js'
import { encodeConnack, encodeConnect } from './encode-connect.js'
import { encodePublish, encodePublishHeader } from './encode-publish.js'
import { encodeSuback, encodeSubscribe, encodeUnsubscribe } from './encode-subscription.js'
import { OutputChunk, recycle } from './output-chunk.js'
import { quote, requirePacketIdentifier } from './packet-field.js'
import { firstByteOf, packetTypes } from './packet-type.js'
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
    if (typeof packet !== 'object' || packet === null)
      throw new UsageError(`a packet has to be an object, not ${quote(packet)}`)
    const { type } = packet
    switch (type) {
      case 'publish':
        if (packet.qos === 0) {
          const dup = 'dup' in packet && packet.dup !== undefined && packet.dup !== false
          encodePublish(this.#chunk, this.#topics, packet.topic, packet.payload, 0, packet.retain, dup, undefined)
        } else {
          const { topic, payload, qos, retain, dup, packetId } = packet
          encodePublish(this.#chunk, this.#topics, topic, payload, qos, retain, dup, packetId)
        }
        return
      case 'puback':
      case 'pubrec':
      case 'pubrel':
      case 'pubcomp':
      case 'unsuback':
        this.acknowledge(type, packet.packetId)
        return
      case 'pingreq':
      case 'pingresp':
      case 'disconnect':
        this.#writeBare(firstByteOf(packetTypes[type]))
        return
      case 'subscribe':
        encodeSubscribe(this.#chunk, packet)
        return
      case 'unsubscribe':
        encodeUnsubscribe(this.#chunk, packet)
        return
      case 'suback':
        encodeSuback(this.#chunk, packet)
        return
      case 'connect':
        encodeConnect(this.#chunk, packet)
        return
      case 'connack':
        encodeConnack(this.#chunk, packet)
        return
      default:
        refuseType(type)
    }
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
    // [MQTT-2.3.1-6] [MQTT-2.3.1-7] the identifier is that of the packet it answers, so not 0
    requirePacketIdentifier(packetId, type === 'unsuback' ? 'MQTT-2.3.1-7' : 'MQTT-2.3.1-6')
    const start = this.#chunk.reserve(4)
    const { bytes } = this.#chunk
    bytes[start] = firstByteOf(packetTypes[type])
    bytes[start + 1] = 2
    bytes[start + 2] = packetId >>> 8
    bytes[start + 3] = packetId & 0xff
  }

  /** Hands over all that was appended since the last call. The caller owns the Buffer; the writer keeps none. */
  take(): Buffer {
    return this.#chunk.take()
  }

  /**
   * Gives back a chunk that `take` handed over and that has been written: its memory will hold later packets, of this writer
   * or another. Only for a chunk that nobody will look at again.
   */
  recycle(chunk: Buffer): void {
    recycle(chunk)
  }

  #writeBare(firstByte: number): void {
    const start = this.#chunk.reserve(2)
    this.#chunk.bytes[start] = firstByte
    this.#chunk.bytes[start + 1] = 0
  }
}

/**
 * Encodes one packet. For many, a `PacketWriter` is faster. @throws UsageError on anything that the standard forbids.
 */
export function encodePacket(packet: ControlPacket): Buffer {
  const writer = new PacketWriter()
  writer.write(packet)
  return writer.take()
}

function refuseType(type: never): never {
  throw new UsageError(`there is no Control Packet of type ${quote(type)}`, { statement: 'MQTT-4.8.0-1' })
}
