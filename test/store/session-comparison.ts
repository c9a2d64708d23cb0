import type { JournalRecord, StoredSession } from '../../src/protocol/journal/journal-record.js'
import { replay } from '../../src/protocol/journal/session-reducer.js'

/** A session as plain values that compare by content. */
export function plain(session: StoredSession): unknown {
  const messages = session.messages.map((message) => ({
    ...message,
    payload: Buffer.from(message.payload).toString('hex'),
  }))
  return { ...session, messages, held: [...session.held] }
}

/** The length of a prefix of `log`, at least `shortest`, that adds up to `session`; undefined if there is none. */
export function prefixOf(log: readonly JournalRecord[], session: StoredSession, shortest: number): number | undefined {
  const wanted = JSON.stringify(plain(session))
  for (let length = shortest; length <= log.length; length++) {
    if (JSON.stringify(plain(replay(log.slice(0, length)))) === wanted) return length
  }
  return undefined
}
