import type { SessionStore } from '../../../src/index.js'
import type { JournalRecord } from '../../../src/protocol/index.js'
import { memoryStore } from '../../../src/store/index.js'

/** A store in memory. It notes its calls and records, and a test can delay it and make it fail. */
export class ScriptedStore implements SessionStore {
  readonly durable = true
  readonly #inner = memoryStore()
  readonly records: JournalRecord[] = []
  readonly calls: string[] = []
  /** What `open` and `append` wait for. */
  opening: Promise<void> = Promise.resolve()
  appending: Promise<void> = Promise.resolve()

  get kinds(): string[] {
    return this.records.map(({ kind }) => kind)
  }

  async open(sessionId: string) {
    this.calls.push(`open ${sessionId}`)
    await this.opening
    return await this.#inner.open(sessionId)
  }

  async append(records: readonly JournalRecord[]) {
    this.records.push(...records)
    const done = this.#inner.append(records)
    await this.appending
    await done
  }

  async close() {
    this.calls.push('close')
    await this.#inner.close()
  }
}

/** The options of a client that keeps its session, and that connects again at once. */
export const persistent = { clientId: 'c', reconnect: { minDelayMs: 1, maxDelayMs: 1 } }
