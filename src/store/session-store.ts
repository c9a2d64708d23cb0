import type { JournalRecord, StoredSession } from '../protocol/journal/journal-record.js'

/**
 * Where a session outlives its client. Implement it over any storage that can keep an ordered log, or the state that the
 * log adds up to; `mqtt311/store/testing` holds the suite that an implementation must pass, and `SessionReducer` turns
 * a log into the state.
 *
 * - `open` is called once before the first connection, and gives back what earlier `append`s of the same
 *   `sessionId` left; for a new session that is `emptySession`. It locks the session: a second opener must get a
 *   `StoreError` while the first is alive. A store that holds another session's log refuses with a `StoreError` too.
 * - `append` gets records in the order in which they happened. The promise resolves when they are as safe as the
 *   store makes them: what relies on them (a packet, a settled promise) happens only then, so its time is the
 *   client's latency. Calls may come before earlier ones have resolved, and then resolve in order. A payload belongs to
 *   the caller again when `append` has returned: what is needed later is copied before. After one append has failed, all
 *   later ones must fail: a log with a hole is worse than a short one. After a crash, what `open` gives back is a prefix
 *   of what was appended that holds at least every append that had resolved.
 * - `close` makes what was appended safe and unlocks the session; it rejects if it cannot promise the first, and has
 *   unlocked all the same. It may be called twice, and before `open`. After it, `open` may be called again.
 *
 * Everything rejects with a `StoreError` whose `cause` says what went wrong.
 */
export interface SessionStore {
  /** True if what was appended survives the end of the process. It decides the default of `cleanSession`. */
  readonly durable: boolean
  /** Locks the session, and resolves with what it has become. */
  open(sessionId: string): Promise<StoredSession>
  /** Resolves once the records are as safe as the store makes them. */
  append(records: readonly JournalRecord[]): Promise<void>
  /** Makes safe what was appended, and unlocks the session. */
  close(): Promise<void>
}
