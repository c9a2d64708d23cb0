/** The outgoing queue: its order, its bounds, the policy when it is full, and messages that are withdrawn. */
import { describe, expect, test } from 'vitest'
import { QueueFullError, TimeoutError } from '../../../src/errors.js'
import { EngineHarness } from '../engine-harness.js'
import { puback, pubrec } from '../packet-notation.js'

const forEver = Infinity
const limits = { maxMessages: 1_000, maxBytes: 1_000_000, maxAgeMs: forEver, overflow: 'reject' } as const

const refusal = (engine: EngineHarness, topic: string, payload?: Uint8Array): unknown => {
  try {
    engine.publish(topic, 1, payload)
  } catch (error) {
    return error
  }
  return undefined
}

describe('the outgoing queue', () => {
  test('keeps the order of publish across every QoS, online or not', () => {
    const engine = new EngineHarness().publish('a', 1).publish('b', 0).publish('c', 2).publish('d', 0).connect()
    expect(engine.sent()).toEqual(['CONNECT', 'PUBLISH#1 a q1', 'PUBLISH b q0', 'PUBLISH#2 c q2', 'PUBLISH d q0'])
  })

  test('numbers messages from the start, whatever their QoS', () => {
    const engine = new EngineHarness().publish('a', 1).publish('b', 0).publish('c', 2)
    expect(['a', 'b', 'c'].map((topic) => engine.messages.get(topic)?.sequence)).toEqual([1, 2, 3])
  })

  test('refuses what is over maxMessages, and names the bound', () => {
    const engine = new EngineHarness({ queue: { ...limits, maxMessages: 2 } }).publish('a', 1).publish('b', 0)
    const error = refusal(engine, 'c')
    expect(error).toBeInstanceOf(QueueFullError)
    expect(error).toMatchObject({ delivery: 'none', message: expect.stringContaining('queue.maxMessages is 2') })
    expect(engine.connect().sent()).toEqual(['CONNECT', 'PUBLISH#1 a q1', 'PUBLISH b q0'])
  })

  test('refuses what is over maxBytes, counting payload, Topic Name and 128 bytes', () => {
    const engine = new EngineHarness({ queue: { ...limits, maxBytes: 300 } })
    engine.publish('topic', 1, new Uint8Array(40))
    expect(engine.session.outgoing.queue.bytes).toBe(173)
    expect(refusal(engine, 'n', new Uint8Array(0))).toMatchObject({
      message: expect.stringContaining('queue.maxBytes is 300'),
    })
    expect(engine.session.outgoing.queue).toMatchObject({ size: 1, bytes: 173 })
  })

  test('a refused message takes no sequence number and is not journalled', () => {
    const engine = new EngineHarness({ journal: 'kept', queue: { ...limits, maxMessages: 1 } }).publish('a', 1)
    refusal(engine, 'b')
    engine.connect().publish('c', 1)
    expect(engine.records.map(({ kind }) => kind)).toEqual(['queued', 'bound', 'queued', 'bound'])
    expect(engine.messages.get('c')?.sequence).toBe(2)
  })

  test('messages in flight do not count', () => {
    const engine = new EngineHarness({ queue: { ...limits, maxMessages: 1 } }).connect()
    expect(refusal(engine.publish('a', 1).publish('b', 2), 'c')).toBeUndefined()
    expect(engine.session.outgoing.queue).toMatchObject({ size: 0, bytes: 0 })
  })

  test('with drop-oldest the oldest makes room, as many as it takes', () => {
    const engine = new EngineHarness({ queue: { ...limits, maxBytes: 400, overflow: 'drop-oldest' } })
    engine.publish('a', 1, new Uint8Array(0)).publish('b', 0, new Uint8Array(0)).publish('c', 1, new Uint8Array(0))
    engine.publish('d', 1, new Uint8Array(200))
    expect(engine.news()).toEqual([
      'rejected a: MQTT_QUEUE_FULL none',
      'rejected b: MQTT_QUEUE_FULL none',
      'rejected c: MQTT_QUEUE_FULL none',
    ])
    expect(engine.connect().sent()).toEqual(['CONNECT', 'PUBLISH#1 d q1'])
  })

  test('with drop-oldest a message that is larger than the whole queue is refused, and nothing is dropped for it', () => {
    const engine = new EngineHarness({ queue: { ...limits, maxBytes: 400, overflow: 'drop-oldest' } }).publish('a', 1)
    expect(refusal(engine, 'huge', new Uint8Array(400))).toBeInstanceOf(QueueFullError)
    expect(engine.news()).toEqual([])
    expect(engine.session.outgoing.queue.size).toBe(1)
  })

  test('of a message that may have reached the server the rejection says so', () => {
    const queue = { ...limits, maxMessages: 1, overflow: 'drop-oldest' } as const
    const engine = new EngineHarness({ cleanSession: true, queue }).connect().publish('a', 1).cut()
    engine.news()
    expect(engine.publish('b', 1).news()).toEqual(['rejected a: MQTT_QUEUE_FULL unknown'])
  })
})

describe('queue.maxAgeMs', () => {
  const aging = { queue: { ...limits, maxAgeMs: 5_000 } }

  test('rejects what has waited longer, the oldest first', () => {
    const engine = new EngineHarness(aging).publish('a', 1).pass(1_000).publish('b', 0)
    expect(engine.dueIn).toBe(4_000)
    expect(engine.pass(3_999).tick().news()).toEqual([])
    expect(engine.pass(1).news()).toEqual(['rejected a: MQTT_TIMEOUT none'])
    expect(engine.lastError).toBeInstanceOf(TimeoutError)
    expect(engine.lastError).toMatchObject({ operation: 'queue', timeoutMs: 5_000 })
    expect(engine.pass(1_000).news()).toEqual(['rejected b: MQTT_TIMEOUT none'])
    expect(engine.dueIn).toBe(forEver)
    expect(engine.connect().sent()).toEqual(['CONNECT'])
  })

  test('says nothing of messages in flight', () => {
    const engine = new EngineHarness({ ...aging, ackTimeoutMs: 60_000 }).connect().publish('a', 1).publish('b', 2)
    engine.receive(pubrec(2)).news()
    expect(engine.pass(50_000).news()).toEqual([])
  })

  test('counts from publish, when a clean session made it a new message too', () => {
    const engine = new EngineHarness({ ...aging, cleanSession: true }).connect().publish('a', 1).pass(1_000).cut()
    engine.news()
    expect(engine.pass(4_000).news()).toEqual(['rejected a: MQTT_TIMEOUT unknown'])
  })
})

describe('withdraw', () => {
  test('takes back what has no Packet Identifier, from anywhere in the queue', () => {
    const engine = new EngineHarness().publish('a', 1).publish('b', 2).publish('c', 0).publish('d', 1)
    expect(engine.withdraw('b')).toBe(true)
    expect(engine.withdraw('d')).toBe(true)
    expect(engine.withdraw('a')).toBe(true)
    expect(engine.connect().sent()).toEqual(['CONNECT', 'PUBLISH c q0'])
    expect(engine.session.outgoing.queue).toMatchObject({ size: 0, bytes: 0 })
  })

  test('is too late for a message in flight, and for one that is gone', () => {
    const engine = new EngineHarness().publish('lost', 1)
    engine.withdraw('lost')
    engine.connect().publish('a', 1).publish('zero', 0)
    expect([engine.withdraw('lost'), engine.withdraw('a'), engine.withdraw('zero')]).toEqual([false, false, false])
    expect(engine.receive(puback(1)).withdraw('a')).toBe(false)
  })

  test('what stays unsettled can be listed, in flight first', () => {
    const engine = new EngineHarness({ maxInFlight: 1 }).connect().publish('a', 1).publish('b', 1).publish('c', 1)
    engine.withdraw('b')
    expect([...engine.session.outgoing.unsettled()].map(({ topic }) => topic)).toEqual(['a', 'c'])
  })
})
