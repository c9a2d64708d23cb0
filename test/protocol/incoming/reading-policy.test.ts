import { describe, expect, test } from 'vitest'
import { EngineHarness } from '../engine-harness.js'
import { arrives, pingresp, puback, pubrel, suback } from '../packet-notation.js'

/** The bytes that a message with a payload of one byte counts for, in these tests. */
const weight = 130

interface Choices {
  readonly cleanSession?: boolean
  /** In messages. */
  readonly bound?: number
  readonly upperBound?: number
}

/** One handler at a time, which runs until the test says so. */
function client({ cleanSession = false, bound = 2, upperBound = 4 }: Choices = {}): EngineHarness {
  return new EngineHarness({
    cleanSession,
    handlers: 'running',
    receiveWindow: 1,
    receiveBufferBytes: bound * weight,
    receiveBufferMaxBytes: upperBound * weight,
  }).connect()
}

const reads = (engine: EngineHarness): boolean => engine.connection.wantsToRead(engine.now)

/** Messages `a`, `b`, ... under the identifiers 1, 2, ...; the first one runs, the others wait. */
function arrive(engine: EngineHarness, qos: 0 | 1 | 2, from: number, to: number): EngineHarness {
  for (let id = from; id <= to; id += 1) engine.receive(arrives(String.fromCharCode(96 + id), qos, id))
  reads(engine)
  return engine
}

describe('a full backlog', () => {
  test('stops reading for as long as the program waits for nothing', () => {
    const engine = arrive(client(), 1, 1, 3)
    expect(reads(engine)).toBe(false)
    expect(reads(engine.pass(3_600_000))).toBe(false)
    expect(reads(engine.finish('a'))).toBe(true)
  })

  const asked: readonly (readonly [string, (engine: EngineHarness) => EngineHarness])[] = [
    ['a publish at QoS 1', (engine) => engine.publish('ours', 1)],
    ['a publish at QoS 2', (engine) => engine.publish('ours', 2)],
    ['a publish at QoS 0 that the socket has no room for', (engine) => engine.outputFull().publish('ours', 0)],
    ['an upload that the socket has not taken yet', (engine) => engine.outputFull()],
    ['a SUBSCRIBE', (engine) => engine.subscribe('s', 'filter')],
    ['an UNSUBSCRIBE', (engine) => engine.unsubscribe('u', 'filter')],
    ['a PINGREQ of the program', (engine) => engine.ping()],
  ]
  test.each(asked)(
    'does not stop reading while a handler may wait for %s: after 100 ms without a handler that ends',
    (_, ask) => {
      const engine = ask(arrive(client(), 1, 1, 3))
      expect(reads(engine.pass(99))).toBe(false)
      expect(engine.dueIn).toBe(1)
      expect(reads(engine.pass(1))).toBe(true)
    },
  )

  test('stops reading for PINGREQs of Keep Alive all the same: no handler waits for them', () => {
    const engine = new EngineHarness({
      keepAlive: 10,
      handlers: 'running',
      receiveWindow: 1,
      receiveBufferBytes: weight,
    })
    arrive(engine.connect(), 0, 1, 3)
    expect(reads(engine)).toBe(false)
    engine.readingPaused().pass(9_500)
    expect(engine.sent()).toContain('PINGREQ')
    expect(reads(engine)).toBe(false)
  })

  test('keeps its back-pressure while handlers end, although a publish is always open', () => {
    const engine = arrive(client().publish('ours', 1), 1, 1, 3)
    for (const [index, topic] of ['a', 'b', 'c', 'd', 'e'].entries()) {
      engine.pass(90)
      expect(reads(engine)).toBe(false)
      engine.finish(topic)
      arrive(engine, 1, index + 4, index + 4)
    }
  })

  test('is read past until half of its bound is free, and not only until the answer', () => {
    const engine = arrive(client({ bound: 4, upperBound: 100 }).publish('ours', 1), 1, 1, 5)
    engine.pass(100)
    expect(reads(engine)).toBe(true)
    arrive(engine, 1, 6, 8)
    for (const topic of ['a', 'b', 'c', 'd']) {
      engine.finish(topic)
      expect(reads(engine)).toBe(true)
    }
    arrive(engine.finish('e'), 1, 9, 12)
    expect(reads(engine)).toBe(false)
  })

  test('is read past for 100 ms more when the answer has come, so that the next handler that asks finds it open', () => {
    const engine = arrive(client({ bound: 2, upperBound: 100 }).publish('ours', 1), 1, 1, 3)
    engine.pass(100)
    expect(reads(engine.receive(puback(1)))).toBe(true)
    expect(reads(engine.pass(99))).toBe(true)
    expect(reads(engine.pass(1))).toBe(false)
  })

  test('is not read past its upper bound, as long as handlers end within a second', () => {
    const engine = arrive(client().publish('ours', 1), 1, 1, 3)
    expect(reads(engine.pass(100))).toBe(true)
    arrive(engine, 1, 4, 5)
    expect(reads(engine)).toBe(false)
    expect(reads(engine.pass(999))).toBe(false)
    expect(engine.news().filter((line) => line.startsWith('drop'))).toEqual([])
  })
})

/** The backlog is at its upper bound, a publish is not acknowledged, and no handler ends. */
function brimful(qos: 0 | 1 | 2, choices: Choices = {}): EngineHarness {
  const engine = arrive(client(choices).publish('ours', 1), qos, 1, 3)
  expect(reads(engine.pass(100))).toBe(true)
  arrive(engine, qos, 4, 5)
  expect(reads(engine)).toBe(false)
  engine.news()
  return engine
}

describe('a standstill at the upper bound', () => {
  test.each([1, 2] as const)(
    'ends after a second at QoS %s: what comes then is not kept, since the session brings it again',
    (qos) => {
      const engine = brimful(qos).pass(1_000)
      expect(reads(engine)).toBe(true)
      engine.receive(arrives('f', qos, 6))
      expect(engine.news()).toEqual(['drop f, which comes again'])
      expect(engine.receive(puback(1)).news()).toContain('settled ours')
    },
  )

  test('lasts four times as long as the slowest handler needed, if that is more', () => {
    const slow = client().publish('ours', 1)
    slow
      .receive(arrives('slow', 1, 60_000))
      .pass(500)
      .finish('slow')
    arrive(slow, 1, 1, 3).pass(100)
    arrive(slow, 1, 4, 5)
    expect(reads(slow.pass(1_999))).toBe(false)
    expect(reads(slow.pass(1))).toBe(true)
  })

  test('is not longer after a handler that failed before it returned, however old the connection is', () => {
    const engine = client().pass(3_600_000)
    // As the delivery of the client does with such a handler of a message at QoS 0.
    engine.deliver = (arrival) => {
      engine.session.handled(arrival, engine.now)
      return 'running'
    }
    engine.receive(arrives('failed', 0))
    Reflect.deleteProperty(engine, 'deliver')
    arrive(engine.publish('ours', 1), 1, 1, 3).pass(100)
    arrive(engine, 1, 4, 5)
    expect(reads(engine.pass(999))).toBe(false)
    expect(reads(engine.pass(1))).toBe(true)
  })

  test('does not make the next one longer: the handler was slow because it waited for an answer that was not read', () => {
    const engine = brimful(1).pass(1_000)
    engine
      .receive(arrives('f', 1, 6))
      .receive(puback(1))
      .finishAll()
      .receive(pingresp)
      .resume()
    engine.pass(10_000).publish('again', 1)
    arrive(engine, 1, 1, 3).pass(100)
    arrive(engine, 1, 4, 5)
    expect(reads(engine.pass(999))).toBe(false)
    expect(reads(engine.pass(1))).toBe(true)
  })

  test('does not last longer because a handler waited for an answer while there was no connection', () => {
    const engine = arrive(client().publish('ours', 1), 1, 1, 1).cut().pass(20_000).resume()
    engine.receive(puback(1)).finish('a').publish('again', 1)
    arrive(engine, 1, 1, 3).pass(100)
    arrive(engine, 1, 4, 5)
    expect(reads(engine.pass(999))).toBe(false)
    expect(reads(engine.pass(1))).toBe(true)
  })

  test('does not make the next one longer at QoS 0 either', () => {
    const engine = brimful(0)
      .pass(1_000)
      .receive(arrives('f', 0, 6))
    expect(reads(engine)).toBe(false)
    expect(reads(engine.pass(9_000))).toBe(true)
    engine.receive(puback(1)).finishAll()
    arrive(engine.publish('again', 1), 0, 1, 3).pass(100)
    arrive(engine, 0, 4, 5)
      .pass(1_000)
      .receive(arrives('f', 0, 6))
    expect(reads(engine.pass(8_999))).toBe(false)
    expect(reads(engine.pass(1))).toBe(true)
  })

  test.each([
    ['QoS 0', 0, false],
    ['a clean session', 1, true],
  ] as const)('lasts ten seconds before anything is lost: %s', (_, qos, cleanSession) => {
    const engine = brimful(qos, { cleanSession }).pass(9_999)
    engine.receive(arrives('f', qos, 6))
    expect(engine.news().filter((line) => line.startsWith('drop'))).toEqual([])
    expect(reads(engine)).toBe(false)
    expect(reads(engine.pass(1))).toBe(true)
    engine.receive(arrives('g', qos, 7))
    expect(engine.news()).toEqual(['drop g, which is lost'])
  })

  test('with a clean session what is lost is acknowledged in its turn, so that the server goes on', () => {
    const engine = brimful(1, { cleanSession: true }).pass(10_000)
    engine.receive(arrives('f', 1, 6))
    engine.news()
    expect(engine.finishAll().sent().slice(-2)).toEqual(['PUBACK#5', 'PUBACK#6'])
  })

  test('behind the first message that was not kept, none is on that connection: an acknowledgement would stand before it', () => {
    const engine = brimful(1)
      .pass(1_000)
      .receive(arrives('f', 1, 6))
    engine
      .finish('a')
      .finish('b')
      .finish('c')
      .receive(arrives('g', 1, 7))
    expect(engine.news().slice(-1)).toEqual(['drop g, which comes again'])
  })

  test('PUBRELs are answered all the same, and so are copies, in their turn', () => {
    const engine = brimful(2)
      .pass(1_000)
      .receive(arrives('f', 2, 6))
      .finish('a')
      .finish('b')
    engine.news()
    engine.receive(pubrel(1), arrives('b', 2, 2, 'dup'))
    expect(engine.sent()).toEqual(['PUBCOMP#1'])
    expect(engine.finishAll().sent()).toEqual(['PUBREC#3', 'PUBREC#4', 'PUBREC#5', 'PUBREC#2', 'PINGREQ'])
  })
})

describe('messages that were not kept', () => {
  const withGap = (qos: 1 | 2): EngineHarness =>
    brimful(qos)
      .pass(1_000)
      .receive(arrives('f', qos, 6))

  test('come again on a new connection, once all others are acknowledged and the server has read that', () => {
    const engine = withGap(2)
    for (const topic of ['a', 'b', 'c', 'd']) engine.finish(topic)
    expect(engine.sent()).not.toContain('PINGREQ')
    expect(engine.finish('e').sent()).toEqual(['PUBREC#5', 'PINGREQ'])
    engine.receive(pingresp)
    expect(engine.lastError).toMatchObject({ code: 'MQTT_CONNECTION_LOST', reason: 'redelivery' })
    engine.resume().receive(arrives('f', 2, 6, 'dup'))
    expect(engine.delivered()).toEqual(['f'])
  })

  test('do not end the connection by the PINGRESP of an earlier PINGREQ', () => {
    const engine = withGap(1)
    engine.connection.ping(engine.now)
    engine.finishAll().receive(pingresp)
    expect(engine.connection.phase).toBe('connected')
    expect(engine.receive(pingresp).connection.phase).toBe('closed')
  })

  test('end no connection sooner than five seconds after the last one that they ended', () => {
    const engine = withGap(1).finishAll().receive(pingresp).resume()
    const begun = engine.now
    engine.publish('again', 1)
    arrive(engine, 1, 1, 3).pass(100)
    arrive(engine, 1, 4, 5).pass(1_000)
    engine.receive(arrives('f', 1, 6))
    engine.news()
    expect(engine.finishAll().sent()).not.toContain('PINGREQ')
    expect(engine.dueIn).toBe(begun + 5_000 - engine.now)
    expect(engine.pass(engine.dueIn).sent()).toContain('PINGREQ')
  })

  test('a connection on which all found room is not given up', () => {
    const engine = brimful(1).finishAll()
    expect(engine.sent()).not.toContain('PINGREQ')
  })

  test('a later connection begins without a gap', () => {
    const engine = withGap(1).cut().resume()
    engine.news()
    engine.receive(arrives('g', 1, 7))
    expect(engine.news().filter((line) => line.startsWith('drop'))).toEqual([])
  })
})

test('acknowledgements at QoS 1 do not wait for handlers at QoS 2, nor these for those [MQTT-4.6.0-2] [MQTT-4.6.0-3]', () => {
  const engine = new EngineHarness({ handlers: 'running' }).connect()
  engine.receive(arrives('slow at 2', 2, 1), arrives('one', 1, 2), arrives('slow at 1', 1, 3), arrives('two', 2, 4))
  engine.news()
  expect(engine.finish('one').sent()).toEqual(['PUBACK#2'])
  expect(engine.finish('two').sent()).toEqual([])
  expect(engine.finish('slow at 2').sent()).toEqual(['PUBREC#1', 'PUBREC#4'])
})

test('a SUBACK that was read past a full backlog ends the wait for it', () => {
  const engine = arrive(client(), 1, 1, 3).subscribe('s', 'filter').pass(100)
  expect(reads(engine)).toBe(true)
  expect(engine.receive(suback(1, 0)).news()).toContain('answered s: 0')
})
