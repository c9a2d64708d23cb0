import type { EventEmitter } from 'node:events'
import type { Announcements, EndKnownTo } from './life/lifecycle.js'
import { eventAdvice } from './options/unknown-names.js'
import type {
  AbandonedEvent,
  AttemptEvent,
  ClientEvents,
  CloseEvent,
  OfflineEvent,
  OnlineEvent,
  RefusedEvent,
} from './surface/client-surface.js'

type Outcome = { readonly is: 'open' } | { readonly is: 'closed'; readonly error: Error | undefined }

const open: Outcome = { is: 'open' }

/**
 * Reports the life of a client to the program: by events, and by the promise `closed`. If an error ends the client, the program has not
 * asked for that, and nothing in the program gets the error, there is an unhandled rejection: a service must not go on without its
 * client as if nothing had happened. Each event has its own tick, so a listener that throws cannot disturb the engine.
 */
export class Announcer implements Announcements {
  readonly #client: EventEmitter<ClientEvents>
  #outcome = open
  #abandoned: 'not told' | 'told' = 'not told'
  /** Undefined until the program reads `client.closed`. */
  #closed: Promise<void> | undefined
  /** Resolves or rejects `#closed`. */
  #settleClosed: ((error: Error | undefined) => void) | undefined

  constructor(client: EventEmitter<ClientEvents>) {
    this.#client = client
  }

  attempt(event: AttemptEvent): void {
    process.nextTick(() => this.#client.emit('attempt', event))
  }

  online(event: OnlineEvent): void {
    process.nextTick(() => this.#client.emit('online', event))
  }

  offline(event: OfflineEvent): void {
    process.nextTick(() => this.#client.emit('offline', event))
  }

  refused(event: RefusedEvent): void {
    process.nextTick(() => this.#client.emit('refused', event))
  }

  abandoned(event: AbandonedEvent): void {
    process.nextTick(() => {
      if (this.#client.emit('abandoned', event) || this.#abandoned === 'told') return
      this.#abandoned = 'told'
      const advice = "listen for 'abandoned', or set abandonAfter to Infinity to keep such messages"
      process.emitWarning(`${event.error.message}; ${advice}`, 'Mqtt311Warning')
    })
  }

  closed(event: CloseEvent, knownTo: EndKnownTo): void {
    const { error } = event
    this.#outcome = { is: 'closed', error }
    const nobodyKnows = knownTo === 'nobody' && this.#closed === undefined && this.#client.listenerCount('close') === 0
    this.#settleClosed?.(error)
    if (error !== undefined && nobodyKnows) Promise.reject(error)
    process.nextTick(() => this.#client.emit('close', event))
  }

  /** Resolves when the client has ended; rejects with the error that ended it. Code that reads it has to handle the rejection. */
  get whenClosed(): Promise<void> {
    this.#closed ??= new Promise((resolve, reject) => {
      const settle = (error: Error | undefined) => (error === undefined ? resolve() : reject(error))
      if (this.#outcome.is === 'closed') settle(this.#outcome.error)
      else this.#settleClosed = settle
    })
    return this.#closed
  }
}

const warned = new Set<string | symbol>()

/** Is called at 'newListener'. Warns once for each event of another client, because its listener would never be called. */
export function warnOfForeignEvent(name: string | symbol, listener: { readonly name: string }): void {
  const advice = eventAdvice.get(String(name))
  if (advice === undefined || warned.has(name)) return
  // `once(client, 'online')` of node:events adds a listener for 'error' too, with this name: the program has not asked for it.
  if (name === 'error' && listener.name === 'errorListener') return
  warned.add(name)
  process.emitWarning(`mqtt311 has no '${String(name)}' event: ${advice}`, 'Mqtt311Warning')
}
