import { kindOf } from '../../codec/field-checks.js'
import { StoreError } from '../../errors.js'
import type { JournalRecord } from '../../protocol/journal/journal-record.js'
import type { SessionStore } from '../../store/session-store.js'
import { isPromiseLike } from '../waiting/promises.js'

/** One call of `append` of the store, and the actions that run when its records are safe. */
interface Append {
  readonly actions: (() => void)[]
}

/**
 * Writes records to the session store before the bytes that depend on them go to the socket. The records of the engine gather here
 * during a turn of the event loop. An action (to write bytes, to settle promises) runs when all earlier records are safe; the actions
 * run in order. If all records are safe already, an action runs at once.
 */
export class JournalWriter {
  readonly #store: SessionStore
  readonly #failed: (error: unknown) => void
  #records: JournalRecord[] = []
  /** The calls that the store has not answered, oldest first. */
  readonly #appends: Append[] = []
  #state: 'sound' | 'broken' = 'sound'

  constructor(store: SessionStore, failed: (error: unknown) => void) {
    this.#store = store
    this.#failed = failed
  }

  record(record: JournalRecord): void {
    this.#records.push(record)
  }

  /** Runs `action` when every record so far is safe; never if the store has failed. */
  whenSafe(action: () => void): void {
    if (this.#state === 'broken') return
    this.append()
    const last = this.#appends.at(-1)
    if (last === undefined) action()
    else last.actions.push(action)
  }

  /** True while a record is not safe yet. */
  get isBehind(): boolean {
    return this.#state === 'sound' && (this.#records.length > 0 || this.#appends.length > 0)
  }

  /** Resolves when every record so far is safe, or when the store has failed. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#state === 'broken') resolve()
      else this.whenSafe(resolve)
    })
  }

  /** Gives all gathered records to the store, also if no action waits: a message that is published while offline has to be stored too. */
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

  /** A store of the program may throw or return anything; both become a rejected promise. */
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
