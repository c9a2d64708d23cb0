import type { EventEmitter } from 'node:events'
import type { Announcements } from './life/lifecycle.js'
import type { ClientEvents, CloseEvent, OfflineEvent, OnlineEvent, RefusedEvent } from './surface/client-surface.js'
import { tamed } from './waiting/promises.js'

type Outcome = { readonly is: 'open' } | { readonly is: 'closed'; readonly error: Error | undefined }

const open: Outcome = { is: 'open' }

/**
 * Tells the application what becomes of its client: by events, by the promise `closed`, and, when nobody listens to either, by a
 * warning of the process. A listener that throws must not reach into the engine, so listeners are called in a turn of
 * their own.
 */
export class Announcer implements Announcements {
  readonly #client: EventEmitter<ClientEvents>
  #outcome = open
  /** Made for the first who asks. */
  #closed: Promise<void> | undefined
  #settle: ((error: Error | undefined) => void) | undefined

  constructor(client: EventEmitter<ClientEvents>) {
    this.#client = client
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

  closed(event: CloseEvent, told: 'told' | 'untold'): void {
    this.#outcome = { is: 'closed', error: event.error }
    const heard = told === 'told' || this.#closed !== undefined || this.#client.listenerCount('close') > 0
    this.#settle?.(event.error)
    if (event.error !== undefined && !heard) process.emitWarning(event.error)
    process.nextTick(() => this.#client.emit('close', event))
  }

  /** Resolves when the client has ended; rejects with the terminal error. */
  get whenClosed(): Promise<void> {
    this.#closed ??= tamed(
      new Promise((resolve, reject) => {
        const settle = (error: Error | undefined) => (error === undefined ? resolve() : reject(error))
        if (this.#outcome.is === 'closed') settle(this.#outcome.error)
        else this.#settle = settle
      }),
    )
    return this.#closed
  }
}

/** Events that the clients of other libraries have, and what to use here. */
const advices: ReadonlyMap<string | symbol, string> = new Map([
  ['message', 'pass a handler to subscribe(), or give the option onMessage'],
  ['error', "await client.closed, or listen for 'close'"],
  ['connect', "await connect(), or listen for 'online'"],
  ['reconnect', "listen for 'online'"],
])

const warned = new Set<string | symbol>()

/** A listener for the event of another client would wait for ever: said once for each event. Listens to 'newListener'. */
export function warnOfForeignEvent(name: string | symbol, listener: { readonly name: string }): void {
  const advice = advices.get(name)
  if (advice === undefined || warned.has(name)) return
  // `once(client, 'online')` of node:events listens for 'error' as well, under this name: that is no habit from elsewhere.
  if (name === 'error' && listener.name === 'errorListener') return
  warned.add(name)
  process.emitWarning(`mqtt311 has no '${String(name)}' event: ${advice}`, 'Mqtt311Warning')
}
