/** SUBSCRIBE and UNSUBSCRIBE: answers, lost connections, subscribing again, and abandoned requests. */
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

describe('a request that nobody waits for any more', () => {
  test('is not sent if it had not been', () => {
    const engine = new EngineHarness().subscribe('s', 'a').subscribe('t', 'b')
    expect(engine.abandon('s')).toBe(true)
    expect(engine.connect().sent()).toEqual(['CONNECT', 'SUBSCRIBE#1 b:0'])
  })

  test('keeps its identifier until the acknowledgement, whose grant reaches the driver [MQTT-3.8.4-1]', () => {
    const engine = new EngineHarness({ operationTimeoutMs: 1_000 }).connect().subscribe('s', 'a').pass(1_000)
    engine.news()
    expect(engine.session.table.get(1)?.awaits).toBe('suback')
    expect(engine.receive(suback(1, 1)).news()).toEqual(['answered s: 1'])
    expect(engine.session.table.get(1)).toBeUndefined()
  })

  test('keeps its identifier until the connection ends, and is not sent again', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'a').unsubscribe('u', 'b')
    expect(engine.abandon('s')).toBe(false)
    expect(engine.abandon('u')).toBe(false)
    engine.pass(1_000_000).news()
    expect(engine.session.table.size).toBe(2)
    expect(engine.cut().connect().sent()).toEqual(['CONNECT'])
    expect(engine.session.table.size).toBe(0)
  })

  test('a late grant does not make a subscription', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'a')
    engine.abandon('s')
    engine.receive(suback(1, 0)).cut().connect()
    expect(engine.sent().slice(-1)).toEqual(['CONNECT'])
  })

  test('takes nothing from another request for the same filter', () => {
    const engine = new EngineHarness().connect().subscribe('one', 'a').subscribe('two', 'a')
    engine.abandon('two')
    engine.receive(suback(1, 0)).cut().connect()
    expect(engine.sent().slice(-1)).toEqual(['SUBSCRIBE#3 a:0'])
  })

  test('takes nothing from a subscription that was granted before', () => {
    const engine = heldAndCut('a').resume().subscribe('again', 'a')
    engine.abandon('again')
    engine.cut().connect()
    expect(engine.sent().slice(-1)).toEqual(['SUBSCRIBE#3 a:0'])
  })

  test('can be abandoned twice, and after its answer', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'a')
    expect([engine.abandon('s'), engine.abandon('s')]).toEqual([false, false])
    engine.receive(suback(1, 0))
    expect(engine.abandon('s')).toBe(false)
  })

  test('is over with its answer or its connection', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'a').subscribe('t', 'b').subscribe('u', 'c')
    const states = () => ['s', 't', 'u'].map((ticket) => engine.requests.get(ticket)?.state)
    engine.abandon('t')
    expect(states()).toEqual(['sent', 'abandoned', 'sent'])
    engine.receive(suback(1, 0)).cut()
    expect(states()).toEqual(['over', 'over', 'waiting'])
  })
})

describe('requests that were given up by the thousand', () => {
  const filters = (count: number) => Array.from({ length: count }, (_, index) => `f${index}`)
  const asking = (engine: EngineHarness, count: number) => {
    for (const filter of filters(count)) engine.subscribe(filter, filter)
    return engine
  }
  const abandoning = (engine: EngineHarness, names: readonly string[]) => {
    for (const name of names) engine.abandon(name)
    return engine
  }

  test('a thousand keep their Packet Identifiers; one more ends the connection, which frees them', () => {
    const engine = abandoning(asking(new EngineHarness().connect(), 1_002), filters(1_000))
    engine.publish('m', 1).news()
    expect([engine.session.table.size, engine.connection.phase]).toEqual([1_003, 'connected'])
    expect(engine.abandon('f1000')).toBe(false)
    expect(engine.news()).toEqual(['closing MQTT_CONNECTION_LOST'])
    expect(engine.lastError).toMatchObject({ reason: 'unanswered' })
    expect(engine.session.inspect().requests).toMatchObject({ waiting: [{ kind: 'subscribe' }], sent: [] })
    expect(engine.resume().sent()).toEqual(['CONNECT', 'SUBSCRIBE#1004 f1001:0', 'PUBLISH#1003 m q1 dup'])
  })

  test('those that were answered do not count any more', () => {
    const engine = abandoning(asking(new EngineHarness().connect(), 1_002), filters(1_000))
    engine.receive(suback(1, 0), suback(1_000, 0x80))
    engine.abandon('f1000')
    engine.abandon('f1001')
    expect(engine.connection.phase).toBe('connected')
    engine.subscribe('last', 'f').abandon('last')
    expect(engine.connection.phase).toBe('closed')
  })

  test('those that time out together are all told, and then the connection is ended', () => {
    const engine = asking(new EngineHarness({ operationTimeoutMs: 1_000, ackTimeoutMs: 1_000 }).connect(), 1_001)
    engine.publish('m', 1).news()
    engine.pass(1_000)
    expect(engine.news()).toEqual([
      ...filters(1_001).map((filter) => `unanswered ${filter}: MQTT_TIMEOUT subscribe`),
      'closing MQTT_CONNECTION_LOST',
    ])
    expect(engine.resume().sent()).toEqual(['CONNECT', 'PUBLISH#1002 m q1 dup'])
  })

  test('none that waits for a connection is sent: of 20,000, given up from the last to the first, the one between is', () => {
    const engine = asking(new EngineHarness(), 20_000)
    const given = filters(20_000).filter((filter) => filter !== 'f10000')
    abandoning(engine, given.toReversed())
    expect(engine.connect().sent()).toEqual(['CONNECT', 'SUBSCRIBE#1 f10000:0'])
    expect(engine.session.inspect().requests.subscriptions).toEqual([{ filter: 'f10000', qos: 0, state: 'requested' }])
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
    ['refused', (engine: EngineHarness) => engine.receive(suback(3, 0x80))],
    ['abandoned', (engine: EngineHarness) => void engine.abandon('again')],
  ])('that is refused when it is made again is over if a SUBSCRIBE behind that is %s', (_, end) => {
    const engine = heldAndCut('a').subscribe('again', 'a').connect().receive(suback(2, 0x80))
    end(engine)
    engine.cut().news()
    expect(engine.connect().sent()).toEqual(['CONNECT'])
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
