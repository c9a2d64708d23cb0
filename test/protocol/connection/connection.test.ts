/** One connection from CONNECT to its end, and what of it the next connection gets through the session. */
import { describe, expect, test } from 'vitest'
import { encodePacket, MalformedPacketError, PacketDecoder } from '../../../src/codec/index.js'
import { ConnectionRefusedError } from '../../../src/errors.js'
import { EngineHarness } from '../engine-harness.js'
import { arrives, connack, puback, pubcomp, pubrec, pubrel, suback } from '../packet-notation.js'

describe('CONNECT', () => {
  test('is the first packet of every connection, and comes once [MQTT-3.1.0-1] [MQTT-3.1.0-2] [3.1 one CONNECT]', () => {
    const engine = new EngineHarness().publish('m', 1).subscribe('s', 'f')
    for (let connection = 1; connection <= 3; connection += 1) {
      engine.news()
      engine.open()
      engine.connection.open(engine.now)
      expect(engine.sent()).toEqual(['CONNECT'])
      engine.receive(connack(true))
      engine.connection.open(engine.now)
      expect(engine.sent()).not.toContain('CONNECT')
      engine.cut()
    }
  })

  test('cannot be sent on a connection that was given up before it opened', () => {
    const engine = new EngineHarness().dial()
    const { connection } = engine
    engine.cut()
    connection.open(engine.now)
    expect(engine.sent()).toEqual([])
  })
})

describe('a second connection', () => {
  test('ends the first: what that one carried is not acknowledged on either', () => {
    const engine = new EngineHarness({ handlers: 'running' })
      .connect()
      .publish('m', 1)
      .receive(arrives('in', 1, 5))
    const first = engine.connection
    engine.resume()
    expect(first.phase).toBe('closed')
    expect(engine.finish('in').sent()).toEqual(['CONNECT', 'PUBLISH#1 m q1', 'CONNECT', 'PUBLISH#1 m q1 dup'])
  })
})

describe('CONNACK', () => {
  test('nothing but CONNECT is sent before it [MQTT-3.2.0-1] [3.1.4 early packets]', () => {
    const engine = new EngineHarness({ keepAlive: 10 }).open()
    engine.publish('zero', 0).publish('one', 1).subscribe('s', 'f').unsubscribe('u', 'g').outputDrained().pass(20_000)
    expect(engine.sent()).toEqual(['CONNECT'])
  })

  test.each([1, 2, 3, 4, 5])(
    'Return Code %i ends the connection with its meaning [MQTT-3.1.3-8] [MQTT-3.1.3-9] [MQTT-3.2.2-5]',
    (returnCode) => {
      const engine = new EngineHarness().publish('m', 1).open()
      engine.news()
      engine.receive(connack(false, returnCode), arrives('behind', 1, 1))
      expect(engine.news()).toEqual([`closing MQTT_CONNECTION_REFUSED ${returnCode}`])
      expect(engine.lastError).toBeInstanceOf(ConnectionRefusedError)
      expect(engine.connection.phase).toBe('closed')
      expect(engine.connect().sent()).toEqual(['CONNECT', 'PUBLISH#1 m q1'])
    },
  )

  test('Return Codes from 6 on are refused by the decoder before the engine could take them [MQTT-3.2.2-6]', () => {
    for (const returnCode of [6, 255]) {
      const bytes = Uint8Array.of(0x20, 2, 0, returnCode)
      expect(() => new PacketDecoder().decode(bytes)).toThrow(MalformedPacketError)
    }
    expect(new PacketDecoder().decode(encodePacket(connack(false, 5)))).toEqual([connack(false, 5)])
  })

  test('a session after a clean one was asked ends the connection [MQTT-3.2.2-1]', () => {
    const engine = new EngineHarness({ cleanSession: true }).publish('m', 1).open().receive(connack(true))
    expect(engine.news()).toEqual(['send CONNECT', 'closing session-present-after-clean-session [MQTT-3.2.2-1]'])
    expect(engine.connect().sent()).toEqual(['CONNECT', 'PUBLISH#1 m q1'])
  })

  test('its Session Present reaches the driver after what it called for was sent [MQTT-3.2.2-2] [MQTT-3.2.2-3]', () => {
    for (const sessionPresent of [true, false]) {
      const engine = new EngineHarness().connect().publish('m', 1).cut()
      engine.news()
      engine.open().receive(connack(sessionPresent))
      const connected = sessionPresent ? 'connected resumed' : 'connected new'
      expect(engine.news()).toEqual(['send CONNECT', 'send PUBLISH#1 m q1 dup', connected])
    }
  })

  test('a second one ends the connection [MQTT-3.2.0-1]', () => {
    const engine = new EngineHarness().connect()
    engine.news()
    expect(engine.receive(connack(false)).news()).toEqual(['closing second-connack [MQTT-3.2.0-1]'])
  })

  test('nothing is due before CONNECT and after the end', () => {
    const engine = new EngineHarness({ keepAlive: 10 }).dial()
    expect(engine.dueIn).toBe(Infinity)
    expect(engine.resume().cut().dueIn).toBe(Infinity)
    expect(engine.connection.nextDeadline()).toBe(Infinity)
  })

  test('a server that kept a session of which we know nothing makes identifiers start elsewhere [MQTT-3.2.2-2] [3.2.2.2 unexpected session]', () => {
    const engine = new EngineHarness({ strangerPacketId: 12_345 }).publish('m', 1).resume()
    expect(engine.sent()).toEqual(['CONNECT', 'PUBLISH#12345 m q1'])
    expect(engine.receive(puback(12_345)).cut().resume().publish('n', 1).sent()).toEqual([
      'CONNECT',
      'PUBLISH#12346 n q1',
    ])
  })
})

describe('DISCONNECT', () => {
  test('ends the connection, and is sent only where CONNACK came [MQTT-3.14.4-2]', () => {
    expect(new EngineHarness().connect().disconnect().sent()).toEqual(['CONNECT', 'DISCONNECT'])
    expect(new EngineHarness().open().disconnect().sent()).toEqual(['CONNECT'])
    expect(new EngineHarness().dial().disconnect().sent()).toEqual([])
  })

  test('is the end: what still comes is neither answered nor judged [MQTT-3.14.4-2]', () => {
    const engine = new EngineHarness().connect().disconnect()
    engine.news()
    engine.connection.receive(arrives('late', 1, 1))
    engine.connection.receive(pubrel(3))
    expect(engine.news()).toEqual([])
  })

  test('of a connection that is gone does nothing to the one after it', () => {
    const engine = new EngineHarness().connect()
    const old = engine.connection
    engine.cut().connect().news()
    old.disconnect()
    expect(engine.news()).toEqual([])
    expect(engine.connection.phase).toBe('connected')
  })

  test('is not sent when a fault closes the connection, because it would delete the will [MQTT-4.8.0-1]', () => {
    const engine = new EngineHarness().connect().receive(connack(false))
    expect(engine.news()).toEqual(['send CONNECT', 'connected new', 'closing second-connack [MQTT-3.2.0-1]'])
  })
})

describe('after a fault', () => {
  test('what came before it in the same chunk is handled, and nothing behind it [MQTT-4.8.0-1]', () => {
    const engine = new EngineHarness().connect().publish('out', 1)
    engine.news()
    engine.receive(arrives('before', 1, 1), connack(false), arrives('behind', 1, 2), puback(1))
    expect(engine.news()).toEqual(['deliver before', 'send PUBACK#1', 'closing second-connack [MQTT-3.2.0-1]'])
  })

  test('the session goes on on the next connection [MQTT-4.8.0-1]', () => {
    const engine = new EngineHarness().connect().publish('m', 1).receive(connack(false)).resume()
    expect(engine.receive(puback(1)).news().slice(-1)).toEqual(['settled m'])
  })
})

describe('Clean Session 0', () => {
  test('what is unfinished outlives the connection, both ways [MQTT-3.1.2-4] [MQTT-4.1.0-1]', () => {
    const engine = new EngineHarness().connect()
    engine
      .publish('one', 1)
      .publish('two', 2)
      .publish('released', 2)
      .receive(pubrec(3), arrives('in', 2, 5))
    engine.cut().news()
    engine.resume().receive(arrives('in', 2, 5, 'dup'), pubrel(5))
    expect(engine.sent()).toEqual([
      'CONNECT',
      'PUBREL#3',
      'PUBLISH#1 one q1 dup',
      'PUBLISH#2 two q2 dup',
      'PUBREC#5',
      'PUBCOMP#5',
    ])
  })

  test('two sessions share nothing [MQTT-3.1.3-2]', () => {
    const one = new EngineHarness().connect().publish('m', 1)
    const other = new EngineHarness().resume().receive(pubrec(9))
    expect(one.receive(puback(1)).news()).toContain('settled m')
    expect(other.session.table.size).toBe(0)
  })
})

describe('Clean Session 1', () => {
  const clean = () => new EngineHarness({ cleanSession: true })

  test('unacknowledged messages are new messages on the next connection, in their order [MQTT-3.1.2-6]', () => {
    const engine = clean().connect().publish('one', 1).publish('two', 2).publish('three', 2).receive(pubrec(2))
    engine.publish('four', 1).receive(puback(1)).cut().publish('five', 0).connect()
    expect(engine.sent().slice(-5)).toEqual([
      'CONNECT',
      'PUBLISH#5 two q2',
      'PUBLISH#6 three q2',
      'PUBLISH#7 four q1',
      'PUBLISH five q0',
    ])
  })

  test('they are counted in the queue again, whatever its bounds', () => {
    const queue = { maxMessages: 1, maxBytes: 1_000, maxAgeMs: Infinity, overflow: 'reject' } as const
    const engine = new EngineHarness({ cleanSession: true, queue }).connect().publish('a', 1).publish('b', 1).cut()
    expect(engine.session.outgoing.queue.size).toBe(2)
    expect(engine.connect().receive(puback(3), puback(4)).news().slice(-2)).toEqual(['settled a', 'settled b'])
    expect(engine.session.outgoing.queue).toMatchObject({ size: 0, bytes: 0 })
  })

  test('state lives as long as its connection [MQTT-4.1.0-2]', () => {
    const engine = clean()
      .connect()
      .publish('m', 2)
      .receive(arrives('in', 2, 5), pubrec(1))
      .pass(19_999)
    engine.news()
    engine.receive(arrives('in', 2, 5, 'dup'), pubcomp(1))
    expect(engine.news()).toEqual(['send PUBREC#5', 'settled m'])
  })

  test('incoming identifiers are forgotten with the connection [MQTT-3.1.2-6]', () => {
    const engine = clean()
      .connect()
      .receive(arrives('in', 2, 5))
      .cut()
      .connect()
    engine.news()
    expect(engine.receive(arrives('in', 2, 5)).delivered()).toEqual(['in'])
  })

  test('subscriptions are made again', () => {
    const engine = clean().connect().subscribe('s', 'f').receive(suback(1, 0)).cut().connect()
    expect(engine.sent().slice(-2)).toEqual(['CONNECT', 'SUBSCRIBE#2 f:0'])
  })
})

describe('a full socket', () => {
  test('holds back messages, and lets acknowledgements, SUBSCRIBE and PINGREQ through', () => {
    const engine = new EngineHarness({ keepAlive: 10 }).connect().publish('out', 2).outputFull()
    engine.news()
    engine.publish('zero', 0).publish('one', 1).subscribe('s', 'f')
    engine.receive(arrives('in', 1, 1), pubrec(1)).pass(9_000)
    expect(engine.sent()).toEqual(['SUBSCRIBE#2 f:0', 'PUBACK#1', 'PUBREL#1', 'PINGREQ'])
    expect(engine.connection.takesMessages).toBe(false)
    expect(engine.outputDrained().sent()).toEqual(['PUBLISH zero q0', 'PUBLISH#3 one q1'])
  })

  test('holds back what is sent again, and keeps its order', () => {
    const engine = new EngineHarness().connect().publish('a', 1).publish('b', 1).cut().open().outputFull()
    engine.receive(connack(true)).publish('c', 1).news()
    expect(engine.outputDrained().sent()).toEqual(['PUBLISH#1 a q1 dup', 'PUBLISH#2 b q1 dup', 'PUBLISH#3 c q1'])
  })
})

describe('a QoS 0 message', () => {
  const draft = { topic: 'direct', payload: Buffer.alloc(0), qos: 0, retain: true } as const

  test('goes straight to the wire if nothing waits before it [MQTT-4.3.1-1]', () => {
    const engine = new EngineHarness().connect()
    engine.news()
    expect(engine.session.sendAtOnce(draft)).toBe(true)
    expect(engine.sent()).toEqual(['PUBLISH direct q0 retain'])
  })

  test('does not overtake what waits, and does not leave before CONNACK or into a full socket', () => {
    const windowed = new EngineHarness({ maxInFlight: 1 }).connect().publish('a', 1).publish('b', 1)
    const again = new EngineHarness({ maxInFlight: 1, stored: { ...twoBound } }).resume()
    for (const engine of [
      windowed,
      again,
      new EngineHarness(),
      new EngineHarness().open(),
      new EngineHarness().connect().outputFull(),
    ]) {
      engine.news()
      expect(engine.session.sendAtOnce(draft)).toBe(false)
      expect(engine.news()).toEqual([])
    }
  })

  test('is sent once, with QoS 0 and DUP 0, settled by that, and never again [MQTT-4.3.1-1]', () => {
    const engine = new EngineHarness().publish('m', 0).connect()
    expect(engine.news()).toEqual(['send CONNECT', 'send PUBLISH m q0', 'settled m', 'connected new'])
    expect(engine.packets.at(-1)).toEqual({
      type: 'publish',
      topic: 'm',
      payload: Buffer.from('m'),
      retain: false,
      qos: 0,
    })
    expect(engine.cut().resume().sent()).toEqual(['CONNECT'])
  })
})

const twoBound = {
  nextSequence: 3,
  nextPacketId: 3,
  messages: [1, 2].map((number) => ({
    sequence: number,
    topic: `m${number}`,
    payload: Buffer.alloc(0),
    qos: 1 as const,
    retain: false,
    binding: { packetId: number, received: false },
  })),
  held: [],
}
