/** SUBSCRIBE and UNSUBSCRIBE: answers, lost connections, and subscribing again. */
import { describe, expect, test } from 'vitest'
import { EngineHarness } from '../engine-harness.js'
import { arrives, suback, unsuback } from '../packet-notation.js'

/** An engine with these granted filters, whose connection is lost. */
const heldAndCut = (...filters: string[]) => {
  const engine = new EngineHarness().connect().subscribe('s', ...filters)
  engine
    .receive(suback(1, ...filters.map(() => 0)))
    .cut()
    .news()
  return engine
}

describe('SUBACK', () => {
  test('answers the SUBSCRIBE of its identifier, in whatever order they come [MQTT-2.3.1-7] [MQTT-3.8.4-2]', () => {
    const engine = new EngineHarness().connect().subscribe('one', 'a').subscribe('two', 'b')
    engine.news()
    expect(engine.receive(suback(2, 1)).news()).toEqual(['answered two: 1'])
    expect(engine.receive(suback(1, 0)).news()).toEqual(['answered one: 0'])
  })

  test('under an identifier of which nothing was asked ends the connection [MQTT-3.8.4-2]', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'a')
    engine.news()
    expect(engine.receive(suback(2, 0)).news()).toEqual(['closing unknown-suback [MQTT-3.8.4-2]'])
  })

  test.each([
    [['a', 'b'], [0]],
    [['a'], [0, 0]],
  ])('for filters %j with Return Codes %j ends the connection [MQTT-3.8.4-5]', (filters, returnCodes) => {
    const engine = new EngineHarness().connect().subscribe('s', ...filters)
    engine.news()
    expect(engine.receive(suback(1, ...returnCodes)).news()).toEqual(['closing suback-length [MQTT-3.8.4-5]'])
  })

  test('its Return Codes stand in the order of the filters [MQTT-3.9.3-1]', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'a', 'b', 'c')
    engine
      .receive(suback(1, 1, 0x80, 0))
      .cut()
      .connect()
    // The refused filter is not subscribed again. So the engine has used each Return Code for the right filter.
    expect(engine.sent().slice(-1)).toEqual(['SUBSCRIBE#2 a:0 c:0'])
  })

  test('a refusal leaves the connection as it is [MQTT-3.8.3-2]', () => {
    const engine = new EngineHarness().connect().subscribe('s', '#')
    engine.news()
    expect(engine.receive(suback(1, 0x80)).news()).toEqual(['answered s: 128'])
    expect(engine.connection.phase).toBe('connected')
  })

  test('messages may come before it', () => {
    const engine = new EngineHarness()
      .connect()
      .subscribe('s', 'a')
      .receive(arrives('a', 1, 1), suback(1, 1))
    expect(engine.news().slice(2)).toEqual(['send SUBSCRIBE#1 a:0', 'deliver a', 'send PUBACK#1', 'answered s: 1'])
  })
})

describe('UNSUBACK', () => {
  test('answers the UNSUBSCRIBE of its identifier [MQTT-3.10.4-4]', () => {
    const engine = new EngineHarness().connect().unsubscribe('one', 'a').unsubscribe('two', 'b', 'c')
    engine.news()
    expect(engine.receive(unsuback(2)).news()).toEqual(['answered two: '])
    expect(engine.receive(unsuback(3)).news()).toEqual(['anomaly unknown-unsuback 3'])
    expect(engine.receive(unsuback(1)).news()).toEqual(['answered one: '])
  })
})

describe('a request', () => {
  test('waits for a connection, and goes out in the order in which it was asked', () => {
    const engine = new EngineHarness().subscribe('s', { filter: 'a', qos: 2 }).unsubscribe('u', 'b').connect()
    expect(engine.sent()).toEqual(['CONNECT', 'SUBSCRIBE#1 a:2', 'UNSUBSCRIBE#2 b'])
  })

  test('without an answer is sent anew on the next connection, under a new identifier, before later ones', () => {
    const engine = new EngineHarness().connect().subscribe('one', 'a').unsubscribe('two', 'b').cut()
    engine.subscribe('three', 'c').news()
    expect(engine.resume().sent()).toEqual(['CONNECT', 'SUBSCRIBE#3 a:0', 'UNSUBSCRIBE#4 b', 'SUBSCRIBE#5 c:0'])
    expect(engine.receive(suback(3, 0), unsuback(4), suback(5, 0)).news()).toEqual([
      'answered one: 0',
      'answered two: ',
      'answered three: 0',
    ])
  })

  test('is given up after operationTimeoutMs, counted from its sending [MQTT-3.8.4-1]', () => {
    const engine = new EngineHarness({ operationTimeoutMs: 4_000 }).subscribe('s', 'a').pass(60_000).connect()
    engine.pass(1_000).unsubscribe('u', 'b').news()
    expect(engine.dueIn).toBe(3_000)
    expect(engine.pass(2_999).tick().news()).toEqual([])
    expect(engine.pass(1).news()).toEqual(['unanswered s: MQTT_TIMEOUT subscribe'])
    expect(engine.pass(1_000).news()).toEqual(['unanswered u: MQTT_TIMEOUT unsubscribe'])
    expect(engine.connection.phase).toBe('connected')
    expect(engine.dueIn).toBe(Infinity)
  })

  test('of a timer that fires late: all that are due are given up', () => {
    const engine = new EngineHarness({ operationTimeoutMs: 4_000 })
      .connect()
      .subscribe('s', 'a')
      .pass(5)
      .subscribe('t', 'b')
    engine.news()
    engine.now += 60_000
    expect(engine.tick().news()).toEqual([
      'unanswered s: MQTT_TIMEOUT subscribe',
      'unanswered t: MQTT_TIMEOUT subscribe',
    ])
  })
})

describe('a subscription that was acknowledged', () => {
  test('is not made again while the server keeps the session [MQTT-3.1.2-4]', () => {
    expect(heldAndCut('a').resume().sent()).toEqual(['CONNECT'])
  })

  test('is made again, before anything else, when the server lost it [MQTT-3.2.2-3]', () => {
    const engine = heldAndCut('a', 'b').publish('m', 1).subscribe('later', 'c')
    expect(engine.connect().sent()).toEqual(['CONNECT', 'SUBSCRIBE#2 a:0 b:0', 'SUBSCRIBE#3 c:0', 'PUBLISH#4 m q1'])
  })

  test('nobody is told of an answer that grants it again; one that refuses it is reported', () => {
    const engine = heldAndCut('a', 'b').connect()
    engine.news()
    expect(engine.receive(suback(2, 0, 0x80)).news()).toEqual(['refused b'])
    expect(engine.cut().connect().sent()).toEqual(['CONNECT', 'SUBSCRIBE#3 a:0'])
  })

  test('is made again on every connection until the server has answered', () => {
    const engine = heldAndCut('a').connect().cut().resume()
    expect(engine.sent()).toEqual(['CONNECT', 'SUBSCRIBE#2 a:0', 'CONNECT', 'SUBSCRIBE#3 a:0'])
    expect(engine.receive(suback(3, 0)).cut().resume().sent()).toEqual(['CONNECT'])
  })

  test('many go into as few SUBSCRIBEs as the profile of the server allows', () => {
    const engine = new EngineHarness({ maxFiltersPerSubscribe: 2 }).connect().subscribe('s', 'a', 'b', 'c')
    engine
      .receive(suback(1, 0, 0, 0))
      .cut()
      .news()
    expect(engine.connect().sent()).toEqual(['CONNECT', 'SUBSCRIBE#2 a:0 b:0', 'SUBSCRIBE#3 c:0'])
  })

  test('is made again at the QoS that was asked for by the SUBSCRIBE that was granted last', () => {
    const engine = heldAndCut('a').resume().subscribe('higher', { filter: 'a', qos: 2 }).receive(suback(2, 2)).cut()
    engine.news()
    expect(engine.connect().sent()).toEqual(['CONNECT', 'SUBSCRIBE#3 a:2'])
  })

  test('stays when a later SUBSCRIBE for the same filter is refused', () => {
    const engine = heldAndCut('a').resume().subscribe('higher', 'a').receive(suback(2, 0x80)).cut()
    engine.news()
    expect(engine.connect().sent()).toEqual(['CONNECT', 'SUBSCRIBE#3 a:0'])
  })

  test.each([
    ['refused', (engine: EngineHarness) => engine.receive(suback(2, 0x80)).cut()],
    ['abandoned', (engine: EngineHarness) => (engine.abandon('higher') ? engine : engine.cut())],
  ])('keeps its QoS when a later SUBSCRIBE for a higher one is %s', (_, end) => {
    const engine = heldAndCut('a').resume().subscribe('higher', { filter: 'a', qos: 2 })
    end(engine).news()
    expect(engine.connect().sent()).toEqual(['CONNECT', 'SUBSCRIBE#3 a:0'])
    expect(engine.receive(suback(3, 0)).news()).toEqual([])
  })

  test('stays although the later SUBSCRIBE was already on its way', () => {
    const engine = new EngineHarness().connect().subscribe('one', 'a').subscribe('two', 'a')
    engine.receive(suback(1, 0), suback(2, 0x80)).cut().news()
    expect(engine.connect().sent()).toEqual(['CONNECT', 'SUBSCRIBE#3 a:0'])
  })

  test('that is refused when it is made again counts once more if a SUBSCRIBE behind that is granted', () => {
    const engine = heldAndCut('a').subscribe('again', { filter: 'a', qos: 1 }).connect()
    expect(engine.sent()).toEqual(['CONNECT', 'SUBSCRIBE#2 a:0', 'SUBSCRIBE#3 a:1'])
    expect(engine.receive(suback(2, 0x80), suback(3, 1)).news()).toEqual(['refused a', 'answered again: 1'])
    expect(engine.cut().connect().sent()).toEqual(['CONNECT', 'SUBSCRIBE#4 a:1'])
  })

  test('that one SUBSCRIBE names twice counts if it is granted once, in whatever order', () => {
    for (const returnCodes of [
      [0x80, 0],
      [0, 0x80],
    ]) {
      const engine = new EngineHarness().connect().subscribe('s', 'a', 'a')
      engine
        .receive(suback(1, ...returnCodes))
        .cut()
        .news()
      expect(engine.connect().sent()).toEqual(['CONNECT', 'SUBSCRIBE#2 a:0'])
    }
  })

  test.each([
    ['refused', (engine: EngineHarness) => engine.receive(suback(3, 0x80)), []],
    ['abandoned', (engine: EngineHarness) => void engine.abandon('again'), ['UNSUBSCRIBE#4 a']],
  ])('that is refused when it is made again is over if a SUBSCRIBE behind that is %s', (_, end, unsubscribed) => {
    const engine = heldAndCut('a').subscribe('again', 'a').connect().receive(suback(2, 0x80))
    end(engine)
    engine.cut().news()
    expect(engine.connect().sent()).toEqual(['CONNECT', ...unsubscribed])
  })

  test('is over with UNSUBSCRIBE, at once', () => {
    const engine = heldAndCut('a', 'b').unsubscribe('u', 'a')
    expect(engine.connect().sent()).toEqual(['CONNECT', 'SUBSCRIBE#2 b:0', 'UNSUBSCRIBE#3 a'])
  })

  test('that is made again is asked of the server without a time-out of its own', () => {
    expect(heldAndCut('a').connect().dueIn).toBe(Infinity)
  })
})

describe('an UNSUBSCRIBE that is unanswered when the connection ends', () => {
  /** `a` and `b` are unsubscribed. Before UNSUBACK, `a` is subscribed again and granted. */
  const subscribedAgain = () => {
    const engine = new EngineHarness()
      .connect()
      .subscribe('s', 'a', 'b')
      .receive(suback(1, 0, 0))
    engine.unsubscribe('u', 'a', 'b').subscribe('again', 'a').receive(suback(3, 0)).cut()
    engine.news()
    return engine
  }

  test('does not take a subscription away that was granted behind it', () => {
    expect(subscribedAgain().resume().sent()).toEqual(['CONNECT', 'UNSUBSCRIBE#4 b'])
  })

  test('nor where the server has lost the session', () => {
    const engine = subscribedAgain().connect()
    expect(engine.sent()).toEqual(['CONNECT', 'SUBSCRIBE#4 a:0', 'UNSUBSCRIBE#5 b'])
  })

  test('is answered without being sent if nothing is left of it', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'a').receive(suback(1, 0))
    engine.unsubscribe('u', 'a').subscribe('again', 'a').receive(suback(3, 0)).cut()
    engine.news()
    expect(engine.resume().news()).toEqual(['send CONNECT', 'answered u: ', 'connected resumed'])
    expect(engine.session.isIdle).toBe(true)
  })

  test('goes out again as it was if the later SUBSCRIBE is unanswered too, and before that', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'a').receive(suback(1, 0))
    engine.unsubscribe('u', 'a').subscribe('again', 'a').cut()
    engine.news()
    expect(engine.resume().sent()).toEqual(['CONNECT', 'UNSUBSCRIBE#4 a', 'SUBSCRIBE#5 a:0'])
  })
})
