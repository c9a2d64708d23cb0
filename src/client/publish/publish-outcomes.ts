/**
 * Settles the promises of publishes that may settle only when the session store has a record of that: a crash before the record would
 * make the promise wrong. Also rejects the promises that are pending when the client ends. Each rejection is counted and published on
 * its diagnostics channel.
 */
import type { OutgoingMessage } from '../../protocol/exchange/outgoing-message.js'
import type { ClientCounters } from '../surface/counters.js'
import { channels } from '../surface/diagnostics.js'
import type { PublishTicket } from './publish-ticket.js'

/** Tickets that settle with the same record. */
interface Batch {
  readonly toResolve: readonly PublishTicket[]
  readonly toReject: readonly { readonly ticket: PublishTicket; readonly reason: unknown }[]
}

export class PublishOutcomes {
  /** The MqttClient, for the messages of the diagnostics channels. */
  readonly #client: object
  readonly #counters: ClientCounters
  #toResolve: PublishTicket[] = []
  #toReject: { readonly ticket: PublishTicket; readonly reason: unknown }[] = []
  /** Batches whose records the store is saving. Undefined before the first of them. */
  #saving: Set<Batch> | undefined
  /** When the client has ended, its store may be closed, and no rejection waits for it. */
  #clientLife: 'going on' | 'ended' = 'going on'

  constructor(client: object, counters: ClientCounters) {
    this.#client = client
    this.#counters = counters
  }

  get isEmpty(): boolean {
    return this.#toResolve.length === 0 && this.#toReject.length === 0
  }

  /** The message of the ticket has a record that the store is about to get. */
  resolveWhenStored(ticket: PublishTicket): void {
    this.#toResolve.push(ticket)
  }

  /** The client gave the message of the ticket up, and the store is about to get a record of that. */
  rejectWhenStored(ticket: PublishTicket | undefined, reason: unknown): void {
    if (!ticket?.isWaiting) {
      // The program was told that the message is stored, maybe in an earlier process: no promise can tell of the loss.
      if (ticket?.until !== 'acknowledged') this.countRejection(reason)
      return
    }
    this.countRejection(reason)
    if (this.#clientLife === 'ended') ticket.reject(reason)
    else this.#toReject.push({ ticket, reason })
  }

  /** Empties the lists; the returned function settles the promises. */
  take(): () => void {
    const batch: Batch = { toResolve: this.#toResolve, toReject: this.#toReject }
    this.#toResolve = []
    this.#toReject = []
    this.#saving ??= new Set()
    this.#saving.add(batch)
    return () => {
      this.#saving?.delete(batch)
      for (const ticket of batch.toResolve) ticket.resolve()
      for (const { ticket, reason } of batch.toReject) ticket.reject(reason)
    }
  }

  /** The client has ended: rejects every pending promise. */
  rejectAll(
    messages: Iterable<OutgoingMessage<PublishTicket>>,
    errorFor: (message: Pick<OutgoingMessage<PublishTicket>, 'delivery'>) => unknown,
  ): void {
    this.#clientLife = 'ended'
    for (const message of messages) {
      if (message.ticket?.isWaiting !== true) continue
      const error = errorFor(message)
      this.countRejection(error)
      message.ticket.reject(error)
    }
    // A store that has failed runs no function of `take` any more, so the batches that it was saving settle here.
    this.take()
    for (const { toResolve, toReject } of this.#saving ?? []) {
      for (const { ticket, reason } of toReject) ticket.reject(reason)
      // Acknowledged, or dropped from the queue: the others are rejected above.
      for (const ticket of toResolve) ticket.reject(errorFor({ delivery: 'unknown' }))
    }
  }

  /** Counts the rejection of a publish and publishes it on its diagnostics channel. */
  countRejection(error: unknown): void {
    this.#counters.rejected += 1
    if (channels.rejected.hasSubscribers) channels.rejected.publish({ client: this.#client, error })
  }
}
