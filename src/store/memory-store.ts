import { StoreError } from '../errors.js'
import type { JournalRecord, StoredSession } from '../protocol/journal/journal-record.js'
import { SessionReducer } from '../protocol/journal/session-reducer.js'
import type { SessionStore } from './session-store.js'

/**
 * A store that keeps the session in memory, as long as the store object lives. When the first client has ended, give the
 * same store to the next client of the process: that client resumes the session. Nothing survives the process.
 *
 * @example
 * ```ts
 * import { connect } from 'mqtt311'
 * import { memoryStore } from 'mqtt311/store'
 *
 * const options = { clientId: 'meter-7', cleanSession: false, store: memoryStore() }
 * await (await connect('mqtt://[::1]', options)).end()
 * const client = await connect('mqtt://[::1]', options)
 * ```
 */
export function memoryStore(): SessionStore {
  return new MemoryStore()
}

class MemoryStore implements SessionStore {
  readonly durable = false
  #sessionId: string | undefined
  #session = new SessionReducer()
  #phase: 'closed' | 'open' | StoreError = 'closed'

  async open(sessionId: string): Promise<StoredSession> {
    if (this.#phase === 'open') {
      throw new StoreError(
        'this store is in use by another client: end that one first, or give each a store of its own',
      )
    }
    if (this.#phase !== 'closed') throw this.#phase
    // [MQTT-3.1.3-2] A session belongs to its Client Identifier, and to no other.
    if (this.#sessionId !== undefined && this.#sessionId !== sessionId) {
      const [found, wanted] = [JSON.stringify(this.#sessionId), JSON.stringify(sessionId)]
      throw new StoreError(`this store holds the session ${found}, not ${wanted}: give each session a store of its own`)
    }
    this.#sessionId = sessionId
    this.#phase = 'open'
    return this.#session.snapshot()
  }

  async append(records: readonly JournalRecord[]): Promise<void> {
    if (this.#phase === 'closed') throw new StoreError('this store is not open')
    if (this.#phase !== 'open') throw this.#phase
    try {
      for (const record of records) {
        this.#session.apply(record.kind === 'queued' ? { ...record, payload: Buffer.from(record.payload) } : record)
      }
    } catch (error) {
      if (error instanceof StoreError) this.#phase = error
      throw error
    }
  }

  async close(): Promise<void> {
    this.#phase = 'closed'
  }
}
