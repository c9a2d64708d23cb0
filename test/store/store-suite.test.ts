import { type SessionStore, StoreError } from 'mqtt311/store'
import { type SessionStoreCase, sessionStoreSuite } from 'mqtt311/store/testing'
import { describe, expect, it } from 'vitest'
import type { JournalRecord, StoredSession } from '../../src/protocol/journal/journal-record.js'
import { emptySession, replay } from '../../src/protocol/journal/session-reducer.js'

/** A store that passes, made of a list: each fault below replaces one of its members. */
class ListStore implements SessionStore {
  readonly durable: boolean = false
  protected log: JournalRecord[] = []
  protected sessionId: string | undefined
  protected isOpen = false

  async open(sessionId: string): Promise<StoredSession> {
    if (this.isOpen) throw new StoreError('in use')
    if (this.sessionId !== undefined && this.sessionId !== sessionId) throw new StoreError('of another session')
    this.sessionId = sessionId
    this.isOpen = true
    return replay(this.log)
  }

  async append(records: readonly JournalRecord[]): Promise<void> {
    if (!this.isOpen) throw new StoreError('not open')
    for (const record of records) {
      this.log.push(record.kind === 'queued' ? { ...record, payload: Buffer.from(record.payload) } : record)
    }
  }

  async close(): Promise<void> {
    this.isOpen = false
  }
}

/** Once there is a record `forgotten`, the order is right and nothing is held, but PUBREC still counts. */
class HalfForgottenStore extends ListStore {
  override async open(sessionId: string): Promise<StoredSession> {
    const session = await super.open(sessionId)
    const others = this.log.filter(({ kind }) => kind !== 'forgotten')
    if (others.length === this.log.length) return session
    const { messages, ...rest } = replay(others)
    return { ...rest, held: [], messages: [...messages].sort((a, b) => a.sequence - b.sequence) }
  }
}

class TextStore extends ListStore {
  override append(records: readonly JournalRecord[]): Promise<void> {
    const asText = (payload: Uint8Array) => Buffer.from(Buffer.from(payload).toString())
    return super.append(
      records.map((record) => (record.kind === 'queued' ? { ...record, payload: asText(record.payload) } : record)),
    )
  }
}

/** `close` does not wait for what was appended just before. */
class HastyStore extends ListStore {
  override async append(records: readonly JournalRecord[]): Promise<void> {
    if (!this.isOpen) return super.append(records)
    await Promise.resolve()
    if (this.isOpen) await super.append(records)
  }
}

/** It refuses records until it is opened, and takes them once it is closed. */
class NeverClosedStore extends ListStore {
  override async append(records: readonly JournalRecord[]): Promise<void> {
    if (this.sessionId === undefined) return super.append(records)
    this.log.push(...records)
  }
}

/** When its process ends, the last record of each append that had resolved is lost. */
class TornStore extends ListStore {
  override readonly durable = true
  #resolved = 0

  override async append(records: readonly JournalRecord[]): Promise<void> {
    await super.append(records)
    this.#resolved = this.log.length
  }

  killed(): TornStore {
    const next = new TornStore()
    next.log = this.log.slice(0, this.#resolved - 1)
    next.sessionId = this.sessionId
    return next
  }
}

class ForgetfulStore extends ListStore {
  override async open(sessionId: string): Promise<StoredSession> {
    await super.open(sessionId)
    return emptySession
  }
}

class BorrowingStore extends ListStore {
  override async append(records: readonly JournalRecord[]): Promise<void> {
    if (!this.isOpen) return super.append(records)
    this.log.push(...records)
  }
}

class SortingStore extends ListStore {
  override open(sessionId: string): Promise<StoredSession> {
    this.log.sort((a, b) => ('sequence' in a && 'sequence' in b ? a.sequence - b.sequence : 0))
    return super.open(sessionId)
  }
}

class CursorlessStore extends ListStore {
  override async open(sessionId: string): Promise<StoredSession> {
    return { ...(await super.open(sessionId)), nextPacketId: 1, nextSequence: 1 }
  }
}

class UnlockedStore extends ListStore {
  override open(sessionId: string): Promise<StoredSession> {
    this.isOpen = false
    return super.open(sessionId)
  }
}

class AnybodysStore extends ListStore {
  override open(sessionId: string): Promise<StoredSession> {
    this.sessionId = undefined
    return super.open(sessionId)
  }
}

class EagerStore extends ListStore {
  override append(records: readonly JournalRecord[]): Promise<void> {
    const wasOpen = this.isOpen
    this.isOpen = true
    const appended = super.append(records)
    this.isOpen = wasOpen
    return appended
  }
}

class UnorderedStore extends ListStore {
  #count = 0

  override async append(records: readonly JournalRecord[]): Promise<void> {
    await super.append(records)
    this.#count += 1
    for (let turns = 30 - (this.#count % 30); turns > 0; turns--) await Promise.resolve()
  }
}

function suiteFor(make: () => SessionStore): SessionStoreCase[] {
  return sessionStoreSuite({
    durable: false,
    async create() {
      const store = make()
      return { store, reopen: async () => store, destroy: async () => {} }
    },
  })
}

/** The names of the cases that the store fails. */
async function failuresOf(make: () => SessionStore): Promise<readonly string[]> {
  const suite = suiteFor(make)
  const results = await Promise.allSettled(suite.map(({ run }) => run()))
  return suite.filter((_, index) => results[index]?.status === 'rejected').map(({ name }) => name)
}

describe('the suite for stores', () => {
  it('passes a store that does what the interface says', async () => {
    await Promise.all(suiteFor(() => new ListStore()).map(({ run }) => run()))
  })

  it.each([
    ['nothing is kept', ForgetfulStore, /^every kind of record/],
    ['the payload of the caller is kept', BorrowingStore, /^a payload belongs to the caller/],
    ['records are written in another order', SortingStore, /^every kind of record/],
    ['the numbers begin again', CursorlessStore, /^sequence numbers and Packet Identifiers continue/],
    ['a second open is not refused', UnlockedStore, /^a second open is refused/],
    ['every session may be opened', AnybodysStore, /^another session is refused/],
    ['append works before open', EagerStore, /^append is refused before open and after close/],
    ['appends resolve out of order', UnorderedStore, /^appends that do not wait/],
    ['PUBREC counts although the server has forgotten the session', HalfForgottenStore, /^forgotten clears held and/],
    ['every payload is text', TextStore, /^payloads and topics are the same/],
    ['close drops what was appended just before', HastyStore, /^close makes safe the records/],
    ['append works on after close', NeverClosedStore, /^append is refused before open and after close/],
  ])('finds a store for which %s, and names the case', async (_, Store, name) => {
    expect(await failuresOf(() => new Store())).toContainEqual(expect.stringMatching(name))
  })

  it('finds in every case a store whose durable is not the value that the suite was given', async () => {
    class DurableStore extends ListStore {
      override readonly durable = true
    }
    const suite = suiteFor(() => new DurableStore())
    expect(await failuresOf(() => new DurableStore())).toEqual(suite.map(({ name }) => name))
    await expect(suite[0]?.run()).rejects.toThrow('store.durable equals the option durable')
  })

  it('finds a store that loses one record of a resolved append when its process ends', async () => {
    const suite = sessionStoreSuite({
      durable: true,
      async create() {
        const store = new TornStore()
        return { store, reopen: async () => store, kill: async () => store.killed(), destroy: async () => {} }
      },
    })
    await expect(suite.find(({ name }) => name.startsWith('after a crash'))?.run()).rejects.toThrow('a prefix without')
  })
})
