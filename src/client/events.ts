import type { EventEmitter } from 'node:events'
import type { Announcements, EndKnownTo } from './life/lifecycle.js'
import type {
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
 * Tells the application what becomes of its client: by events, and by the promise `closed`. An error that ends the client, that the
 * program did not ask for and that nobody hears of is an unhandled rejection: a service whose client has died must not go on as if it
 * lived. A listener that throws must not reach into the engine, so listeners are called in a turn of their own.
 */
export class Announcer implements Announcements {
  readonly #client: EventEmitter<ClientEvents>
  #outcome = open
  /** Made for the first who asks. */
  #closed: Promise<void> | undefined
  /** Resolves or rejects that promise. */
  #endPromise: ((error: Error | undefined) => void) | undefined

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

  closed(event: CloseEvent, knownTo: EndKnownTo): void {
    const { error } = event
    this.#outcome = { is: 'closed', error }
    const nobodyKnows = knownTo === 'nobody' && this.#closed === undefined && this.#client.listenerCount('close') === 0
    this.#endPromise?.(error)
    if (error !== undefined && nobodyKnows) Promise.reject(error)
    process.nextTick(() => this.#client.emit('close', event))
  }

  /** Resolves when the client has ended; rejects with the terminal error. Whoever reads it has to handle that. */
  get whenClosed(): Promise<void> {
    this.#closed ??= new Promise((resolve, reject) => {
      const end = (error: Error | undefined) => (error === undefined ? resolve() : reject(error))
      if (this.#outcome.is === 'closed') end(this.#outcome.error)
      else this.#endPromise = end
    })
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
