/** How messages get into the outgoing queue, and how they leave it again without having been sent. */
import { QueueFullError, TimeoutError } from '../errors.js'
import type { Driver } from './driver.js'
import { OutgoingMessage } from './exchange/outgoing-message.js'
import type { OutgoingQueue } from './outgoing/outgoing-queue.js'

/** A message as its publisher gives it. */
export interface MessageDraft {
  /** The Topic Name; the engine does not check it. */
  readonly topic: string
  /** The Application Message. It must not change as long as the message is not settled. */
  readonly payload: Uint8Array
  /** 0, 1 or 2 (section 4.3). */
  readonly qos: 0 | 1 | 2
  /** Asks the server to keep the message (section 3.3.1.3). */
  readonly retain: boolean
}

export class MessageIntake<P, R> {
  readonly #queue: OutgoingQueue<P>
  readonly #driver: Driver<P, R>
  readonly #journal: 'kept' | 'none'
  /** Rises by one with each message of the session, across restarts too. */
  nextSequence = 1

  constructor(queue: OutgoingQueue<P>, driver: Driver<P, R>, journal: 'kept' | 'none') {
    this.#queue = queue
    this.#driver = driver
    this.#journal = journal
  }

  append(draft: MessageDraft, ticket: P | undefined, now: number): OutgoingMessage<P> {
    const { topic, payload, qos, retain } = draft
    const message = new OutgoingMessage(this.nextSequence, topic, payload, qos, retain, ticket, now)
    this.#makeRoom(message)
    this.nextSequence += 1
    this.#queue.append(message)
    if (qos !== 0 && this.#journal === 'kept') {
      message.delivery = 'stored'
      this.#driver.record({ kind: 'queued', sequence: message.sequence, topic, payload, qos, retain })
    }
    return message
  }

  #makeRoom(message: OutgoingMessage<P>): void {
    for (;;) {
      const bound = this.#queue.fullFor(message.bytes)
      if (bound === undefined) return
      const oldest = this.#queue.first
      const text = `the outgoing queue is full: queue.${bound} is ${this.#queue.limits[bound]}`
      const fits = message.bytes <= this.#queue.limits.maxBytes
      if (this.#queue.limits.overflow === 'reject' || !fits || oldest === undefined) {
        throw new QueueFullError(`${text}; wait for earlier publishes, or raise it`, { delivery: 'none' })
      }
      const dropped = new QueueFullError(`${text}, and this oldest message made room (queue.overflow is drop-oldest)`, {
        delivery: oldest.delivery === 'stored' ? 'none' : oldest.delivery,
      })
      this.withdraw(oldest)
      this.#driver.rejected(oldest, dropped)
    }
  }

  /** Takes back a message that has no Packet Identifier; false if it has one, or is gone. */
  withdraw(message: OutgoingMessage<P>): boolean {
    if (message.place !== 'queue') return false
    this.#queue.remove(message)
    message.place = 'gone'
    if (message.qos !== 0 && this.#journal === 'kept') {
      this.#driver.record({ kind: 'withdrawn', sequence: message.sequence })
    }
    return true
  }

  expire(now: number): void {
    const { maxAgeMs } = this.#queue.limits
    for (let message = this.#queue.first; message !== undefined; message = this.#queue.first) {
      if (message.queuedAt + maxAgeMs > now) return
      this.withdraw(message)
      const text = `the message waited in the outgoing queue for more than ${maxAgeMs} ms (queue.maxAgeMs)`
      const delivery = message.delivery === 'stored' ? 'none' : message.delivery
      this.#driver.rejected(message, new TimeoutError(text, { operation: 'queue', timeoutMs: maxAgeMs, delivery }))
    }
  }

  get expiryDeadline(): number {
    const oldest = this.#queue.first
    return oldest === undefined ? Number.POSITIVE_INFINITY : oldest.queuedAt + this.#queue.limits.maxAgeMs
  }
}
