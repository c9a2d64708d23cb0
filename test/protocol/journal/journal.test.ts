/**
 * A driver writes each record to disk before it does what comes after the record. It may rely on the order: each record comes
 * before the packet, the delivery or the settlement that needs it. The other tests show what a session makes of a log.
 */
import { describe, expect, test } from 'vitest'
import type { StoredMessage, StoredSession } from '../../../src/protocol/index.js'
import { replay } from '../../../src/protocol/journal/session-reducer.js'
import { EngineHarness } from '../engine-harness.js'
import { arrives, puback, pubcomp, pubrec, pubrel } from '../packet-notation.js'

const kept = (settings: ConstructorParameters<typeof EngineHarness>[0] = {}) =>
  new EngineHarness({ journal: 'kept', ...settings })

const message = (sequence: number, qos: 1 | 2, binding?: StoredMessage['binding']): StoredMessage => ({
  sequence,
  topic: `m${sequence}`,
  payload: Buffer.from(`payload ${sequence}`),
  qos,
  retain: false,
  binding,
})

/** A session of which only the identifier of an abandoned message is left. */
const onlyReserved: StoredSession = { nextSequence: 5, nextPacketId: 7, messages: [], held: [], reserved: [7] }

describe('the order of the log', () => {
  test('queued when publish accepts, before anything is sent', () => {
    const engine = kept().connect()
    engine.news()
    expect(engine.publish('m', 1).news()).toEqual(['record queued 1 m', 'record bound 1 #1', 'send PUBLISH#1 m q1'])
  })

  test('bound before PUBLISH, also of a message that waited', () => {
    const engine = kept().publish('m', 2).connect()
    expect(engine.news()).toEqual([
      'record queued 1 m',
      'send CONNECT',
      'record bound 1 #1',
      'send PUBLISH#1 m q2',
      'connected new',
    ])
  })

  test('received before PUBREL, and only for the first PUBREC', () => {
    const engine = kept().connect().publish('m', 2)
    engine.news()
    expect(engine.receive(pubrec(1)).news()).toEqual(['record received 1', 'send PUBREL#1'])
    expect(engine.receive(pubrec(1)).news()).toEqual(['anomaly repeated-pubrec 1', 'send PUBREL#1'])
    expect(engine.receive(pubrec(9)).news()).toEqual(['anomaly unknown-pubrec 9', 'send PUBREL#9'])
  })

  test('settled with PUBACK and PUBCOMP, before the identifier is used again', () => {
    const engine = kept({ maxInFlight: 1 }).connect().publish('a', 1).publish('b', 2)
    engine.news()
    expect(engine.receive(puback(1)).news()).toEqual([
      'record settled 1',
      'settled a',
      'record bound 2 #2',
      'send PUBLISH#2 b q2',
    ])
    expect(engine.receive(pubrec(2), pubcomp(2)).news().slice(-2)).toEqual(['record settled 2', 'settled b'])
  })

  test('held before PUBREC, after the handler and not before', () => {
    const engine = kept({ handlers: 'running' }).connect()
    engine.news()
    expect(engine.receive(arrives('in', 2, 5)).news()).toEqual(['deliver in'])
    expect(engine.finish('in').news()).toEqual(['record held #5', 'send PUBREC#5'])
    expect(engine.receive(arrives('in', 2, 5, 'dup')).news()).toEqual(['send PUBREC#5'])
  })

  test('held at once when the handler ends, although its PUBREC has to wait or its connection is gone', () => {
    const engine = kept({ handlers: 'running' })
      .connect()
      .receive(arrives('slow', 2, 1), arrives('in', 2, 5))
    engine.news()
    expect(engine.finish('in').news()).toEqual(['record held #5'])
    const cut = kept({ handlers: 'running' })
      .connect()
      .receive(arrives('in', 2, 5))
      .cut()
    cut.news()
    expect(cut.finish('in').news()).toEqual(['record held #5'])
  })

  test('released before PUBCOMP, and only if the identifier was held', () => {
    const engine = kept()
      .connect()
      .receive(arrives('in', 2, 5))
    engine.news()
    expect(engine.receive(pubrel(5)).news()).toEqual(['record released #5', 'send PUBCOMP#5'])
    expect(engine.receive(pubrel(5)).news()).toEqual(['anomaly unknown-pubrel 5', 'send PUBCOMP#5'])
  })

  test('released when the server breaks the identifier, before the connection ends', () => {
    const engine = kept()
      .connect()
      .receive(arrives('in', 2, 5))
    engine.news()
    expect(engine.receive(arrives('other', 1, 5)).news()).toEqual([
      'record released #5',
      'closing identifier-in-use [MQTT-2.3.1-4]',
    ])
  })

  test('an early PUBREL on a message that is not held yet releases nothing', () => {
    const engine = kept({ handlers: 'running' })
      .connect()
      .receive(arrives('in', 2, 5), pubrel(5))
      .finish('in')
    expect(engine.records).toEqual([])
  })

  test('forgotten before anything that follows the CONNACK that said so', () => {
    const engine = kept()
      .connect()
      .publish('m', 2)
      .receive(pubrec(1), arrives('in', 2, 5))
      .cut()
    engine.news()
    expect(engine.connect().news()).toEqual([
      'send CONNECT',
      'record forgotten',
      'send PUBLISH#1 m q2 dup',
      'connected new',
    ])
    expect(engine.receive(pubrec(1)).news()).toEqual(['record received 1', 'send PUBREL#1'])
  })

  test.each([
    [
      'only incoming identifiers',
      () =>
        kept()
          .connect()
          .receive(arrives('in', 2, 5)),
    ],
    ['only messages in flight', () => kept().connect().publish('m', 1)],
    ['only the identifier of an abandoned message', () => kept({ stored: onlyReserved }).resume()],
  ])('forgotten is written if there were %s', (_, begun) => {
    const engine = begun().cut()
    engine.news()
    expect(engine.connect().news().slice(0, 2)).toEqual(['send CONNECT', 'record forgotten'])
  })

  test('the identifier of an abandoned message can be used once more after forgotten, and the log says so', () => {
    const engine = kept({ stored: onlyReserved }).resume().cut().connect()
    expect(engine.publish('next', 2).sent().at(-1)).toBe('PUBLISH#7 next q2')
    expect(replay([{ kind: 'reserved', packetId: 7 }, ...engine.records]).messages).toMatchObject([
      { binding: { packetId: 7 } },
    ])
  })

  test('forgotten is not written where there was nothing to forget', () => {
    const engine = kept().connect().cut().publish('waiting', 1).connect()
    expect(engine.records.map(({ kind }) => kind)).toEqual(['queued', 'bound'])
  })

  test('withdrawn before its rejection, whatever the reason', () => {
    const queue = { maxMessages: 1, maxBytes: 10_000, maxAgeMs: 5_000, overflow: 'drop-oldest' } as const
    const engine = kept({ queue }).publish('a', 1).publish('b', 1)
    expect(engine.news()).toEqual([
      'record queued 1 a',
      'record withdrawn 1',
      'rejected a: MQTT_QUEUE_FULL none',
      'record queued 2 b',
    ])
    expect(engine.pass(5_000).news()).toEqual(['record withdrawn 2', 'rejected b: MQTT_TIMEOUT none'])
    engine.publish('c', 1).news()
    engine.withdraw('c')
    expect(engine.news()).toEqual(['record withdrawn 3'])
  })

  test('nothing is written when a message is sent again', () => {
    const engine = kept().connect().publish('a', 1).publish('b', 2).receive(pubrec(2)).cut()
    const before = engine.records.length
    engine.resume()
    expect(engine.records.length).toBe(before)
  })

  test('QoS 0 is never journalled, in neither direction; nor is incoming QoS 1', () => {
    const engine = kept()
      .connect()
      .publish('zero', 0)
      .receive(arrives('in'), arrives('one', 1, 1))
      .cut()
      .publish('later', 0)
    engine.withdraw('later')
    expect(engine.records).toEqual([])
  })

  test('without a journal there are no records at all', () => {
    const engine = new EngineHarness().connect().publish('a', 1).publish('b', 2).publish('c', 2)
    engine
      .receive(puback(1), pubrec(2), pubrec(3), pubcomp(2), arrives('in', 2, 5), pubrel(5), arrives('in', 2, 6))
      .cut()
    engine.publish('d', 1).withdraw('d')
    engine.connect()
    expect(engine.records).toEqual([])
  })
})

describe('a session that is restored', () => {
  const stored: StoredSession = {
    nextSequence: 8,
    nextPacketId: 3,
    messages: [
      message(3, 2, { packetId: 65_535, received: true }),
      message(1, 2, { packetId: 2, received: true }),
      message(2, 1, { packetId: 65_534, received: false }),
      message(4, 2, { packetId: 1, received: false }),
      message(6, 1),
      message(7, 2),
    ],
    held: [5, 9],
  }

  test('goes on where the log ended: PUBRELs, PUBLISHes with DUP, then what never had an identifier [MQTT-4.1.0-1] [MQTT-4.6.0-1]', () => {
    expect(kept({ stored }).resume().sent()).toEqual([
      'CONNECT',
      'PUBREL#65535',
      'PUBREL#2',
      'PUBLISH#65534 m2 q1 dup',
      'PUBLISH#1 m4 q2 dup',
      'PUBLISH#3 m6 q1',
      'PUBLISH#4 m7 q2',
    ])
  })

  test('sends the payloads as they were', () => {
    const engine = kept({ stored }).resume()
    const payloads = engine.packets.flatMap((packet) => (packet.type === 'publish' ? [packet.payload.toString()] : []))
    expect(payloads).toEqual(['payload 2', 'payload 4', 'payload 6', 'payload 7'])
  })

  test('knows the incoming identifiers that it held [MQTT-4.1.0-1]', () => {
    const engine = kept({ stored }).resume()
    engine.news()
    expect(engine.receive(arrives('in', 2, 5, 'dup'), pubrel(9)).news()).toEqual([
      'send PUBREC#5',
      'record released #9',
      'send PUBCOMP#9',
    ])
  })

  test('goes on numbering its messages', () => {
    const engine = kept({ stored }).publish('new', 1)
    expect(engine.news()).toEqual(['record queued 8 new'])
  })

  test('is forgotten by the server like any other [MQTT-3.2.2-3]', () => {
    expect(kept({ stored }).connect().news()).toEqual([
      'send CONNECT',
      'record forgotten',
      'send PUBLISH#2 m1 q2 dup',
      'send PUBLISH#65534 m2 q1 dup',
      'send PUBLISH#65535 m3 q2 dup',
      'send PUBLISH#1 m4 q2 dup',
      'record bound 6 #3',
      'send PUBLISH#3 m6 q1',
      'record bound 7 #4',
      'send PUBLISH#4 m7 q2',
      'connected new',
    ])
  })

  test('does not take the server’s session for a stranger’s', () => {
    const past = { nextSequence: 5, nextPacketId: 77, messages: [], held: [] }
    const onlyHeld = { nextSequence: 1, nextPacketId: 1, messages: [], held: [4] }
    const none = { nextSequence: 1, nextPacketId: 1, messages: [], held: [] }
    const first = (session: StoredSession) => kept({ stored: session }).resume().publish('m', 1).sent().slice(-1)
    expect(first(past)).toEqual(['PUBLISH#77 m q1'])
    expect(first(onlyHeld)).toEqual(['PUBLISH#1 m q1'])
    expect(first(none)).toEqual(['PUBLISH#30000 m q1'])
  })

  test('a message that was dropped after its restoration is in nobody’s hands any more', () => {
    const queue = { maxMessages: 10, maxBytes: 10_000, maxAgeMs: 1_000, overflow: 'reject' } as const
    const engine = kept({ stored: { ...stored, messages: [message(6, 1)] }, queue })
    expect(engine.pass(1_000).news()).toEqual(['record withdrawn 6', 'rejected m6: MQTT_TIMEOUT none'])
  })

  test('at every moment the log adds up to what the engine would do next', () => {
    const engine = kept({ maxInFlight: 3 }).connect()
    engine
      .publish('a', 2)
      .publish('b', 1)
      .publish('c', 2)
      .publish('d', 1)
      .receive(pubrec(3), arrives('in', 2, 5))
    engine.receive(pubrec(1), arrives('other', 2, 6), pubrel(6))
    const restored = kept({ maxInFlight: 3, stored: replay(engine.records) })
    engine.cut().news()
    expect(restored.resume().sent()).toEqual(engine.resume().sent())
    engine.receive(pubcomp(3), puback(2)).cut().news()
    expect(
      kept({ maxInFlight: 3, stored: replay(engine.records) })
        .resume()
        .sent(),
    ).toEqual(engine.resume().sent())
  })
})
