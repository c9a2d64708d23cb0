import { describe, expect, test } from 'vitest'
import { EngineHarness } from '../engine-harness.js'
import { connack, puback, pubrec } from '../packet-notation.js'

/** Allows one message each second, at any QoS. */
function onePerSecond() {
  let free = 0
  return {
    admit: (_qos: number, now: number) => {
      if (now < free) return false
      free = now + 1000
      return true
    },
    nextAt: () => free,
  }
}

const paced = (settings = {}) => new EngineHarness({ pacer: onePerSecond(), ...settings })

describe('a pacer', () => {
  test.each([0, 1, 2] as const)(
    'holds messages at QoS %i back, one by one, and the timer is set for the next',
    (qos) => {
      const engine = paced().connect()
      engine.publish('a', qos).publish('b', qos).publish('c', qos)
      expect(engine.sent()).toHaveLength(2)
      expect(engine.dueIn).toBe(1000)
      expect(engine.pass(999).sent()).toEqual([])
      expect(engine.pass(1).sent()).toHaveLength(1)
      expect(engine.pass(1000).sent()).toHaveLength(1)
      expect(engine.session.outgoing.queue.size).toBe(0)
      expect(engine.session.outgoing.pacingDeadline).toBe(Infinity)
    },
  )

  test('is asked for what is sent again, but not for PUBREL', () => {
    const engine = paced({ ackTimeoutMs: 100_000 }).connect()
    engine.publish('a', 2).publish('b', 1).publish('c', 1).pass(2000).receive(pubrec(1)).cut()
    engine.news()
    engine.pass(1000).resume()
    expect(engine.sent()).toEqual(['CONNECT', 'PUBREL#1', 'PUBLISH#2 b q1 dup'])
    expect(engine.dueIn).toBe(1000)
    expect(engine.pass(1000).sent()).toEqual(['PUBLISH#3 c q1 dup'])
  })

  test('lets nothing go straight to the wire', () => {
    const draft = { topic: 'a', payload: Buffer.alloc(0), qos: 0, retain: false } as const
    expect(new EngineHarness().connect().session.sendAtOnce(draft)).toBe(true)
    expect(paced().connect().session.sendAtOnce(draft)).toBe(false)
  })

  test('has made each message wait once, however often it was asked for it', () => {
    const engine = paced().connect().publish('a', 1).publish('b', 1).publish('c', 1)
    expect(engine.session.outgoing.paced).toBe(1)
    // After an acknowledgement, the engine asks the pacer again.
    engine.receive(puback(1))
    expect(engine.session.outgoing.paced).toBe(1)
    engine.pass(1000)
    expect(engine.session.outgoing.paced).toBe(2)
    engine.pass(1000)
    expect(engine.session.outgoing.paced).toBe(2)
  })

  test('has made none wait where there is no pacer', () => {
    const engine = new EngineHarness().connect().publish('a', 1).publish('b', 1)
    expect(engine.session.outgoing.paced).toBe(0)
  })

  test('sets no timer for a connection that is gone, or is not yet connected', () => {
    const engine = paced().connect().publish('a', 0).publish('b', 0).cut()
    expect(engine.dueIn).toBe(Infinity)
    engine.pass(5000).open()
    expect(engine.dueIn).toBe(Infinity)
    engine.news()
    expect(engine.receive(connack(false)).sent()).toEqual(['PUBLISH b q0'])
  })
})
