/**
 * Sessions that outlive their client: two stores, the interface for your own, and the functions that your own needs.
 *
 * @module mqtt311/store
 */
export { isMqttError, StoreError } from '../errors.js'
export type { JournalRecord, MessageContent, StoredMessage, StoredSession } from '../protocol/journal/journal-record.js'
export {
  emptySession,
  recordsOf,
  replay,
  type SessionCursor,
  SessionReducer,
} from '../protocol/journal/session-reducer.js'
export { type FileStore, type FileStoreOptions, fileStore } from './file/file-store.js'
export type { Fsync } from './file/journal.js'
export type { TornTail } from './file/journal-recovery.js'
export { memoryStore } from './memory-store.js'
export type { SessionStore } from './session-store.js'
