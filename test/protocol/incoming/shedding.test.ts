import { describe, expect, test } from 'vitest'
import { EngineHarness } from '../engine-harness.js'
import { arrives, pingresp, puback } from '../packet-notation.js'

/** A session at a standstill: a handler runs, the backlog is full, nothing is read, and our own message is unanswered. */
function standstill(qos: 0 | 1 | 2): EngineHarness {
  const engine = new EngineHarness({ handlers: 'running', receiveWindow: 1, receiveBufferBytes: 1 }).connect()
  engine
    .publish('ours', 1)
    .receive(arrives('first', qos, 1), arrives('second', qos, 2))
    .readingPaused()
  engine.pass(20_000)
  expect(engine.lastError).toMatchObject({ code: 'MQTT_TIMEOUT', operation: 'acknowledgement' })
  return engine
}

describe('after a standstill behind a full backlog', () => {
  test.each([1, 2] as const)('the next connection reads on, and sheds at QoS %s what has no room', (qos) => {
    const engine = standstill(qos).resume()
    engine.news()
    engine.receive(arrives('first', qos, 1, 'dup'), arrives('second', qos, 2, 'dup'), arrives('third', qos, 3, 'dup'))
    expect(engine.session.connection?.wantsToRead).toBe(true)
    expect(engine.session.incoming.backlogSize).toBeLessThanOrEqual(1)
    engine.receive(puback(1))
    expect(engine.news()).toContain('settled ours')
  })

  test('so it does at QoS 0, where what is shed never comes again', () => {
    const engine = standstill(0).resume()
    engine.news()
    engine.receive(arrives('third', 0)).finish('first').finish('second').finishAll()
    expect(engine.delivered()).toEqual(['second'])
  })

  test('what was shed comes again on a new connection, once all else is handled and our acknowledgements have been read', () => {
    const engine = standstill(2).resume()
    engine.receive(arrives('first', 2, 1, 'dup'), arrives('second', 2, 2, 'dup'), arrives('third', 2, 3), puback(1))
    engine.news()
    engine.finish('first')
    expect(engine.news()).not.toContain('send PINGREQ')
    engine.finish('second')
    expect(engine.news().at(-1)).toBe('send PINGREQ')
    engine.receive(pingresp)
    expect(engine.lastError).toMatchObject({ code: 'MQTT_CONNECTION_LOST', reason: 'redelivery' })
    engine.resume().receive(arrives('third', 2, 3, 'dup'))
    expect(engine.delivered().at(-1)).toBe('third')
  })

  test('the PINGRESP of an earlier PINGREQ does not end it: our acknowledgements may not have been read', () => {
    const engine = standstill(2).resume()
    engine.receive(arrives('first', 2, 1, 'dup'), arrives('second', 2, 2, 'dup'), arrives('third', 2, 3), puback(1))
    engine.connection.ping(engine.now)
    engine.finish('first').finish('second')
    engine.news()
    expect(engine.receive(pingresp).news()).toEqual([])
    expect(engine.receive(pingresp).news()).toEqual(['closing MQTT_CONNECTION_LOST'])
  })

  test('nothing is shed on later connections: there the backlog pauses reading again', () => {
    const engine = standstill(0).resume().cut().resume()
    engine.receive(arrives('a', 0), arrives('b', 0))
    expect(engine.session.connection?.wantsToRead).toBe(false)
  })

  test('a connection on which all found room is not given up', () => {
    const engine = standstill(2).resume()
    engine.receive(arrives('first', 2, 1, 'dup'), puback(1)).finish('first')
    expect(engine.news()).not.toContain('send PINGREQ')
  })
})
