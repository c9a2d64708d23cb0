import { describe, expect, test } from 'vitest'
import { EngineHarness } from './engine-harness.js'
import { arrives, connack, puback, pubrec, suback } from './packet-notation.js'

describe('inspect', () => {
  test('shows every state that a session has', () => {
    const engine = new EngineHarness({ handlers: 'running', receiveWindow: 3, maxInFlight: 2, keepAlive: 60 }).connect()
    const begun = engine.now
    engine.subscribe('s', 'granted').receive(suback(1, 0)).subscribe('t', 'asked').unsubscribe('u', 'gone')
    engine.publish('out1', 2).publish('out2', 1).publish('out3', 1).publish('out4', 0).receive(pubrec(4))
    engine
      .receive(arrives('in1', 2, 7))
      .finish('in1')
      .receive(arrives('in2', 1, 8), arrives('in3', 2, 9))
    engine.receive(arrives('in4', 0), arrives('in5', 1, 10), arrives('in6', 0)).finish('in3')
    engine.receive(arrives('in1', 2, 7, 'dup'), arrives('in7', 1, 11))
    engine.abandon('t')
    expect(engine.session.inspect()).toMatchObject({
      connection: { phase: 'connected', output: 'open', input: 'reading', deadline: begun + 10_000 },
      unansweredConnects: 0,
      past: 'some',
      nextPacketId: 6,
      outgoing: {
        nextSequence: 5,
        exchanges: [
          { packetId: 5, sequence: 2, awaits: 'puback', sentAt: begun },
          { packetId: 4, sequence: 1, awaits: 'pubcomp', sentAt: begun },
        ],
        queue: [
          { sequence: 3, qos: 1 },
          { sequence: 4, qos: 0 },
        ],
        again: [],
        outstanding: 2,
      },
      incoming: {
        reading: { mode: 'up to the bound', gap: 'none', excess: 'none' },
        identifiers: [
          { packetId: 7, state: 'received' },
          { packetId: 8, state: 'running' },
          { packetId: 9, state: 'received' },
          { packetId: 10, state: 'running' },
          { packetId: 11, state: 'waiting' },
        ],
        backlog: [0, 11],
        owed: [
          { packetId: 8, state: 'running' },
          { packetId: 10, state: 'running' },
          { packetId: 11, state: 'waiting' },
        ],
      },
      requests: {
        subscriptions: [{ filter: 'granted', qos: 0, state: 'granted' }],
        waiting: [],
        sent: [
          { packetId: 2, kind: 'subscribe', state: 'abandoned', own: false, sentAt: begun },
          { packetId: 3, kind: 'unsubscribe', state: 'sent', own: false, sentAt: begun },
        ],
      },
    })
  })

  test('shows what waits for a connection, and what is still to be sent again', () => {
    const engine = new EngineHarness({ maxInFlight: 1 }).connect()
    engine.subscribe('s', 'f').receive(suback(1, 0)).publish('a', 1).cut()
    expect(engine.session.inspect().connection).toBeUndefined()
    engine.open().outputFull().receive(connack(true))
    const { outgoing, requests } = engine.session.inspect()
    expect(outgoing).toMatchObject({ again: [2], outstanding: 0 })
    expect(requests.waiting).toEqual([])
  })
})

describe('a session that nothing has happened to', () => {
  test('shows nothing', () => {
    expect(new EngineHarness().session.inspect()).toMatchObject({
      outgoing: { exchanges: [], queue: [], again: [], outstanding: 0 },
      incoming: { identifiers: [], backlog: [], owed: [] },
      requests: { subscriptions: [], waiting: [], sent: [] },
    })
  })
})

describe('settled', () => {
  test('is a session in which nothing of ours waits or is unanswered', () => {
    const engine = new EngineHarness()
    expect(engine.session.isIdle).toBe(true)
    engine.publish('a', 1)
    expect(engine.session.isIdle).toBe(false)
    engine.connect()
    expect(engine.session.outgoing.queue.size).toBe(0)
    expect(engine.session.isIdle).toBe(false)
    engine.receive(puback(1))
    expect(engine.session.isIdle).toBe(true)
    engine.cut().unsubscribe('u', 'f')
    expect(engine.session.isIdle).toBe(false)
  })
})

describe('roundTripMs', () => {
  test('is the time from the latest packet to its acknowledgement', () => {
    const engine = new EngineHarness().connect()
    expect(engine.session.outgoing.roundTripMs).toBeUndefined()
    engine.publish('a', 1).pass(40).receive(puback(1))
    expect(engine.session.outgoing.roundTripMs).toBe(40)
  })

  test('is not taken from an acknowledgement of what this connection has not sent', () => {
    const engine = new EngineHarness({ maxInFlight: 2 }).connect().publish('a', 1).publish('b', 1)
    engine.cut().pass(500).open().outputFull().receive({ type: 'connack', sessionPresent: true, returnCode: 0 })
    engine.receive(puback(2))
    expect(engine.session.outgoing.roundTripMs).toBeUndefined()
  })
})

describe('resent and nextSequence', () => {
  test('count what was sent more than once, and every message', () => {
    const engine = new EngineHarness().connect().publish('a', 1).publish('b', 0)
    expect(engine.session.outgoing.nextSequence).toBe(3)
    expect(engine.session.outgoing.resent).toBe(0)
    engine.cut().resume()
    expect(engine.session.outgoing.resent).toBe(1)
  })
})
