import type { OutgoingMessage } from '../../protocol/exchange/outgoing-message.js'
import { markHandled } from '../waiting/promises.js'
import { type Abortable, signalWatches } from '../waiting/signal-watches.js'

/** The constructor of Promise gives its functions to a callback. All tickets share one callback, so no message needs a closure. */
let lastResolve: () => void = nothing
let lastReject: (reason: unknown) => void = nothing

function nothing(): void {}

function keepFunctions(resolve: () => void, reject: (reason: unknown) => void): void {
  lastResolve = resolve
  lastReject = reject
}

/** What a ticket asks of the publisher. */
export interface PublishTicketOwner {
  /** The signal of the publish was aborted. */
  withdraw(ticket: PublishTicket, reason: unknown): void
}

/**
 * The promise of one `publish`, which waits for the acknowledgement of its message (or for the session store). The promise settles
 * once; the ticket ignores what the engine reports after that.
 */
export class PublishTicket implements Abortable {
  readonly promise: Promise<void>
  readonly until: 'acknowledged' | 'stored'
  readonly #resolve: () => void
  readonly #reject: (reason: unknown) => void
  #state: 'waiting' | 'over' = 'waiting'
  #signal: AbortSignal | undefined
  #owner: PublishTicketOwner | undefined
  /** Undefined until the engine has taken the message. */
  message: OutgoingMessage<PublishTicket> | undefined

  constructor(until: 'acknowledged' | 'stored') {
    this.promise = new Promise<void>(keepFunctions)
    this.#resolve = lastResolve
    this.#reject = lastReject
    this.until = until
  }

  get isWaiting(): boolean {
    return this.#state === 'waiting'
  }

  setSignal(signal: AbortSignal, owner: PublishTicketOwner): void {
    this.#signal = signal
    this.#owner = owner
  }

  stopped(reason: unknown): void {
    this.aborted(reason)
  }

  aborted(reason: unknown): void {
    this.#owner?.withdraw(this, reason)
  }

  resolve(): void {
    if (this.#end()) this.#resolve()
  }

  reject(reason: unknown): void {
    if (!this.#end()) return
    markHandled(this.promise)
    this.#reject(reason)
  }

  #end(): boolean {
    if (this.#state === 'over') return false
    this.#state = 'over'
    // The promise has settled, so the signal does not matter any more.
    if (this.#signal !== undefined) signalWatches.delete(this.#signal, this)
    return true
  }
}
