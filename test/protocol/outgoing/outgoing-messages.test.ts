/** Outgoing messages: both hand-shakes, the window, and what is sent again in which order. */
import { describe, expect, test } from 'vitest'
import { replay } from '../../../src/protocol/journal/session-reducer.js'
import { EngineHarness } from '../engine-harness.js'
import { arrives, connack, puback, pubcomp, pubrec, suback } from '../packet-notation.js'

/** All packets that a connection sends, from CONNECT on. */
const sentBy = (engine: EngineHarness) => engine.sent().filter((line) => line !== 'CONNECT')

describe('QoS 1', () => {
  test('PUBLISH with DUP 0 under a new identifier, kept until PUBACK [MQTT-4.3.2-1]', () => {
    const engine = new EngineHarness().connect()
    engine.news()
    expect(engine.publish('m', 1).news()).toEqual(['send PUBLISH#1 m q1'])
    expect(engine.pass(19_999).news()).toEqual([])
    expect(engine.session.table.publishes).toBe(1)
    expect(engine.receive(puback(1)).news()).toEqual(['settled m'])
    expect(engine.session.table.size).toBe(0)
  })

  test('a message that was received with DUP 1 is published with DUP 0 [MQTT-3.3.1-3]', () => {
    const received = arrives('m', 1, 5, 'dup')
    const engine = new EngineHarness().connect().receive(received)
    engine.news()
    engine.session.publish(received, undefined, engine.now)
    expect(engine.news()).toEqual(['send PUBLISH#1 m q1'])
  })
})

describe('QoS 2', () => {
  test('PUBLISH, PUBREC, PUBREL, PUBCOMP under one identifier [MQTT-4.3.3-1]', () => {
    const engine = new EngineHarness().connect()
    engine.news()
    expect(engine.publish('m', 2).news()).toEqual(['send PUBLISH#1 m q2'])
    expect(engine.receive(pubrec(1)).news()).toEqual(['send PUBREL#1'])
    expect(engine.receive(pubcomp(1)).news()).toEqual(['settled m'])
  })

  test('after PUBREL the PUBLISH is never sent again in that session [MQTT-4.3.3-1]', () => {
    const engine = new EngineHarness().connect().publish('m', 2).receive(pubrec(1))
    engine.news()
    for (let connection = 2; connection <= 4; connection += 1) {
      engine.cut().resume()
      expect(sentBy(engine)).toEqual(['PUBREL#1'])
      expect(engine.receive(pubrec(1)).sent()).toEqual(['PUBREL#1'])
    }
    expect(engine.receive(pubcomp(1)).news()).toEqual(['settled m'])
  })

  test('PUBRELs leave in the order of PUBREC, when they are sent again too [MQTT-4.6.0-4]', () => {
    const engine = new EngineHarness().connect().publish('a', 2).publish('b', 2).publish('c', 2)
    engine.news()
    expect(engine.receive(pubrec(3), pubrec(1), pubrec(2)).sent()).toEqual(['PUBREL#3', 'PUBREL#1', 'PUBREL#2'])
    engine.cut().resume()
    expect(sentBy(engine)).toEqual(['PUBREL#3', 'PUBREL#1', 'PUBREL#2'])
  })

  test('a repeated PUBREC does not change that order [MQTT-4.6.0-4]', () => {
    const engine = new EngineHarness().connect().publish('a', 2).publish('b', 2)
    engine.receive(pubrec(2), pubrec(1), pubrec(2)).cut().resume()
    expect(engine.sent().slice(-2)).toEqual(['PUBREL#2', 'PUBREL#1'])
  })
})

describe('what is sent again on a resumed connection', () => {
  test('everything unacknowledged, under its identifier [MQTT-4.4.0-1]', () => {
    const engine = new EngineHarness()
      .connect()
      .publish('one', 1)
      .publish('two', 2)
      .publish('rel', 2)
      .receive(pubrec(3))
    engine.cut().news()
    expect(sentBy(engine.resume())).toEqual(['PUBREL#3', 'PUBLISH#1 one q1 dup', 'PUBLISH#2 two q2 dup'])
  })

  test('PUBLISHes stand in the order of their first sending, whatever was acknowledged between [MQTT-4.6.0-1]', () => {
    const engine = new EngineHarness()
      .connect()
      .publish('a', 1)
      .publish('b', 2)
      .publish('c', 1)
      .receive(pubrec(2), pubcomp(2))
    engine.cut().news()
    expect(sentBy(engine.resume())).toEqual(['PUBLISH#1 a q1 dup', 'PUBLISH#3 c q1 dup'])
  })

  test('they do so when the identifiers have wrapped: 65535 before 1 [MQTT-4.6.0-1]', () => {
    const stored = { nextSequence: 1, nextPacketId: 65_534, messages: [], held: [] }
    const engine = new EngineHarness({ stored }).connect()
    engine.publish('a', 1).publish('b', 2).publish('c', 1).publish('d', 2).cut().news()
    expect(sentBy(engine.resume())).toEqual([
      'PUBLISH#65534 a q1 dup',
      'PUBLISH#65535 b q2 dup',
      'PUBLISH#1 c q1 dup',
      'PUBLISH#2 d q2 dup',
    ])
  })

  test('they do so however often the connection is lost half-way [MQTT-4.6.0-1]', () => {
    const engine = new EngineHarness({ maxInFlight: 2 }).connect().publish('a', 2).publish('b', 1).publish('c', 1)
    engine.receive(pubrec(1)).cut().open().cut().resume().receive(puback(2)).cut().news()
    expect(sentBy(engine.resume())).toEqual(['PUBREL#1', 'PUBLISH#3 c q1 dup'])
  })

  test('DUP is on every PUBLISH that is sent again, and on nothing else [MQTT-3.3.1-1]', () => {
    const engine = new EngineHarness({ maxInFlight: 2 }).connect().publish('a', 1).publish('b', 2).publish('c', 1)
    expect(engine.sent()).toEqual(['CONNECT', 'PUBLISH#1 a q1', 'PUBLISH#2 b q2'])
    engine.cut().resume()
    expect(engine.sent()).toEqual(['CONNECT', 'PUBLISH#1 a q1 dup', 'PUBLISH#2 b q2 dup'])
    expect(engine.receive(puback(1)).sent()).toEqual(['PUBLISH#3 c q1'])
    expect(engine.session.outgoing.resent).toBe(2)
  })

  test('the window bounds it, and what is new waits for all of it', () => {
    const engine = new EngineHarness({ maxInFlight: 2, stored: fourBound }).publish('new', 0).resume()
    expect(sentBy(engine)).toEqual(['PUBREL#4', 'PUBLISH#1 m1 q1 dup'])
    expect(engine.receive(pubcomp(4)).sent()).toEqual(['PUBLISH#2 m2 q1 dup'])
    expect(engine.receive(puback(1)).sent()).toEqual(['PUBLISH#3 m3 q1 dup', 'PUBLISH new q0'])
  })

  test('a new message needs a place in the window even when all has been sent again', () => {
    const engine = new EngineHarness({ maxInFlight: 2, stored: fourBound }).publish('new', 1).resume()
    engine.receive(pubcomp(4), puback(1)).news()
    expect(engine.receive(puback(2)).sent()).toEqual(['PUBLISH#5 new q1'])
  })

  test('requests come first, then PUBRELs, then PUBLISHes with DUP, then what is new', () => {
    const engine = new EngineHarness()
      .connect()
      .publish('rel', 2)
      .publish('m', 1)
      .subscribe('s', 'f')
      .receive(pubrec(1))
    engine.cut().publish('new', 1).publish('zero', 0).unsubscribe('u', 'g').news()
    expect(sentBy(engine.resume())).toEqual([
      'SUBSCRIBE#4 f:0',
      'UNSUBSCRIBE#5 g',
      'PUBREL#1',
      'PUBLISH#2 m q1 dup',
      'PUBLISH#6 new q1',
      'PUBLISH zero q0',
    ])
  })

  test('nothing is sent again on a live connection', () => {
    const engine = new EngineHarness({ ackTimeoutMs: 1_000_000 })
      .connect()
      .publish('a', 1)
      .publish('b', 2)
      .receive(pubrec(2))
    engine.news()
    expect(engine.pass(999_999).sent()).toEqual([])
  })
})

test('nothing is sent again while a connection lives, however late the answers are [4.4 no retry timer]', () => {
  const engine = new EngineHarness({ ackTimeoutMs: 10_000_000 }).connect().publish('one', 1).publish('two', 2)
  engine.publish('released', 2).receive(pubrec(3)).news()
  for (let second = 1; second <= 3_600; second += 1) engine.pass(1_000)
  expect(engine.news()).toEqual([])
})

describe('when the server lost the session', () => {
  test('messages are sent again under their identifiers, in their order, with DUP 1 [MQTT-3.2.2-3] [MQTT-3.3.1-1]', () => {
    const engine = new EngineHarness()
      .connect()
      .publish('a', 2)
      .publish('b', 1)
      .publish('c', 2)
      .receive(pubrec(3), pubrec(1))
    engine.cut().publish('new', 1).news()
    expect(sentBy(engine.connect())).toEqual([
      'PUBLISH#1 a q2 dup',
      'PUBLISH#2 b q1 dup',
      'PUBLISH#3 c q2 dup',
      'PUBLISH#4 new q1',
    ])
  })

  test('a QoS 2 message begins anew: PUBREC, PUBREL, PUBCOMP', () => {
    const engine = new EngineHarness().connect().publish('m', 2).receive(pubrec(1)).cut().connect()
    engine.news()
    expect(engine.receive(pubrec(1)).news()).toEqual(['send PUBREL#1'])
    expect(engine.cut().resume().receive(pubcomp(1)).news()).toEqual([
      'send CONNECT',
      'send PUBREL#1',
      'connected resumed',
      'settled m',
    ])
  })
})

describe('when CONNACK was never read', () => {
  test('messages are sent again as if the connection had not been', () => {
    const engine = new EngineHarness().connect().publish('a', 2).receive(pubrec(1)).cut().open().cut()
    engine.news()
    expect(sentBy(engine.resume())).toEqual(['PUBREL#1'])
  })

  test('subscriptions are made again although Session Present is 1, once', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'f').receive(suback(1, 0)).cut().open().cut()
    engine.news()
    expect(sentBy(engine.resume())).toEqual(['SUBSCRIBE#2 f:0'])
    expect(sentBy(engine.receive(suback(2, 0)).cut().resume())).toEqual([])
  })

  test('a refusal that was read made no session, so nothing has to be made again', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'f').receive(suback(1, 0)).cut()
    engine.open().receive(connack(false, 3)).news()
    expect(sentBy(engine.resume())).toEqual([])
  })
})

describe('the window', () => {
  test('bounds the messages in flight, in the order of publish', () => {
    const engine = new EngineHarness({ maxInFlight: 2 }).connect()
    engine.publish('a', 1).publish('b', 2).publish('c', 1).publish('zero', 0).publish('d', 1)
    expect(sentBy(engine)).toEqual(['PUBLISH#1 a q1', 'PUBLISH#2 b q2'])
    expect(engine.receive(pubrec(2)).sent()).toEqual(['PUBREL#2'])
    expect(engine.receive(puback(1)).sent()).toEqual(['PUBLISH#3 c q1', 'PUBLISH zero q0'])
    expect(engine.receive(pubcomp(2)).sent()).toEqual(['PUBLISH#4 d q1'])
  })

  test('does not wait for requests', () => {
    const engine = new EngineHarness({ maxInFlight: 1 }).connect().subscribe('s', 'f').publish('a', 1)
    expect(sentBy(engine)).toEqual(['SUBSCRIBE#1 f:0', 'PUBLISH#2 a q1'])
  })
})

const fourBound = {
  nextSequence: 5,
  nextPacketId: 5,
  messages: [4, 1, 2, 3].map((number) => ({
    sequence: number,
    topic: `m${number}`,
    payload: new Uint8Array(0),
    qos: number === 4 ? (2 as const) : (1 as const),
    retain: false,
    binding: { packetId: number, received: number === 4 },
  })),
  held: [],
}

describe('a session that has published for years', () => {
  test.each([2 ** 31, 2 ** 32, 2 ** 40])('keeps the order of its messages around sequence number %i', (number) => {
    const stored = { nextSequence: number - 2, nextPacketId: 65_534, messages: [], held: [] }
    const engine = new EngineHarness({ stored, journal: 'kept' }).connect()
    for (const [index, topic] of ['a', 'b', 'c', 'd', 'e'].entries()) engine.publish(topic, index % 2 === 0 ? 1 : 2)
    expect(engine.session.outgoing.nextSequence).toBe(number + 3)
    engine.receive(puback(1), pubrec(65_535)).cut().news()
    expect(replay(engine.records, stored).messages.map(({ topic }) => topic)).toEqual(['b', 'a', 'd', 'e'])
    expect(sentBy(engine.connect())).toEqual([
      'PUBLISH#65534 a q1 dup',
      'PUBLISH#65535 b q2 dup',
      'PUBLISH#2 d q2 dup',
      'PUBLISH#3 e q1 dup',
    ])
    expect(replay(engine.records, stored).messages.map(({ topic }) => topic)).toEqual(['a', 'b', 'd', 'e'])
    engine.receive(puback(65_534), puback(3), pubrec(65_535), pubrec(2), pubcomp(2), pubcomp(65_535))
    expect(engine.session.isIdle).toBe(true)
    expect(replay(engine.records, stored)).toEqual({ ...stored, nextSequence: number + 3, nextPacketId: 4 })
  })
})

describe('the bound on messages at QoS 2', () => {
  test('holds one back although the window has room, and those behind it, so that their order stays', () => {
    const engine = new EngineHarness({ maxInFlightQos2: 1 }).connect()
    expect(engine.publish('a', 2).publish('b', 2).publish('c', 1).news()).not.toContain('send PUBLISH#2 b q2')
    engine.receive(pubrec(1), pubcomp(1))
    expect(engine.sent().filter((line) => line.startsWith('PUBLISH'))).toEqual(['PUBLISH#2 b q2', 'PUBLISH#3 c q1'])
  })
})
