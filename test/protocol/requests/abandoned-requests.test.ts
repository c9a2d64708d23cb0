/** SUBSCRIBEs and UNSUBSCRIBEs whose callers have given up: what is sent, what is kept, and what ends them. */
import { describe, expect, test } from 'vitest'
import { EngineHarness } from '../engine-harness.js'
import { suback, unsuback } from '../packet-notation.js'

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
    const engine = new EngineHarness({ cleanSession: true }).connect().subscribe('s', 'a').unsubscribe('u', 'b')
    expect(engine.abandon('s')).toBe(false)
    expect(engine.abandon('u')).toBe(false)
    engine.pass(1_000_000).news()
    expect(engine.session.table.size).toBe(2)
    expect(engine.cut().connect().sent()).toEqual(['CONNECT'])
    expect(engine.session.table.size).toBe(0)
  })

  test('is unsubscribed if the connection ends before the answer: a resumed session may have it', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'a', 'c').subscribe('t', 'b')
    engine.abandon('s')
    engine.news()
    expect(engine.cut().resume().sent()).toEqual(['CONNECT', 'SUBSCRIBE#3 b:0', 'UNSUBSCRIBE#4 a c'])
    expect(engine.receive(unsuback(4)).cut().resume().sent()).toEqual(['CONNECT', 'SUBSCRIBE#5 b:0'])
  })

  test('is unsubscribed once, on the next connection with a CONNACK: a server that closes at it gets it no more', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'a')
    engine.abandon('s')
    engine.news()
    expect(engine.cut().open().cut().resume().sent()).toEqual(['CONNECT', 'CONNECT', 'UNSUBSCRIBE#2 a'])
    expect(engine.cut().resume().sent()).toEqual(['CONNECT'])
  })

  test('is unsubscribed without a word to the driver, which has not asked for it', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'a')
    engine.abandon('s')
    engine.cut().resume().news()
    expect(engine.receive(unsuback(2)).news()).toEqual([])
    expect(engine.session.isIdle).toBe(true)
  })

  test('is not unsubscribed if another request wants the filter, or has it already', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'a', 'b', 'c').subscribe('t', 'b').subscribe('u', 'c')
    engine.receive(suback(2, 0))
    engine.abandon('s')
    engine.news()
    expect(engine.cut().resume().sent()).toEqual(['CONNECT', 'SUBSCRIBE#4 c:0', 'UNSUBSCRIBE#5 a'])
  })

  test('whose filters are all wanted leaves nothing behind', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'a').subscribe('t', 'a')
    engine.abandon('s')
    expect(engine.cut().session.inspect().requests.waiting).toEqual([{ kind: 'subscribe', own: false }])
  })

  test('of the engine itself adds nothing to the UNSUBSCRIBE of the program', () => {
    const engine = new EngineHarness().connect().subscribe('s', 'a').receive(suback(1, 0)).cut().connect()
    engine.unsubscribe('u', 'a').news()
    expect(engine.cut().resume().sent()).toEqual(['CONNECT', 'UNSUBSCRIBE#4 a'])
  })

  test('is not unsubscribed with Clean Session 1: the next connection has a new session', () => {
    const engine = new EngineHarness({ cleanSession: true }).connect().subscribe('s', 'a')
    engine.abandon('s')
    engine.news()
    expect(engine.cut().connect().sent()).toEqual(['CONNECT'])
  })

  test('an UNSUBSCRIBE that its caller gave up is not sent again', () => {
    const engine = new EngineHarness().connect().unsubscribe('u', 'a')
    engine.abandon('u')
    engine.news()
    expect(engine.cut().resume().sent()).toEqual(['CONNECT'])
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
    const engine = new EngineHarness()
      .connect()
      .subscribe('s', 'a')
      .receive(suback(1, 0))
      .cut()
      .resume()
      .subscribe('again', 'a')
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
    expect(engine.session.inspect().requests).toMatchObject({
      waiting: [{ kind: 'subscribe' }, ...filters(1_001).map(() => ({ kind: 'unsubscribe' }))],
      sent: [],
    })
    expect(engine.resume().sent()).toEqual([
      'CONNECT',
      'SUBSCRIBE#1004 f1001:0',
      ...filters(1_001).map((filter, index) => `UNSUBSCRIBE#${1_005 + index} ${filter}`),
      'PUBLISH#1003 m q1 dup',
    ])
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
    const times = { operationTimeoutMs: 1_000, ackTimeoutMs: 1_000 }
    const engine = asking(new EngineHarness(times).connect(), 1_001)
    engine.publish('m', 1).news()
    engine.pass(1_000)
    expect(engine.news()).toEqual([
      ...filters(1_001).map((filter) => `unanswered ${filter}: MQTT_TIMEOUT subscribe`),
      'closing MQTT_CONNECTION_LOST',
    ])
    expect(engine.resume().sent()).toEqual([
      'CONNECT',
      ...filters(1_001).map((filter, index) => `UNSUBSCRIBE#${1_003 + index} ${filter}`),
      'PUBLISH#1002 m q1 dup',
    ])
  })

  test('none that waits for a connection is sent: of 20,000, given up from the last to the first, the one between is', () => {
    const engine = asking(new EngineHarness(), 20_000)
    const given = filters(20_000).filter((filter) => filter !== 'f10000')
    abandoning(engine, given.toReversed())
    expect(engine.connect().sent()).toEqual(['CONNECT', 'SUBSCRIBE#1 f10000:0'])
    expect(engine.session.inspect().requests.subscriptions).toEqual([{ filter: 'f10000', qos: 0, state: 'requested' }])
  })
})
