import type { PublishTicket } from './publish/publish-ticket.js'

/** Outcomes of publishes that may be told only when the session store knows of them, gathered during a turn. */
export class HeldOutcomes {
  #stored: PublishTicket[] = []
  #withdrawn: { readonly ticket: PublishTicket; readonly reason: unknown }[] = []

  get any(): boolean {
    return this.#stored.length > 0 || this.#withdrawn.length > 0
  }

  /** The store is about to have the message: its publish resolves. */
  stored(ticket: PublishTicket): void {
    this.#stored.push(ticket)
  }

  /** The message was taken back: its publish rejects. */
  withdrawn(ticket: PublishTicket, reason: unknown): void {
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

  /** The store will not be told any more. */
  giveUp(reason: unknown): void {
    for (const { ticket, reason: own } of this.#withdrawn) ticket.reject(own)
    for (const ticket of this.#stored) ticket.reject(reason)
  }
}
