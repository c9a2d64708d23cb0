/**
 * Reads the fields of one packet, one after the other. Every bound is checked here and nowhere else: a field that goes past
 * the end of its packet is an error, even if more bytes follow in the chunk.
 *
 * One reader serves many packets, and one decoder after the other: `load` gives it the bytes, and the decoder moves `start`
 * and `end` from packet to packet.
 */
import { type Fault, MalformedPacketError } from '../../errors.js'
import { byteAt } from '../byte-at.js'
import { topicFilterFault, topicNameFault } from '../topic.js'
import { escapedText, faultIndex, isPlainAscii } from '../utf8.js'
import { PayloadCopies } from './payload-copies.js'
import { TopicMemory } from './topic-memory.js'

/** From this chunk size on, a DataView saves more time than making it costs. */
const MIN_VIEWED_BYTES = 1024

/** Up to this length, checking that all bytes are ASCII and decoding them as latin1 is faster than decoding UTF-8. */
const MAX_LOOP_BYTES = 24

const noBytes = Buffer.alloc(0)
export const noAnomalies: readonly PacketAnomaly[] = []

/** A fault in a packet that a decoder with `strict: false` has read. */
export interface PacketAnomaly {
  /**
   * The kind of fault. `faulty-topic-name`: the Topic Name of a PUBLISH has a wildcard or is empty. `unreadable-topic-name`: it is
   * ill-formed UTF-8 or has U+0000. `reserved-return-code`: SUBACK has a Return Code above 0x80. `dup-at-qos-0`: PUBLISH has DUP at QoS 0.
   */
  readonly anomaly: 'faulty-topic-name' | 'unreadable-topic-name' | 'reserved-return-code' | 'dup-at-qos-0'
  /** The broken statement of the standard. */
  readonly statement: string
  /** What was received, for people. */
  readonly received: string
  /** The place of the fault, in bytes from the first byte of its Control Packet. */
  readonly offset: number
  /** The same place, in bytes from the first byte that the decoder got. */
  readonly streamOffset: number
}

export class PacketReader {
  /** The packet, and perhaps other packets before and after it. */
  bytes: Buffer = noBytes
  /** Where the packet begins. */
  start = 0
  /** Where the next field begins. */
  position = 0
  /** Where the packet ends. */
  end = 0
  /** The fault that ended the decoding. */
  failure: MalformedPacketError | undefined
  /** Whether a fault that leaves the fields of a packet whole ends the decoding too. If not, it becomes an anomaly. */
  strict = true
  /** The anomalies of the packet; the first of each kind. */
  anomalies = noAnomalies

  /** A view of `bytes`, to compare eight bytes at a time; undefined for a small chunk. */
  #view: DataView | undefined
  /** The place of `bytes[0]` in the stream: the number of bytes that the decoder got before it. */
  #streamOffset = 0
  /** Whether `bytes` has only this packet and is never written again, so that the payload is handed out without a copy. */
  #owned = false
  /** The length of the field that `#field` found last. */
  #fieldLength = 0
  readonly #topics = new TopicMemory()
  readonly #copies = new PayloadCopies()

  /** Sets the bytes to read from. */
  load(bytes: Buffer, streamOffset: number, owned: boolean): void {
    this.bytes = bytes
    this.#view =
      bytes.length < MIN_VIEWED_BYTES ? undefined : new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#streamOffset = streamOffset
    this.#owned = owned
    this.#copies.reset()
  }

  /** Releases the chunk of the caller, so that the reader is ready for another decoder. */
  unload(): void {
    this.bytes = noBytes
    this.failure = undefined
    this.anomalies = noAnomalies
    this.#view = undefined
    this.#copies.reset()
  }

  get atEnd(): boolean {
    return this.position === this.end
  }

  byte(missing: string): number {
    const at = this.#advance(1, missing)
    return byteAt(this.bytes, at)
  }

  uint16(missing: string): number {
    const at = this.#advance(2, missing)
    return (byteAt(this.bytes, at) << 8) | byteAt(this.bytes, at + 1)
  }

  /** A Packet Identifier. `missing` is the statement that a packet without it breaks, `zero` the one that a 0 breaks. */
  packetIdentifier(missing: string, zero = missing): number {
    const packetId = this.uint16(missing)
    // [MQTT-2.3.1-1] 0 identifies nothing
    if (packetId === 0) this.fail('packet-identifier', zero, this.position - 2, 'Packet Identifier 0')
    return packetId
  }

  /** A UTF-8 encoded string (section 1.5.3). */
  text(missing: string): string {
    const start = this.#field(missing)
    const text = this.#decodeText(start)
    this.position = start + this.#fieldLength
    return text
  }

  /** A Topic Name; `wildcard` is the statement that a wildcard breaks in this packet. */
  topicName(missing: string, wildcard: string): string {
    const start = this.#field(missing)
    const topic = this.#decodeText(start)
    this.position = start + this.#fieldLength
    const fault = topicNameFault(topic)
    if (fault !== undefined) {
      const statement = topic.length === 0 ? fault.statement : wildcard
      this.#failInText('topic-name', statement, start, topic, fault.index, `a Topic Name that ${fault.reason}`)
    }
    return topic
  }

  /** The Topic Name of a PUBLISH; a copy of its bytes if it is no text and the reader is not strict. */
  publishedTopic(missing: string, wildcard: string): string | Buffer {
    const start = this.#field(missing)
    const end = start + this.#fieldLength
    this.position = end
    const known = this.#topics.find(this.bytes, this.#view, start, end)
    if (known !== undefined) return known
    const topic = this.#wellFormedText(start)
    if (topic === undefined) return this.#unreadableTopic(start, end)
    const fault = topicNameFault(topic)
    if (fault === undefined) {
      this.#topics.remember(this.bytes, start, end, topic)
      return topic
    }
    // It is not remembered: all readers share the memory, also the strict ones.
    const statement = topic.length === 0 ? fault.statement : wildcard
    const what = `a Topic Name that ${fault.reason}`
    if (this.strict) this.#failInText('topic-name', statement, start, topic, fault.index, what)
    const named = `${what}: ${escapedText(this.bytes.subarray(start, end))}`
    this.note('faulty-topic-name', statement, this.#placeInText(start, topic, fault.index), named)
    return topic
  }

  #unreadableTopic(start: number, end: number): Buffer {
    const index = faultIndex(this.bytes, start, end)
    if (this.strict) this.#failInCharacters(index)
    const topicBytes = Buffer.from(this.bytes.subarray(start, end))
    const { statement, what } = describeCharacterFault(byteAt(this.bytes, index))
    this.note('unreadable-topic-name', statement, index, `${what}: ${escapedText(topicBytes)}`)
    return topicBytes
  }

  topicFilter(missing: string): string {
    const start = this.#field(missing)
    const filter = this.#decodeText(start)
    this.position = start + this.#fieldLength
    const fault = topicFilterFault(filter)
    if (fault !== undefined) {
      this.#failInText(
        'topic-filter',
        fault.statement,
        start,
        filter,
        fault.index,
        `a Topic Filter that ${fault.reason}`,
      )
    }
    return filter
  }

  /** Bytes after a two-byte length, as a copy: a password must not share memory with the payloads of messages. */
  binary(missing: string): Buffer {
    const start = this.#field(missing)
    this.position = start + this.#fieldLength
    return Buffer.from(this.bytes.subarray(start, this.position))
  }

  /** All bytes from `position` to the end of the packet. */
  rest(): Buffer {
    const start = this.position
    this.position = this.end
    if (this.#owned) return this.bytes.subarray(start, this.end)
    return this.#copies.copy(this.bytes, this.start, start, this.end)
  }

  /** The same without the methods of a Buffer, in memory of its own: for what is no payload. */
  restAsBytes(): Uint8Array {
    const start = this.position
    this.position = this.end
    const { buffer, byteOffset } = this.bytes
    const bytes = new Uint8Array(buffer, byteOffset + start, this.end - start)
    return this.#owned ? bytes : new Uint8Array(bytes)
  }

  /** Ends the decoding with a fault. `index` counts in `bytes`; `what` describes the received bytes. */
  fail(fault: Fault, statement: string, index: number, what: string): never {
    const failure = new MalformedPacketError(`received ${what}`, {
      fault,
      statement,
      offset: index - this.start,
      streamOffset: this.#streamOffset + index,
    })
    this.failure = failure
    throw failure
  }

  /** Notes a fault that does not end the decoding: the first of its kind in the packet. */
  note(anomaly: PacketAnomaly['anomaly'], statement: string, index: number, received: string): void {
    const place = { offset: index - this.start, streamOffset: this.#streamOffset + index }
    this.anomalies = [...this.anomalies, { anomaly, statement, received, ...place }]
  }

  /** Reads the two-byte length of a field into `#fieldLength` and returns the index of its first byte. */
  #field(missing: string): number {
    const length = this.uint16(missing)
    const start = this.position
    if (length > this.end - start) {
      this.fail('truncated', missing, start - 2, `a field of ${length} bytes where ${this.end - start} are left`)
    }
    this.#fieldLength = length
    return start
  }

  #advance(count: number, missing: string): number {
    const at = this.position
    if (count > this.end - at) this.fail('truncated', missing, at, 'a packet that ends inside a field')
    this.position = at + count
    return at
  }

  #decodeText(start: number): string {
    const end = start + this.#fieldLength
    return this.#wellFormedText(start) ?? this.#failInCharacters(faultIndex(this.bytes, start, end))
  }

  /** Undefined if the text is ill-formed UTF-8, or has U+0000. */
  #wellFormedText(start: number): string | undefined {
    const end = start + this.#fieldLength
    if (this.#fieldLength <= MAX_LOOP_BYTES && isPlainAscii(this.bytes, start, end)) {
      return this.bytes.toString('latin1', start, end)
    }
    // [MQTT-1.5.3-3] `toString` keeps U+FEFF, which TextDecoder removes
    const text = this.bytes.toString('utf8', start, end)
    // `toString` replaces ill-formed bytes by U+FFFD. A text without U+FFFD is well-formed; a text with it may be.
    const isSuspect = text.includes('\uFFFD') || text.includes('\0')
    return isSuspect && faultIndex(this.bytes, start, end) >= 0 ? undefined : text
  }

  #failInCharacters(index: number): never {
    const { fault, statement, what } = describeCharacterFault(byteAt(this.bytes, index))
    this.fail(fault, statement, index, what)
  }

  #failInText(fault: Fault, statement: string, start: number, text: string, index: number, what: string): never {
    this.fail(fault, statement, this.#placeInText(start, text, index), what)
  }

  #placeInText(start: number, text: string, index: number): number {
    // An empty string has no wrong character, so the fault is at its length.
    return text.length === 0 ? start - 2 : start + Buffer.byteLength(text.slice(0, index))
  }
}

/** The fault of a string at whose first fault there is this byte. */
function describeCharacterFault(byte: number) {
  // [MQTT-1.5.3-2] U+0000 closes the connection, [MQTT-4.7.3-2] also in topics
  if (byte === 0) return { fault: 'nul-character', statement: 'MQTT-1.5.3-2', what: 'U+0000 in a string' } as const
  // [MQTT-1.5.3-1] ill-formed UTF-8 closes the connection
  return { fault: 'utf8', statement: 'MQTT-1.5.3-1', what: 'a string that is ill-formed UTF-8' } as const
}

/**
 * One reader serves all decoders of the process, because a decoder needs it only during a call. A decoder that is called
 * from inside the `onPacket` of another one gets a new reader.
 */
let idleReader: PacketReader | undefined

export function borrowReader(strict: boolean): PacketReader {
  const reader = idleReader ?? new PacketReader()
  idleReader = undefined
  reader.strict = strict
  return reader
}

export function returnReader(reader: PacketReader): void {
  reader.unload()
  idleReader = reader
}
