import type { OutgoingMessage } from '../../protocol/exchange/outgoing-message.js'
import { markHandled } from '../waiting/promises.js'
import type { Abortable } from '../waiting/signal-watches.js'

/** Promise hands its functions to a callback; one callback for all tickets spares a closure for each message. */
let lastResolve: () => void = nothing
let lastReject: (reason: unknown) => void = nothing

function nothing(): void {}

function keepFunctions(resolve: () => void, reject: (reason: unknown) => void): void {
  lastResolve = resolve
  lastReject = reject
}

/** What withdraws a message whose signal has fired, and is told when the signal need not be watched any more. */
export interface Withdrawing {
  withdraw(ticket: PublishTicket, reason: unknown): void
  unwatch(ticket: PublishTicket, signal: AbortSignal): void
}

/**
 * The promise of one `publish`, while it waits for its acknowledgement (or for the session store). It settles once; what the
 * engine says after that is nobody's concern any more.
 */
export class PublishTicket implements Abortable {
  readonly promise: Promise<void>
  readonly until: 'acknowledged' | 'stored'
  readonly #resolve: () => void
  readonly #reject: (reason: unknown) => void
  #state: 'waiting' | 'over' = 'waiting'
  #signal: AbortSignal | undefined
  #publisher: Withdrawing | undefined
  /** Known from the moment in which the engine has the message. */
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

  watched(signal: AbortSignal, publisher: Withdrawing): void {
    this.#signal = signal
    this.#publisher = publisher
  }

  aborted(reason: unknown): void {
    this.#publisher?.withdraw(this, reason)
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
    if (this.#signal !== undefined) this.#publisher?.unwatch(this, this.#signal)
    return true
  }
}
