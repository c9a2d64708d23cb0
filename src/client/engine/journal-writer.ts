import { kindOf } from '../../codec/field-checks.js'
import { StoreError } from '../../errors.js'
import type { JournalRecord } from '../../protocol/journal/journal-record.js'
import type { SessionStore } from '../../store/session-store.js'
import { isPromiseLike } from '../waiting/promises.js'

/** Records that the store has been given, and what runs once they are safe. */
interface Append {
  readonly actions: (() => void)[]
}

/**
 * Keeps the log ahead of the wire. The engine's records gather here during a turn of the event loop; what relies on them
 * (bytes for the socket, promises to settle) is given as an action, which runs when all records before it are safe, in
 * the order in which it was given. While nothing is pending an action runs at once.
 */
export class JournalWriter {
  readonly #store: SessionStore
  readonly #failed: (error: unknown) => void
  #records: JournalRecord[] = []
  /** Those that have not been answered yet, oldest first. */
  readonly #appends: Append[] = []
  #state: 'sound' | 'broken' = 'sound'

  constructor(store: SessionStore, failed: (error: unknown) => void) {
    this.#store = store
    this.#failed = failed
  }

  record(record: JournalRecord): void {
    this.#records.push(record)
  }

  /** Runs `action` once everything recorded so far is safe; never, if the store has failed. */
  whenSafe(action: () => void): void {
    if (this.#state === 'broken') return
    this.append()
    const last = this.#appends.at(-1)
    if (last === undefined) action()
    else last.actions.push(action)
  }

  /** True while something recorded is not safe yet. */
  get isBehind(): boolean {
    return this.#state === 'sound' && (this.#records.length > 0 || this.#appends.length > 0)
  }

  /** Resolves when everything recorded so far is safe, or the store has failed. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#state === 'broken') resolve()
      else this.whenSafe(resolve)
    })
  }

  /** Hands over what was recorded, also when nothing waits for it: a message that is published while offline has to be kept too. */
  append(): void {
    if (this.#state === 'broken' || this.#records.length === 0) return
    const records = this.#records
    this.#records = []
    const append: Append = { actions: [] }
    this.#appends.push(append)
    this.#handOver(records).then(
      () => this.#safe(append),
      (error: unknown) => this.#break(error),
    )
  }

  /** A store of the program's own may do anything, and whatever it does is told later. */
  #handOver(records: readonly JournalRecord[]): Promise<unknown> {
    try {
      const appended: unknown = this.#store.append(records)
      if (isPromiseLike(appended)) return Promise.resolve(appended)
      throw new StoreError(`append() of the session store gave ${kindOf(appended)}: return a promise`)
    } catch (error) {
      return Promise.reject(error)
    }
  }

  #safe(append: Append): void {
    if (this.#state === 'broken') return
    this.#appends.splice(this.#appends.indexOf(append), 1)
    for (const action of append.actions) action()
  }

  #break(error: unknown): void {
    if (this.#state === 'broken') return
    this.#state = 'broken'
    this.#appends.length = 0
    this.#failed(error)
  }
}
