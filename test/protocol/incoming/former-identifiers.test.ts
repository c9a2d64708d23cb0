/** What DUP 1 at QoS 2 means after a CONNACK with Session Present 0. Every message `m` has the same content. */
import { describe, expect, test } from 'vitest'
import { replay } from '../../../src/protocol/journal/session-reducer.js'
import { EngineHarness } from '../engine-harness.js'
import { arrives, connack, pubcomp, pubrec, pubrel } from '../packet-notation.js'

type Settings = ConstructorParameters<typeof EngineHarness>[0]

/** An engine that has handled `m`, on identifier 5, and waits for PUBREL. */
function holding(settings: Settings = {}): EngineHarness {
  const engine = new EngineHarness({ handlers: 'running', strict: false, ...settings }).connect()
  engine
    .receive(arrives('m', 2, 5))
    .finish('m')
    .news()
  return engine
}

const again = arrives('m', 2, 5, 'dup')

describe('after Session Present 0', () => {
  test('the same message with DUP 1 is a copy: acknowledged, and not delivered', () => {
    const engine = holding().cut().connect()
    engine.news()
    expect(engine.receive(again).news()).toEqual(['send PUBREC#5'])
    expect(engine.receive(pubrel(5)).news()).toEqual(['send PUBCOMP#5'])
    expect(engine.receive(arrives('m', 2, 5)).delivered()).toEqual(['m'])
  })

  test('a copy joins a handler that still runs', () => {
    const engine = new EngineHarness({ handlers: 'running' })
      .connect()
      .receive(arrives('m', 2, 5))
      .cut()
      .connect()
    engine.news()
    expect(engine.receive(again).news()).toEqual([])
    expect(engine.finish('m').news()).toEqual(['send PUBREC#5'])
  })

  test('a copy is one also on the next such connection', () => {
    const engine = holding().cut().connect().receive(again).cut().connect()
    engine.news()
    expect(engine.receive(again).news()).toEqual(['send PUBREC#5'])
  })

  test.each([
    ['DUP 0', arrives('m', 2, 5)],
    ['another topic', arrives('n', 2, 5, 'dup')],
    ['another identifier', arrives('m', 2, 6, 'dup')],
    ['QoS 1', arrives('m', 1, 5, 'dup')],
  ])('%s means a new message', (_, packet) => {
    const engine = holding().cut().connect()
    expect(engine.receive(packet).delivered()).toHaveLength(1)
  })

  test('DUP 0 ends what the identifier meant', () => {
    const engine = holding()
      .cut()
      .connect()
      .receive(arrives('m', 1, 5))
      .finish('m')
    engine.news()
    expect(engine.receive(again).delivered()).toEqual(['m'])
  })

  test('Session Present 1 ends it too: the first sending of a new message may have been cut', () => {
    const engine = holding().cut().connect().cut().resume()
    engine.news()
    expect(engine.receive(again).delivered()).toEqual(['m'])
  })

  test('a second Session Present 0 ends it too', () => {
    const engine = holding().cut().connect().cut().connect()
    engine.news()
    expect(engine.receive(again).delivered()).toEqual(['m'])
  })

  test('a message that is to come again is no copy', () => {
    const engine = new EngineHarness({ handlers: 'running' })
      .connect()
      .receive(arrives('m', 2, 5))
      .cut()
      .connect()
    engine.fail('m').news()
    expect(engine.receive(again).delivered()).toEqual(['m'])
  })

  test('the journal notes a copy as held, because it has forgotten it', () => {
    const engine = holding({ journal: 'kept' }).cut().connect()
    expect(engine.receive(again).news()).toEqual([
      'send CONNECT',
      'record forgotten',
      'connected new',
      'record held #5',
      'send PUBREC#5',
    ])
  })
})

describe("with sessionPresent 'always-0'", () => {
  const always = { sessionPresent: 'always-0', journal: 'kept' } as const

  test('a copy is one also after several connections on which it did not come', () => {
    const engine = holding(always).cut().connect().cut().connect()
    engine.news()
    expect(engine.receive(again).news()).toEqual(['send PUBREC#5'])
  })

  test('a new message on the identifier is noted as such', () => {
    const engine = holding(always).cut().connect()
    engine.news()
    expect(engine.receive(arrives('m', 2, 5)).news()).toEqual(['record released #5', 'deliver m'])
  })

  test('a handler that ends between the connections holds the identifier', () => {
    const engine = new EngineHarness({ handlers: 'running', ...always }).connect()
    engine
      .receive(arrives('m', 2, 5))
      .cut()
      .connect()
      .news()
    expect(engine.finish('m').news()).toEqual(['record held #5'])
    expect(engine.receive(again).news()).toEqual(['send PUBREC#5'])
  })

  test('the content is in the journal, so that the next process knows a copy', () => {
    const engine = new EngineHarness({ handlers: 'running', ...always }).connect()
    engine.receive(arrives('m', 2, 5)).finish('m')
    const next = new EngineHarness({ handlers: 'running', ...always, stored: replay(engine.records) }).connect()
    next.news()
    expect(next.receive(again).news()).toEqual(['send PUBREC#5'])
  })

  test('an identifier whose content was not noted is free', () => {
    const stored = { nextSequence: 1, nextPacketId: 1, messages: [], held: [5] }
    const engine = new EngineHarness({ handlers: 'running', ...always, stored }).connect()
    expect(engine.receive(again).news()).toEqual(['send CONNECT', 'record released #5', 'connected new', 'deliver m'])
  })

  test('PUBREL is sent again, and never the PUBLISH', () => {
    const engine = new EngineHarness(always).connect().publish('a', 2).receive(pubrec(1)).cut()
    engine.news()
    expect(engine.connect().sent()).toEqual(['CONNECT', 'PUBREL#1'])
    expect(engine.receive(pubcomp(1)).news()).toEqual(['record settled 1', 'settled a'])
  })

  test('a PUBREL that was sent again on two connections and stayed unanswered settles', () => {
    const engine = new EngineHarness(always).connect().publish('a', 2).receive(pubrec(1))
    engine.cut().connect().cut().connect().cut().news()
    expect(engine.connect().news()).toEqual([
      'send CONNECT',
      'anomaly unanswered-pubrel 1',
      'record settled 1',
      'settled a',
      'connected new',
    ])
  })
})

describe("with resubscribe 'always'", () => {
  test('a resumed session gets SUBSCRIBE again, and without it not', () => {
    for (const resubscribe of ['always', undefined] as const) {
      const engine = new EngineHarness({ resubscribe }).connect().subscribe('s1', 'a')
      engine
        .receive({ type: 'suback', packetId: 1, returnCodes: [0] })
        .cut()
        .news()
      engine.open().receive(connack(true))
      expect(engine.sent()).toEqual(['CONNECT', ...(resubscribe === 'always' ? ['SUBSCRIBE#2 a:0'] : [])])
    }
  })
})
