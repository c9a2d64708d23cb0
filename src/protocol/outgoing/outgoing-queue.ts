import type { OutgoingMessage } from '../exchange/outgoing-message.js'
import { LinkedList } from '../lists/linked-list.js'

/** How much the queue takes. */
export interface QueueLimits {
  /** Messages. */
  readonly maxMessages: number
  /** Bytes, as `OutgoingMessage.bytes` counts them. */
  readonly maxBytes: number
  /** Milliseconds; a message that has waited longer is rejected. Infinity: never. */
  readonly maxAgeMs: number
  /** Who is rejected when a bound is reached: the newcomer, or the oldest that waits. */
  readonly overflow: 'reject' | 'drop-oldest'
}

/**
 * The one outgoing queue, for every QoS, in the order of `publish`, online or not. What is in it has no Packet
 * Identifier yet. It is bounded in messages and in bytes; a message that is requeued after a connection was lost may
 * overstep the bounds, since it was accepted before.
 */
export class OutgoingQueue<P> {
  /** Its bounds. */
  readonly limits: QueueLimits
  readonly #messages = new LinkedList<OutgoingMessage<P>>()
  #size = 0
  #bytes = 0

  constructor(limits: QueueLimits) {
    this.limits = limits
  }

  /** Messages in the queue. */
  get size(): number {
    return this.#size
  }

  /** Their bytes, as `OutgoingMessage.bytes` counts them. */
  get bytes(): number {
    return this.#bytes
  }

  /** The message that goes next. */
  get first(): OutgoingMessage<P> | undefined {
    return this.#messages.first
  }

  /** Which bound a further message of this size would break, if any. */
  fullFor(bytes: number): 'maxMessages' | 'maxBytes' | undefined {
    if (this.#size >= this.limits.maxMessages) return 'maxMessages'
    if (this.#bytes + bytes > this.limits.maxBytes) return 'maxBytes'
    return undefined
  }

  /** Puts a message at the end, whatever the bounds say: ask `fullFor` before. */
  append(message: OutgoingMessage<P>): void {
    this.#messages.append(message)
    this.#count(message)
  }

  /** Puts a message back at the front. */
  prepend(message: OutgoingMessage<P>): void {
    this.#messages.prepend(message)
    this.#count(message)
  }

  /** Takes a message out, wherever it stands. */
  remove(message: OutgoingMessage<P>): void {
    this.#messages.remove(message)
    this.#size -= 1
    this.#bytes -= message.bytes
  }

  /** The messages, oldest first. */
  [Symbol.iterator](): IterableIterator<OutgoingMessage<P>> {
    return this.#messages[Symbol.iterator]()
  }

  #count(message: OutgoingMessage<P>): void {
    message.place = 'queue'
    this.#size += 1
    this.#bytes += message.bytes
  }
}
