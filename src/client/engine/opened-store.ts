/**
 * A session in its store: opened by the first attempt that has credentials, written to ahead of the wire, and closed last.
 *
 * It is opened once, under one name. An attempt that timed out may have left the store opening; the next one waits for the same
 * opening, since the store holds a lock. For the same reason a client that ends in the middle of it waits before it closes.
 */
import { StoreError } from '../../errors.js'
import type { StoredSession } from '../../protocol/journal/journal-record.js'
import type { SessionStore } from '../../store/session-store.js'
import { asStoreError } from '../waiting/promises.js'
import { JournalWriter } from './journal-writer.js'
import type { Timers } from './timers.js'

/** A disk that takes longer than this to sync a few records will not do it at all. */
const storeClosesWithinMs = 10_000

export class KeptSession {
  readonly #store: SessionStore
  readonly #timers: Timers
  readonly #failed: (error: StoreError) => void
  #opening: { readonly sessionId: string; readonly stored: Promise<StoredSession> } | undefined
  #journal: JournalWriter | undefined

  /** `failed` is told when the store cannot keep what it was given. */
  constructor(store: SessionStore, timers: Timers, failed: (error: StoreError) => void) {
    this.#store = store
    this.#timers = timers
    this.#failed = failed
  }

  /** Undefined until the store is open. */
  get journal(): JournalWriter | undefined {
    return this.#journal
  }

  /** What the store has of the session, read by the first call. @throws StoreError */
  async open(sessionId: string): Promise<StoredSession> {
    this.#opening ??= { sessionId, stored: this.#read(sessionId) }
    if (this.#opening.sessionId === sessionId) return this.#opening.stored
    throw new StoreError(
      `the credentials name the session ${JSON.stringify(sessionId)}, but this client has opened ${JSON.stringify(this.#opening.sessionId)}: give a sessionId that stays the same`,
    )
  }

  async #read(sessionId: string): Promise<StoredSession> {
    try {
      const stored: unknown = await this.#store.open(sessionId)
      // It is open, and has to be closed, whatever it gave.
      this.#journal = new JournalWriter(this.#store, (error) => this.#failed(asStoreError(error)))
      if (isStoredSession(stored)) return stored
      throw new StoreError('open() of the session store gave no StoredSession: resolve with one, as emptySession is')
    } catch (error) {
      throw asStoreError(error)
    }
  }

  /** A store that never answers must not keep the end of a client from coming. @throws StoreError */
  async close(withinMs: number): Promise<void> {
    const closesWithinMs = Math.min(withinMs, storeClosesWithinMs)
    const tooLate = new Promise<never>((_, reject) => {
      const error = new StoreError(`the session store has not closed within ${closesWithinMs} ms`)
      this.#timers.start('store closing', closesWithinMs, () => reject(error))
    })
    try {
      await Promise.race([this.#close(), tooLate])
    } finally {
      this.#timers.stop('store closing')
    }
  }

  async #close(): Promise<void> {
    await this.#opening?.stored.catch(() => {})
    if (this.#journal === undefined) return
    await this.#journal.settled()
    await this.#store.close()
  }
}

function isStoredSession(given: unknown): given is StoredSession {
  const { nextSequence, nextPacketId, messages, held } = fieldsOf(given)
  return (
    isCount(nextSequence) &&
    isPacketIdentifier(nextPacketId) &&
    Array.isArray(messages) &&
    messages.every(isStoredMessage) &&
    Array.isArray(held) &&
    held.every(isPacketIdentifier)
  )
}

function isStoredMessage(given: unknown): boolean {
  const { sequence, topic, payload, qos, retain, binding } = fieldsOf(given)
  const { packetId, received } = fieldsOf(binding)
  return (
    isCount(sequence) &&
    typeof topic === 'string' &&
    payload instanceof Uint8Array &&
    (qos === 1 || qos === 2) &&
    typeof retain === 'boolean' &&
    (binding === undefined || (isPacketIdentifier(packetId) && typeof received === 'boolean'))
  )
}

function fieldsOf(given: unknown): Readonly<Record<string, unknown>> {
  return Object(given)
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 1
}

function isPacketIdentifier(value: unknown): boolean {
  return isCount(value) && Number(value) <= 65_535
}
