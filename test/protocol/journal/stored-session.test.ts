import { deepStrictEqual } from 'node:assert'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { StoreError } from '../../../src/errors.js'
import type { JournalRecord } from '../../../src/protocol/journal/journal-record.js'
import { emptySession, recordsOf, replay, SessionReducer } from '../../../src/protocol/journal/session-reducer.js'
import { randomLog } from '../../../src/store/testing/random-log.js'

const payload = Buffer.from('p')
const queued = (sequence: number, qos: 1 | 2 = 2): JournalRecord => {
  return { kind: 'queued', sequence, topic: 't', payload, qos, retain: false }
}
const bound = (sequence: number, packetId: number): JournalRecord => ({ kind: 'bound', sequence, packetId })
const received = (sequence: number): JournalRecord => ({ kind: 'received', sequence })
const abandoned = (sequence: number): JournalRecord => ({ kind: 'abandoned', sequence })
const settled = (sequence: number): JournalRecord => ({ kind: 'settled', sequence })
const reserved = (packetId: number): JournalRecord => ({ kind: 'reserved', packetId })
const sequences = (log: readonly JournalRecord[]) => replay(log).messages.map(({ sequence }) => sequence)

describe('what a log adds up to', () => {
  it('puts received messages first in the order of PUBREC, then bound ones in that of binding, then the rest [MQTT-4.6.0-1]', () => {
    const log = [1, 2, 3, 4, 5].map((sequence) => queued(sequence))
    log.push(bound(1, 7), bound(3, 8), bound(2, 9), bound(4, 10), received(4), received(1))
    expect(sequences(log)).toEqual([4, 1, 3, 2, 5])
    expect(replay(log).messages[0]?.binding).toEqual({ packetId: 10, received: true })
  })

  it('counts no message as received once the session is forgotten, and sorts all bound ones by sequence', () => {
    const log = [queued(1), queued(2), queued(3), bound(1, 1), bound(2, 2), bound(3, 3), received(3), received(2)]
    log.push({ kind: 'held', packetId: 5 }, { kind: 'forgotten' })
    expect(sequences(log)).toEqual([1, 2, 3])
    expect(replay(log).messages.map(({ binding }) => binding?.received)).toEqual([false, false, false])
    expect(replay(log).held).toEqual([])
  })

  it('sorts the bound ones also if none was received: one that was passed is sent in its place in the new session', () => {
    const log = [queued(1), queued(2), queued(3), bound(1, 1), bound(3, 2), bound(2, 3)]
    expect(sequences([...log, { kind: 'forgotten' }])).toEqual([1, 2, 3])
  })

  it('lets the Packet Identifier after 65535 be 1', () => {
    expect(replay([queued(1), bound(1, 65_535)]).nextPacketId).toBe(1)
    expect(replay([queued(1), bound(1, 12)]).nextPacketId).toBe(13)
  })

  it('keeps the cursor of messages that are settled', () => {
    expect(replay([queued(9, 1), bound(9, 4), settled(9)])).toEqual({
      ...emptySession,
      nextSequence: 10,
      nextPacketId: 5,
    })
  })

  it('gives an identifier free when its message is settled [MQTT-2.3.1-3]', () => {
    expect(() => replay([queued(1, 1), bound(1, 4), settled(1), queued(2), bound(2, 4)])).not.toThrow()
  })

  it('keeps the identifier of an abandoned message at QoS 2 until the session is forgotten, and frees one at QoS 1', () => {
    const log = [queued(1, 1), queued(2), queued(3), bound(1, 7), bound(2, 8), bound(3, 9), abandoned(1), abandoned(2)]
    expect(sequences(log)).toEqual([3])
    expect(replay(log).reserved).toEqual([8])
    expect(() => replay([...log, queued(4), bound(4, 7)])).not.toThrow()
    expect(() => replay([...log, queued(4), bound(4, 8)])).toThrow(/another message has this Packet Identifier/)
    expect(replay([...log, { kind: 'forgotten' }]).reserved).toBeUndefined()
  })

  it('has a cursor and a number of messages, settled or withdrawn ones not counted', () => {
    const reducer = new SessionReducer()
    const log = [queued(1), queued(2), queued(4, 1), queued(5), bound(1, 7), bound(4, 9), received(1), settled(4)]
    for (const record of log) reducer.apply(record)
    expect(reducer.messageCount).toBe(3)
    reducer.apply({ kind: 'withdrawn', sequence: 2 })
    expect(reducer.messageCount).toBe(2)
    expect(reducer.cursor).toEqual({ nextSequence: 6, nextPacketId: 10 })
  })

  it('does not change a snapshot that it has given out', () => {
    const reducer = new SessionReducer()
    for (const record of [queued(1), bound(1, 1)]) reducer.apply(record)
    const before = reducer.snapshot()
    for (const record of [received(1), queued(2)]) reducer.apply(record)
    expect(before.messages).toEqual([{ ...before.messages[0], binding: { packetId: 1, received: false } }])
  })

  it('is the same from any snapshot on', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(200), fc.nat(200), (seed, length, cut) => {
        const log = randomLog(seed, length)
        deepStrictEqual(replay(log.slice(cut), replay(log.slice(0, cut))), replay(log))
      }),
    )
  })

  it('is also what its shortest log adds up to, but for the cursor', () => {
    fc.assert(
      fc.property(fc.nat(), fc.nat(200), (seed, length) => {
        const session = replay(randomLog(seed, length))
        const again = replay(recordsOf(session))
        deepStrictEqual(
          { ...again, nextSequence: 0, nextPacketId: 0 },
          { ...session, nextSequence: 0, nextPacketId: 0 },
        )
      }),
    )
  })
})

describe('a log that cannot be', () => {
  const impossible: readonly [string, JournalRecord[], RegExp][] = [
    ['bound without queued', [bound(5, 1)], /record 1 .*bound \(sequence 5, Packet Identifier 1\).*no such message/],
    ['bound twice', [queued(1), bound(1, 1), bound(1, 2)], /record 3 .*has a Packet Identifier already/],
    ['an identifier in use', [queued(1), queued(2), bound(1, 1), bound(2, 1)], /record 4 .*another message has/],
    ['identifier 0', [queued(1), bound(1, 0)], /between 1 and 65535/],
    ['identifier 65536', [queued(1), bound(1, 65_536)], /between 1 and 65535/],
    ['a sequence number again', [queued(1), queued(1)], /at least 2/],
    ['a sequence number that falls', [queued(3), queued(2)], /at least 4/],
    ['a sequence number that is no whole number', [queued(1.5)], /at least 1/],
    ['received before bound', [queued(1), received(1)], /no Packet Identifier yet/],
    ['received twice', [queued(1), bound(1, 1), received(1), received(1)], /PUBREC was recorded already/],
    ['received at QoS 1', [queued(1, 1), bound(1, 1), received(1)], /PUBREC belongs to QoS 2/],
    ['settled before bound', [queued(1), settled(1)], /no Packet Identifier yet/],
    ['settled at QoS 2 before PUBREC', [queued(1), bound(1, 1), settled(1)], /no PUBREC yet/],
    ['settled twice', [queued(1, 1), bound(1, 1), settled(1), settled(1)], /no such message/],
    ['withdrawn after bound', [queued(1), bound(1, 1), { kind: 'withdrawn', sequence: 1 }], /has a Packet Identifier/],
    ['abandoned before bound', [queued(1), abandoned(1)], /no Packet Identifier yet/],
    ['abandoned after PUBREC', [queued(1), bound(1, 1), received(1), abandoned(1)], /PUBREC was recorded already/],
    [
      'abandoned twice',
      [queued(1), bound(1, 1), abandoned(1), abandoned(1)],
      /abandoned \(sequence 1\).*no such message/,
    ],
    [
      'an identifier reserved in use',
      [queued(1), bound(1, 1), reserved(1)],
      /reserved \(Packet Identifier 1\).*a message has/,
    ],
    ['identifier 0 reserved', [reserved(0)], /between 1 and 65535/],
    ['held twice', [1, 1].map((packetId) => ({ kind: 'held', packetId })), /held already/],
    ['released without held', [{ kind: 'released', packetId: 3 }], /not held/],
  ]
  it.each(impossible)('is refused with the record and its place: %s', (_name, log, message) => {
    expect(() => replay(log)).toThrow(StoreError)
    expect(() => replay(log)).toThrow(message)
  })

  it.each(impossible)('changes nothing: %s', (_name, log) => {
    const reducer = new SessionReducer()
    for (const record of log.slice(0, -1)) reducer.apply(record)
    const before = reducer.snapshot()
    for (const record of log.slice(-1)) expect(() => reducer.apply(record)).toThrow(StoreError)
    expect(reducer.snapshot()).toEqual(before)
  })

  it('is one that gives an identifier in use to a second message [MQTT-2.3.1-2]', () => {
    const log = [queued(1), bound(1, 7), queued(2)]
    expect(() => replay([...log, bound(2, 7)])).toThrow(StoreError)
    expect(replay([...log, bound(2, 8)]).messages).toHaveLength(2)
  })

  it('says nothing of topic or payload', () => {
    const record: JournalRecord = { kind: 'queued', sequence: 0, topic: 'secret', payload, qos: 1, retain: false }
    expect(() => replay([record])).toThrow(/^(?!.*secret)/)
  })

  it('refuses a cursor that falls behind', () => {
    const reducer = SessionReducer.from(replay([queued(5)]))
    expect(() => reducer.advance({ nextSequence: 5, nextPacketId: 1 })).toThrow(/5 was used/)
    expect(() => reducer.advance({ nextSequence: 6, nextPacketId: 0 })).toThrow(/between 1 and 65535/)
  })
})
