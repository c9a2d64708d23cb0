import { type DeliveryState, QueueFullError, TimeoutError } from '../../errors.js'
import type { Driver } from '../driver.js'
import { OutgoingMessage } from '../exchange/outgoing-message.js'
import { LinkedList } from '../lists/linked-list.js'
import type { QueueLimits } from '../session-settings.js'

/** A message, as the driver passes it to `publish`. */
export interface MessageDraft {
  /** The Topic Name; the engine does not check it. */
  readonly topic: string
  /** The Application Message. It must not change before the publish is settled. */
  readonly payload: Uint8Array
  /** 0, 1 or 2 (section 4.3). */
  readonly qos: 0 | 1 | 2
  /** RETAIN: asks the server to keep the message for later subscribers (section 3.3.1.3). */
  readonly retain: boolean
}

/**
 * The only outgoing queue: for every QoS, in the order of `publish`, with or without a connection. A message in the queue has no
 * Packet Identifier. The queue has a bound in messages and a bound in bytes. A message that returns to the queue after the loss of a
 * connection may exceed the bounds, because it was accepted before.
 */
export class OutgoingQueue<P, R> {
  /** The bounds of the queue. */
  readonly limits: QueueLimits
  readonly #messages = new LinkedList<OutgoingMessage<P>>()
  readonly #driver: Driver<P, R>
  readonly #journal: 'kept' | 'none'
  /** The sequence number of the next message. It rises by one with each message of the session, also after a restart. */
  nextSequence = 1
  #size = 0
  #bytes = 0

  constructor(limits: QueueLimits, driver: Driver<P, R>, journal: 'kept' | 'none') {
    this.limits = limits
    this.#driver = driver
    this.#journal = journal
  }

  /** The number of messages in the queue. */
  get size(): number {
    return this.#size
  }

  /** The bytes in the queue, as `OutgoingMessage.bytes` counts them. */
  get bytes(): number {
    return this.#bytes
  }

  /** The oldest message, which is sent next. */
  get first(): OutgoingMessage<P> | undefined {
    return this.#messages.first
  }

  /** Puts a new message at the end. @throws QueueFullError if a bound is reached and the new message must be rejected. */
  append(draft: MessageDraft, ticket: P | undefined, now: number): OutgoingMessage<P> {
    const { topic, payload, qos, retain } = draft
    const message = new OutgoingMessage(this.nextSequence, topic, payload, qos, retain, ticket, now)
    this.#makeRoom(message)
    this.nextSequence += 1
    this.put(message)
    if (qos !== 0 && this.#journal === 'kept') {
      message.delivery = 'stored'
      this.#driver.record({ kind: 'queued', sequence: message.sequence, topic, payload, qos, retain })
    }
    return message
  }

  #makeRoom(message: OutgoingMessage<P>): void {
    for (;;) {
      const bound = this.#fullFor(message.bytes)
      if (bound === undefined) return
      const oldest = this.first
      const text = `the outgoing queue is full: queue.${bound} is ${this.limits[bound]}`
      const fits = message.bytes <= this.limits.maxBytes
      if (this.limits.overflow === 'reject' || !fits || oldest === undefined) {
        throw new QueueFullError(`${text}; wait for earlier publishes, or raise this bound`, { delivery: 'none' })
      }
      const dropped = new QueueFullError(
        `${text}, so this oldest message was dropped (queue.overflow is 'drop-oldest')`,
        {
          delivery: oldest.delivery === 'stored' ? 'none' : oldest.delivery,
        },
      )
      this.withdraw(oldest)
      this.#driver.rejected(oldest, dropped)
    }
  }

  /** Removes a message for good. Returns false if it is not in the queue: it has a Packet Identifier, or is gone. */
  withdraw(message: OutgoingMessage<P>): boolean {
    if (message.place !== 'queue') return false
    this.take(message)
    if (message.qos !== 0 && this.#journal === 'kept') {
      this.#driver.record({ kind: 'withdrawn', sequence: message.sequence })
    }
    return true
  }

  /** Rejects the messages that have waited for longer than `maxAgeMs`. */
  expire(now: number): void {
    const { maxAgeMs } = this.limits
    // Messages that expire together share one error: its text fits all of them, and the stack of an error is costly.
    const errors = new Map<DeliveryState, TimeoutError>()
    for (let message = this.first; message !== undefined; message = this.first) {
      if (message.queuedAt + maxAgeMs > now) return
      this.withdraw(message)
      const delivery = message.delivery === 'stored' ? 'none' : message.delivery
      const error = errors.get(delivery) ?? tooOld(maxAgeMs, delivery)
      errors.set(delivery, error)
      this.#driver.rejected(message, error)
    }
  }

  /** When `expire` is due; Infinity if it is not. */
  get expiryDeadline(): number {
    const oldest = this.first
    return oldest === undefined ? Infinity : oldest.queuedAt + this.limits.maxAgeMs
  }

  /** The bound that a further message of this size would exceed; undefined if there is none. */
  #fullFor(bytes: number): 'maxMessages' | 'maxBytes' | undefined {
    if (this.#size >= this.limits.maxMessages) return 'maxMessages'
    if (this.#bytes + bytes > this.limits.maxBytes) return 'maxBytes'
    return undefined
  }

  /** Puts a message at the end, or before `next`, without a check of the bounds. */
  put(message: OutgoingMessage<P>, next?: OutgoingMessage<P>): void {
    this.#messages.append(message, next)
    message.place = 'queue'
    this.#size += 1
    this.#bytes += message.bytes
  }

  /** Puts the messages of exchanges back in their places, without a check of the bounds. Both have the order of `publish`. */
  putBack(exchanges: readonly { readonly message: OutgoingMessage<P> }[]): void {
    let next = this.first
    for (const { message } of exchanges) {
      // What was passed by this message is still in the queue.
      while (next !== undefined && next.sequence < message.sequence) next = next.next
      this.put(message, next)
    }
  }

  /** Takes a message out of the queue, because it is sent or given up. */
  take(message: OutgoingMessage<P>): void {
    this.#messages.remove(message)
    message.place = 'elsewhere'
    this.#size -= 1
    this.#bytes -= message.bytes
  }

  /** The messages, oldest first. */
  [Symbol.iterator](): IterableIterator<OutgoingMessage<P>> {
    return this.#messages[Symbol.iterator]()
  }
}

function tooOld(maxAgeMs: number, delivery: DeliveryState): TimeoutError {
  const text = `the message waited in the outgoing queue for more than ${maxAgeMs} ms (queue.maxAgeMs)`
  return new TimeoutError(text, { operation: 'queue', timeoutMs: maxAgeMs, delivery })
}
