/**
 * Outcomes of publishes that may be told only when the session store knows of them, and what is told to all that still wait when the
 * client ends. A rejection is counted, and told on its channel, whoever awaits it.
 */
import type { OutgoingMessage } from '../../protocol/exchange/outgoing-message.js'
import type { ClientCounters } from '../surface/counters.js'
import { channels } from '../surface/diagnostics.js'
import type { PublishTicket } from './publish-ticket.js'

export class PublishOutcomes {
  /** The MqttClient, for the messages of the diagnostics channels. */
  readonly #client: object
  readonly #counters: ClientCounters
  #stored: PublishTicket[] = []
  #withdrawn: { readonly ticket: PublishTicket; readonly reason: unknown }[] = []

  constructor(client: object, counters: ClientCounters) {
    this.#client = client
    this.#counters = counters
  }

  /** True if something is to be told once the store knows of it. */
  get any(): boolean {
    return this.#stored.length > 0 || this.#withdrawn.length > 0
  }

  /** The store is about to have the message: its publish resolves. */
  stored(ticket: PublishTicket): void {
    this.#stored.push(ticket)
  }

  /** The message was taken back: its publish rejects. */
  withdrawn(ticket: PublishTicket, reason: unknown): void {
    this.rejected(reason)
    this.#withdrawn.push({ ticket, reason })
  }

  /** What tells all that has gathered so far. */
  take(): () => void {
    const stored = this.#stored
    const withdrawn = this.#withdrawn
    this.#stored = []
    this.#withdrawn = []
    return () => {
      for (const ticket of stored) ticket.resolve()
      for (const { ticket, reason } of withdrawn) ticket.reject(reason)
    }
  }

  /** The client has ended: everything that still waits is told that it waits in vain. */
  rejectAll(
    messages: Iterable<OutgoingMessage<PublishTicket>>,
    errorFor: (message: OutgoingMessage<PublishTicket> | undefined) => unknown,
  ): void {
    for (const message of messages) {
      if (message.ticket?.isWaiting !== true) continue
      const error = errorFor(message)
      this.rejected(error)
      message.ticket.reject(error)
    }
    for (const { ticket, reason } of this.#withdrawn) ticket.reject(reason)
    for (const ticket of this.#stored) ticket.reject(errorFor(undefined))
  }

  /** A publish rejects. */
  rejected(error: unknown): void {
    this.#counters.rejected += 1
    if (channels.rejected.hasSubscribers) channels.rejected.publish({ client: this.#client, error })
  }
}
