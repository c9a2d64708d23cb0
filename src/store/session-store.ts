import type { JournalRecord, StoredSession } from '../protocol/journal/journal-record.js'

/**
 * A store keeps a session beyond the life of its client. Implement it over any storage that can keep an ordered log, or the
 * state that results from the log. `SessionReducer` turns a log into the state. Your own store must pass the suite in
 * `mqtt311/store/testing`.
 *
 * - `open` is called once, before the first connection. It returns the session that the earlier `append`s of the same
 *   `sessionId` have made; for a new session that is `emptySession`. It locks the session: until `close`, a second `open`
 *   must reject with a `StoreError`. If the storage has the log of another session, `open` rejects with a `StoreError` too.
 * - `append` gets records in the order of their events. The promise resolves when the records are as safe as the store
 *   makes them. The client waits for that before it sends a packet or resolves a promise that relies on the records, so a
 *   slow `append` makes the client slow. The client may call `append` again before earlier calls have resolved; the calls
 *   then resolve in order. The caller may change a payload when `append` has returned, so the store copies it before.
 *   After one `append` has failed, all later ones must fail, because a log with a hole is worse than a short one. After a
 *   crash, `open` returns a prefix of the appended records, with at least every record whose `append` had resolved.
 * - `close` makes all appended records safe and unlocks the session. If it cannot make them safe, it rejects, but it unlocks
 *   too. It may be called twice, and before `open`. After `close`, `open` may be called again.
 *
 * Every method rejects with a `StoreError`; its `cause` has the reason.
 */
export interface SessionStore {
  /** True if appended records survive the end of the process. If it is true, `cleanSession` is false by default. */
  readonly durable: boolean
  /** Locks the session, and resolves with its state. */
  open(sessionId: string): Promise<StoredSession>
  /** Resolves when the records are as safe as the store makes them. */
  append(records: readonly JournalRecord[]): Promise<void>
  /** Makes all appended records safe, and unlocks the session. */
  close(): Promise<void>
}
