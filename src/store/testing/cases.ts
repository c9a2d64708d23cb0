/** The cases of the suite in mqtt311/store/testing. */
import assert from 'node:assert/strict'
import { StoreError } from '../../errors.js'
import type { JournalRecord, StoredSession } from '../../protocol/journal/journal-record.js'
import { emptySession, replay } from '../../protocol/journal/session-reducer.js'
import type { SessionStore } from '../session-store.js'
import { randomLog } from './random-log.js'

/** The store of one case and its storage. */
export interface SessionStoreFixture {
  /** A store over empty storage, not opened yet. */
  readonly store: SessionStore
  /**
   * Returns another store over the same storage, not opened yet, as the next process would make it. For a store that is
   * not durable, returns the same object again.
   */
  reopen(): Promise<SessionStore>
  /** Does to the storage what the sudden end of its process would do, without `close`; then does the same as `reopen`. */
  kill?(): Promise<SessionStore>
  /** Removes the storage. All stores are closed before. */
  destroy(): Promise<void>
}

export interface Case {
  readonly name: string
  readonly needs?: 'durable'
  test(fixture: SessionStoreFixture): Promise<void>
}

const sessionId = 'suite'

/** Records that leave a message in every state, one settled, one withdrawn and one abandoned, one identifier held and one released. */
const everyKind: readonly JournalRecord[] = [
  ...[1, 2, 3, 4, 5, 7, 8].map((sequence) => queued(sequence, sequence === 2 ? 1 : 2)),
  { kind: 'bound', sequence: 1, packetId: 10 },
  { kind: 'bound', sequence: 2, packetId: 65_535 },
  { kind: 'bound', sequence: 3, packetId: 1 },
  { kind: 'bound', sequence: 4, packetId: 2 },
  { kind: 'bound', sequence: 8, packetId: 3 },
  { kind: 'received', sequence: 4 },
  { kind: 'received', sequence: 3 },
  { kind: 'received', sequence: 1 },
  { kind: 'settled', sequence: 3 },
  { kind: 'withdrawn', sequence: 5 },
  { kind: 'abandoned', sequence: 8 },
  { kind: 'held', packetId: 9 },
  { kind: 'held', packetId: 8 },
  { kind: 'released', packetId: 9 },
]

export const cases: readonly Case[] = [
  {
    name: 'a new session is empty',
    async test({ store }) {
      assertSession(await store.open(sessionId), emptySession)
    },
  },
  {
    name: 'every kind of record is there when the session is opened again, in the order in which messages are sent again',
    async test({ store, reopen }) {
      await store.open(sessionId)
      await store.append(everyKind)
      await store.close()
      const next = await reopen()
      const session = await next.open(sessionId)
      assertSession(session, replay(everyKind))
      assert.deepEqual(
        session.messages.map(({ sequence }) => sequence),
        [4, 1, 2, 7],
      )
      await next.close()
    },
  },
  {
    name: 'forgotten clears held and received, and keeps the messages in the order of sequence numbers',
    async test({ store, reopen }) {
      await store.open(sessionId)
      await store.append(everyKind)
      await store.append([{ kind: 'forgotten' }])
      await store.close()
      const next = await reopen()
      const session = await next.open(sessionId)
      assertSession(session, replay([...everyKind, { kind: 'forgotten' }]))
      assert.deepEqual(
        session.messages.map(({ sequence }) => sequence),
        [1, 2, 4, 7],
      )
      await next.close()
    },
  },
  {
    name: 'sequence numbers and Packet Identifiers continue, although all messages are settled',
    async test({ store, reopen }) {
      const log: JournalRecord[] = [
        queued(41, 1),
        { kind: 'bound', sequence: 41, packetId: 65_535 },
        { kind: 'settled', sequence: 41 },
      ]
      await store.open(sessionId)
      await store.append(log)
      await store.close()
      const next = await reopen()
      assertSession(await next.open(sessionId), { nextSequence: 42, nextPacketId: 1, messages: [], held: [] })
      await next.close()
    },
  },
  {
    name: 'payloads and topics are the same, byte for byte',
    async test({ store, reopen }) {
      const allBytes = Uint8Array.from({ length: 256 }, (_, byte) => byte)
      const payloads = [new Uint8Array(), allBytes, allBytes.subarray(7, 9), new Uint8Array(100_000).fill(0xa5)]
      const topics = ['a', 'größe/温度', '$share', '🙂/'.repeat(1000)]
      const log = payloads.map((payload, index): JournalRecord => {
        return {
          kind: 'queued',
          sequence: index + 1,
          topic: topics[index] ?? '',
          payload,
          qos: 1,
          retain: index % 2 === 1,
        }
      })
      await store.open(sessionId)
      await store.append(log)
      await store.close()
      const next = await reopen()
      assertSession(await next.open(sessionId), replay(log))
      await next.close()
    },
  },
  {
    name: 'a payload belongs to the caller again when append has returned',
    async test({ store, reopen }) {
      await store.open(sessionId)
      const payload = Buffer.from('as it was')
      const appended = store.append([{ kind: 'queued', sequence: 1, topic: 't', payload, qos: 1, retain: false }])
      payload.fill(0)
      await appended
      await store.close()
      const next = await reopen()
      const [message] = (await next.open(sessionId)).messages
      assert.equal(Buffer.from(message?.payload ?? []).toString(), 'as it was')
      await next.close()
    },
  },
  {
    name: 'appends that do not wait for each other resolve in order, and all are kept',
    async test({ store, reopen }) {
      await store.open(sessionId)
      const resolved: number[] = []
      const appends = everyKind.map((record, index) => store.append([record]).then(() => resolved.push(index)))
      appends.push(store.append([]).then(() => resolved.push(everyKind.length)))
      await Promise.all(appends)
      assert.deepEqual(resolved, [...appends.keys()])
      await store.close()
      const next = await reopen()
      assertSession(await next.open(sessionId), replay(everyKind))
      await next.close()
    },
  },
  {
    name: 'close makes safe the records appended just before, and may be called twice, and before open',
    async test({ store, reopen }) {
      await store.close()
      await store.open(sessionId)
      const appended = store.append(everyKind)
      await Promise.all([appended, store.close(), store.close()])
      await store.close()
      const next = await reopen()
      assertSession(await next.open(sessionId), replay(everyKind))
      await next.close()
    },
  },
  {
    name: 'append is refused before open and after close',
    async test({ store }) {
      await assertStoreError(store.append(everyKind))
      await store.open(sessionId)
      await store.close()
      await assertStoreError(store.append(everyKind))
    },
  },
  {
    name: 'a second open is refused while the first store is open, and changes nothing',
    async test({ store, reopen }) {
      await store.open(sessionId)
      await assertStoreError((await reopen()).open(sessionId))
      await store.append(everyKind)
      await store.close()
      const next = await reopen()
      assertSession(await next.open(sessionId), replay(everyKind))
      await next.close()
    },
  },
  {
    name: 'another session is refused, and the first one stays as it is',
    async test({ store, reopen }) {
      await store.open(sessionId)
      await store.append(everyKind)
      await store.close()
      const next = await reopen()
      await assertStoreError(next.open('another'))
      await next.close()
      const last = await reopen()
      assertSession(await last.open(sessionId), replay(everyKind))
      await last.close()
    },
  },
  {
    name: 'a thousand random records give the session of the reducer, however often the session is opened',
    async test({ store, reopen }) {
      const log = randomLog(1, 1000)
      let current = store
      await current.open(sessionId)
      for (let at = 0; at < log.length; at += 7) {
        await current.append(log.slice(at, at + 7))
        if (at % 3 !== 0) continue
        await current.close()
        current = await reopen()
        assertSession(await current.open(sessionId), replay(log.slice(0, at + 7)))
      }
      await current.close()
    },
  },
  {
    name: 'ten thousand waiting messages are all there',
    async test({ store, reopen }) {
      const log = Array.from({ length: 10_000 }, (_, index) => queued(index + 1, 1))
      await store.open(sessionId)
      await Promise.all(log.map((record) => store.append([record])))
      await store.close()
      const next = await reopen()
      assertSession(await next.open(sessionId), replay(log))
      await next.close()
    },
  },
  {
    name: 'another store object over the same storage continues the session of the first one',
    needs: 'durable',
    async test({ store, reopen }) {
      await store.open(sessionId)
      await store.append(everyKind)
      await store.close()
      const next = await reopen()
      assert.notEqual(next, store)
      assertSession(await next.open(sessionId), replay(everyKind))
      await next.append([{ kind: 'settled', sequence: 1 }])
      await next.close()
      const last = await reopen()
      assertSession(await last.open(sessionId), replay([...everyKind, { kind: 'settled', sequence: 1 }]))
      await last.close()
    },
  },
  {
    name: 'after a crash, open returns a prefix of the log with all appends that had resolved (if the fixture can kill)',
    needs: 'durable',
    async test({ store, kill }) {
      if (kill === undefined) return
      const log = randomLog(2, 200)
      await store.open(sessionId)
      await store.append(log.slice(0, 100))
      const unfinished = store.append(log.slice(100)).catch(() => {})
      const next = await kill()
      const session = await next.open(sessionId)
      await unfinished
      await next.close()
      const isPrefix = log.some((_, index) => index >= 99 && isSame(session, replay(log.slice(0, index + 1))))
      assert.ok(isPrefix, 'open returned no prefix of the log, or a prefix without an append that had resolved')
    },
  },
]

function queued(sequence: number, qos: 1 | 2): JournalRecord {
  const payload = Buffer.from(`payload ${sequence}`)
  return { kind: 'queued', sequence, topic: `topic/${sequence}`, payload, qos, retain: sequence % 2 === 0 }
}

/** Compares message by message: to show the difference of two lists of thousands, `assert` of Node 22 and later needs gigabytes. */
function assertSession(actual: StoredSession, expected: StoredSession): void {
  const parts = partsOf(expected)
  for (const part of partsOf(actual)) assert.deepEqual(part, parts.shift())
  assert.equal(parts.length, 0)
}

function isSame(actual: StoredSession, expected: StoredSession): boolean {
  try {
    assertSession(actual, expected)
    return true
  } catch {
    return false
  }
}

/** A session in parts that can be compared: payloads may be any Uint8Array, and `held` and `reserved` may have any order. */
function partsOf({ nextSequence, nextPacketId, messages, held, reserved }: StoredSession): object[] {
  const ordered = (identifiers: readonly number[] = []) => [...identifiers].sort((a, b) => a - b)
  return [
    { nextSequence, nextPacketId, held: ordered(held), reserved: ordered(reserved) },
    ...messages.map((message) => ({ ...message, payload: Buffer.from(message.payload).toString('hex') })),
  ]
}

async function assertStoreError(promise: Promise<unknown>): Promise<void> {
  await assert.rejects(promise, (error) => error instanceof StoreError)
}
