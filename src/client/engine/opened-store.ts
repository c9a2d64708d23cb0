/**
 * The open store of a session. The first attempt that has its credentials opens the store, and the end of the client closes it.
 *
 * The store is opened once, for one session. If an attempt times out while the store opens, the next attempt waits for the same
 * opening, because the store has a lock. A client that ends while the store opens waits for the opening too, and then closes the store.
 */

import { StoreError } from '../../errors.js'
import type { StoredSession } from '../../protocol/journal/journal-record.js'
import { isBytes } from '../../realms/foreign-values.js'
import type { SessionStore } from '../../store/session-store.js'
import { asStoreError } from '../waiting/promises.js'
import { JournalWriter } from './journal-writer.js'
import type { Timers } from './timers.js'

/** A disk that takes longer than this to sync a few records will not do it at all. */
const storeClosesWithinMs = 10_000

export class OpenedStore {
  readonly #store: SessionStore
  readonly #timers: Timers
  readonly #failed: (error: StoreError) => void
  #opening: { readonly sessionId: string; readonly stored: Promise<StoredSession> } | undefined
  #journal: JournalWriter | undefined

  /** `failed` is called when the store cannot save a record. */
  constructor(store: SessionStore, timers: Timers, failed: (error: StoreError) => void) {
    this.#store = store
    this.#timers = timers
    this.#failed = failed
  }

  /** Undefined until the store is open. */
  get journal(): JournalWriter | undefined {
    return this.#journal
  }

  /** The session as the store has it; the first call opens the store and reads the session. @throws StoreError */
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
      // From here on the store is open and has to be closed, even if its answer is wrong.
      this.#journal = new JournalWriter(this.#store, (error) => this.#failed(asStoreError(error)))
      if (isStoredSession(stored)) return stored
      throw new StoreError('open() of the session store gave no StoredSession: resolve with one, as emptySession is')
    } catch (error) {
      throw asStoreError(error)
    }
  }

  /** Waits only for a limited time, because a store that never answers must not prevent the end of the client. @throws StoreError */
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
  const { nextSequence, nextPacketId, messages, held, contents = [], reserved = [] } = fieldsOf(given)
  return (
    isCount(nextSequence) &&
    isPacketIdentifier(nextPacketId) &&
    isListOf(messages, isStoredMessage) &&
    isListOf(held, isPacketIdentifier) &&
    isListOf(contents, isMessageContent) &&
    isListOf(reserved, isPacketIdentifier)
  )
}

function isListOf(given: unknown, isEntry: (entry: unknown) => boolean): boolean {
  return Array.isArray(given) && given.every(isEntry)
}

function isStoredMessage(given: unknown): boolean {
  const { sequence, topic, payload, qos, retain, binding } = fieldsOf(given)
  const { packetId, received } = fieldsOf(binding)
  return (
    isCount(sequence) &&
    typeof topic === 'string' &&
    isBytes(payload) &&
    (qos === 1 || qos === 2) &&
    typeof retain === 'boolean' &&
    (binding === undefined || (isPacketIdentifier(packetId) && typeof received === 'boolean'))
  )
}

function isMessageContent(given: unknown): boolean {
  const { packetId, bytes, checksum } = fieldsOf(given)
  return isPacketIdentifier(packetId) && Number.isSafeInteger(bytes) && Number.isSafeInteger(checksum)
}

function fieldsOf(given: unknown): Readonly<Record<string, unknown>> {
  return Object(given)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 1
}

function isPacketIdentifier(value: unknown): boolean {
  return isCount(value) && Number(value) <= 65_535
}
