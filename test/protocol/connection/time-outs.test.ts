/** Keep alive on its two clocks, and the time-out of acknowledgements. */
import { describe, expect, test } from 'vitest'
import { EngineHarness } from '../engine-harness.js'
import { arrives, pingresp, puback, pubcomp, pubrec, suback } from '../packet-notation.js'

/** Keep Alive of 10 s: a PINGREQ is due 9 s after the last byte sent, and 10 s after the last one received. */
const alive = (settings: ConstructorParameters<typeof EngineHarness>[0] = {}) => {
  const engine = new EngineHarness({ keepAlive: 10, pingTimeoutMs: 3_000, ...settings }).connect()
  engine.news()
  return engine
}

describe('Keep Alive, on the clock of what we send', () => {
  test('a PINGREQ is due at 0.9 of it after the last packet [MQTT-3.1.2-23]', () => {
    const engine = alive()
    expect(engine.dueIn).toBe(9_000)
    expect(engine.pass(8_999).tick().news()).toEqual([])
    expect(engine.pass(1).news()).toEqual(['send PINGREQ'])
  })

  test('and again 0.9 of it after that one, for as long as the server answers [MQTT-3.1.2-23]', () => {
    const engine = alive()
    for (let round = 0; round < 5; round += 1) {
      expect(engine.pass(9_000).news()).toEqual(['send PINGREQ'])
      engine.receive(pingresp)
    }
    expect(engine.news()).toEqual([])
  })

  test('a packet that is sent postpones it [MQTT-3.1.2-23]', () => {
    const engine = alive().pass(8_000).publish('m', 0)
    engine.news()
    expect(engine.dueIn).toBe(2_000)
    engine.receive(arrives('in'))
    expect(engine.dueIn).toBe(9_000)
  })

  test('what is received does not postpone it [MQTT-3.1.2-23]', () => {
    const engine = alive()
    for (let second = 1; second <= 8; second += 1) engine.pass(1_000).receive(arrives('in'))
    engine.news()
    expect(engine.pass(1_000).news()).toEqual(['send PINGREQ'])
  })

  test('0 turns it off: no PINGREQ and no verdict', () => {
    const engine = alive({ keepAlive: 0 })
    expect(engine.dueIn).toBe(Infinity)
    expect(engine.pass(1_000_000_000).tick().news()).toEqual([])
    engine.connection.ping(engine.now)
    expect(engine.pass(1_000_000_000).news()).toEqual(['send PINGREQ'])
  })

  test('a timer that fires late sends one PINGREQ, not several', () => {
    const engine = alive()
    engine.now += 11_000
    expect(engine.tick().news()).toEqual(['send PINGREQ'])
  })

  test('a PINGREQ can be asked for, and counts like any other; without a connection nothing is sent', () => {
    const engine = alive().pass(1_000)
    engine.connection.ping(engine.now)
    expect(engine.news()).toEqual(['send PINGREQ'])
    expect(engine.pass(3_000).news()).toEqual(['closing MQTT_TIMEOUT ping'])
    engine.connection.ping(engine.now)
    expect(engine.news()).toEqual([])
  })

  test('a CONNACK that took longer than Keep Alive is followed by a PINGREQ at once [MQTT-3.1.2-23]', () => {
    const engine = new EngineHarness({ keepAlive: 10 }).open().pass(20_000)
    engine.news()
    engine.receive({ type: 'connack', sessionPresent: false, returnCode: 0 })
    expect(engine.news()).toEqual(['send PINGREQ', 'connected new'])
  })
})

describe('Keep Alive, on the clock of what we receive', () => {
  /** Publishes at QoS 0 every second, so that a PINGREQ never becomes due on the other clock. */
  const sendSteadily = (engine: EngineHarness, seconds: number) => {
    for (let second = 0; second < seconds; second += 1) engine.pass(1_000).publish('m', 0)
    return engine.sent().filter((packet) => packet === 'PINGREQ')
  }

  test('a steady sender of QoS 0 asks after Keep Alive without a byte from the server, once', () => {
    expect(sendSteadily(alive({ pingTimeoutMs: 60_000 }), 9)).toEqual([])
    expect(sendSteadily(alive({ pingTimeoutMs: 60_000 }), 30)).toEqual(['PINGREQ'])
  })

  test('and so notices that the peer is dead', () => {
    const engine = alive()
    sendSteadily(engine, 12)
    expect(engine.connection.phase).toBe('connected')
    sendSteadily(engine, 1)
    expect(engine.connection.phase).toBe('closed')
  })

  test('bytes of the server postpone it', () => {
    const engine = alive()
    sendSteadily(engine, 9)
    engine.receive(arrives('in'))
    expect(sendSteadily(engine, 9)).toEqual([])
  })
})

describe('the verdict', () => {
  test('a server that does not answer PINGREQ within pingTimeoutMs is dead [MQTT-3.12.4-1] [3.1.2.10 missing PINGRESP]', () => {
    const engine = alive().pass(9_000)
    engine.news()
    expect(engine.pass(2_999).tick().news()).toEqual([])
    expect(engine.pass(1).news()).toEqual(['closing MQTT_TIMEOUT ping'])
    expect(engine.connection.phase).toBe('closed')
  })

  test('any byte saves the connection, although it is no PINGRESP', () => {
    const engine = alive().pass(9_000).pass(2_999)
    engine.connection.bytesReceived(engine.now)
    engine.news()
    expect(engine.pass(6_000).news()).toEqual([])
    expect(engine.connection.phase).toBe('connected')
  })

  test('a second PINGREQ gives a silent server no more time', () => {
    const engine = alive({ pingTimeoutMs: 15_000 })
    expect(engine.pass(18_000).sent()).toEqual(['PINGREQ', 'PINGREQ'])
    expect(engine.pass(5_999).tick().news()).toEqual([])
    expect(engine.pass(1).news()).toEqual(['closing MQTT_TIMEOUT ping'])
  })

  test('while reading is paused there is none, but PINGREQs go on [MQTT-3.1.2-23]', () => {
    const engine = alive().pass(9_000).readingPaused()
    expect(engine.pass(27_000).sent()).toEqual(['PINGREQ', 'PINGREQ', 'PINGREQ', 'PINGREQ'])
    expect(engine.connection.phase).toBe('connected')
  })

  test('when reading goes on it starts anew', () => {
    const engine = alive().pass(9_000).readingPaused().pass(5_000).readingResumed()
    expect(engine.pass(2_999).tick().connection.phase).toBe('connected')
    expect(engine.pass(1).news().slice(-1)).toEqual(['closing MQTT_TIMEOUT ping'])
  })

  test('a PINGREQ that goes out while reading is paused is judged from when reading goes on', () => {
    const engine = alive().readingPaused().pass(9_000).pass(100).readingResumed()
    expect(engine.pass(2_999).tick().connection.phase).toBe('connected')
    expect(engine.pass(1).connection.phase).toBe('closed')
  })

  test('a pause changes nothing for a connection that awaits nothing', () => {
    const engine = alive().pass(1_000).readingPaused().pass(1_000).readingResumed()
    expect(engine.dueIn).toBe(7_000)
  })

  test('a PINGRESP for each PINGREQ is in order; one more is not', () => {
    const engine = alive({ pingTimeoutMs: 60_000 }).pass(18_000)
    expect(engine.sent()).toEqual(['PINGREQ', 'PINGREQ'])
    expect(engine.receive(pingresp, pingresp).news()).toEqual([])
    expect(engine.receive(pingresp).news()).toEqual(['anomaly unsolicited-pingresp'])
  })
})

describe('a PINGREQ with a time-out of its own', () => {
  const asked = (settings = {}, after = 0) => {
    const engine = alive(settings).pass(after)
    engine.news()
    engine.connection.ping(engine.now, 500)
    return engine
  }

  test.each([0, 10])('ends a silent connection sooner, with Keep Alive %i [3.1.2.10 missing PINGRESP]', (keepAlive) => {
    const engine = asked({ keepAlive })
    expect(engine.dueIn).toBe(500)
    expect(engine.pass(499).tick().news()).toEqual(['send PINGREQ'])
    expect(engine.pass(1).news()).toEqual(['closing MQTT_TIMEOUT ping'])
    expect(engine.lastError?.message).toContain('within 500 ms (after reconnect())')
  })

  test('leaves a connection alone on which a byte comes, and later ones get the usual time', () => {
    const engine = asked({ pingTimeoutMs: 3_000 }).pass(400).receive(pingresp)
    engine.pass(engine.dueIn).pass(2_999)
    expect(engine.connection.phase).toBe('connected')
    expect(engine.pass(1).connection.phase).toBe('closed')
    expect(engine.lastError?.message).toContain('within 3000 ms (pingTimeoutMs)')
  })

  test('gives a silent server no more time than an earlier PINGREQ', () => {
    const engine = asked({}, 9_000 + 2_800)
    expect(engine.dueIn).toBe(200)
  })

  test('cuts the time of an earlier PINGREQ short', () => {
    expect(asked({}, 9_000 + 1_000).dueIn).toBe(500)
  })

  test('starts its time anew when waiting output leaves', () => {
    expect(asked().pass(400).outputTaken().dueIn).toBe(500)
  })

  test('begins its time when the socket is read again', () => {
    const engine = alive().pass(9_000).readingPaused()
    engine.connection.ping(engine.now, 500)
    engine.connection.ping(engine.now)
    expect(engine.pass(5_000).connection.phase).toBe('connected')
    expect(engine.readingResumed().dueIn).toBe(500)
  })
})

test('after a sleep of the process a PINGREQ is due now, whatever came just before; an unanswered one is enough', () => {
  const engine = alive().pass(5_000).receive(arrives('in'))
  engine.news()
  engine.connection.slept(engine.now)
  expect(engine.tick().news()).toEqual(['send PINGREQ'])
  engine.connection.slept(engine.now)
  expect(engine.tick().news()).toEqual([])
})

describe('ackTimeoutMs', () => {
  const impatient = () => {
    const engine = new EngineHarness({ ackTimeoutMs: 5_000, operationTimeoutMs: 1_000_000 }).connect()
    engine.news()
    return engine
  }

  test.each([1, 2] as const)('ends a connection whose oldest message at QoS %i has had no answer', (qos) => {
    const engine = impatient().publish('a', qos).pass(1_000).publish('b', qos)
    engine.news()
    expect(engine.dueIn).toBe(4_000)
    expect(engine.pass(3_999).tick().news()).toEqual([])
    expect(engine.pass(1).news()).toEqual(['closing MQTT_TIMEOUT acknowledgement'])
    expect(engine.resume().sent()).toEqual(['CONNECT', `PUBLISH#1 a q${qos} dup`, `PUBLISH#2 b q${qos} dup`])
  })

  test('counts anew from PUBREL', () => {
    const engine = impatient().publish('m', 2).pass(4_000).receive(pubrec(1))
    expect(engine.dueIn).toBe(5_000)
    expect(engine.pass(5_000).news().slice(-1)).toEqual(['closing MQTT_TIMEOUT acknowledgement'])
  })

  test('counts anew on a new connection, from when the message is sent again', () => {
    const engine = impatient().publish('m', 1).pass(4_000).cut().pass(100_000).open().pass(1_000)
    engine.receive({ type: 'connack', sessionPresent: true, returnCode: 0 })
    expect(engine.dueIn).toBe(5_000)
  })

  test('an answer moves it on to the next oldest', () => {
    const engine = impatient().publish('a', 1).pass(1_000).publish('b', 2).pass(1_000).publish('c', 1)
    engine.receive(puback(1))
    expect(engine.dueIn).toBe(4_000)
    engine.receive(pubrec(2))
    expect(engine.dueIn).toBe(5_000)
    engine.receive(pubcomp(2), puback(3))
    expect(engine.dueIn).toBe(Infinity)
  })

  test('does not run while nothing of ours is in flight, nor for SUBSCRIBE', () => {
    const engine = impatient().subscribe('s', 'f')
    expect(engine.dueIn).toBe(1_000_000)
    expect(engine.receive(suback(1, 0)).dueIn).toBe(Infinity)
  })

  test('does not run while nothing is read, and starts anew with reading: the acknowledgement may stand unread', () => {
    const engine = new EngineHarness({ ackTimeoutMs: 5_000 }).connect().publish('m', 1)
    engine.readingPaused().pass(60_000)
    expect(engine.connection.phase).toBe('connected')
    engine.readingResumed().pass(4_999)
    expect(engine.connection.phase).toBe('connected')
    expect(engine.pass(1).news().slice(-1)).toEqual(['closing MQTT_TIMEOUT acknowledgement'])
  })
})

describe('output that takes long to leave', () => {
  test('puts the verdict off for as long as it leaves: a PINGREQ behind it has not reached the server', () => {
    const engine = alive().pass(9_000)
    engine.news()
    for (let second = 0; second < 20; second += 2) engine.pass(2_000).outputTaken()
    expect(engine.connection.phase).toBe('connected')
    expect(engine.pass(2_999).tick().connection.phase).toBe('connected')
    expect(engine.pass(1).news().slice(-1)).toEqual(['closing MQTT_TIMEOUT ping'])
  })

  test('that does not leave does not: a peer that takes nothing is dead after pingTimeoutMs', () => {
    const engine = alive().pass(8_000).outputTaken().pass(1_000)
    expect(engine.pass(2_999).tick().connection.phase).toBe('connected')
    expect(engine.pass(1).news().slice(-1)).toEqual(['closing MQTT_TIMEOUT ping'])
  })

  test('starts no verdict where none is due', () => {
    const engine = alive().pass(1_000).outputTaken()
    expect(engine.dueIn).toBe(8_000)
    expect(engine.pass(8_000).outputTaken().receive(pingresp).outputTaken().dueIn).toBe(9_000)
  })

  test('and none while reading is paused', () => {
    const engine = alive().pass(9_000).readingPaused().outputTaken()
    expect(engine.dueIn).toBe(9_000)
  })

  const uploading = () => {
    const engine = new EngineHarness({ ackTimeoutMs: 5_000 }).connect().publish('large', 1)
    for (let second = 0; second < 60; second += 4) engine.pass(4_000).outputTaken('part')
    engine.news()
    return engine
  }

  test('puts off ackTimeoutMs, which counts from when it last left', () => {
    const engine = uploading()
    expect(engine.connection.phase).toBe('connected')
    expect(engine.dueIn).toBe(5_000)
    expect(engine.pass(4_999).tick().news()).toEqual([])
    expect(engine.pass(1).news()).toEqual(['closing MQTT_TIMEOUT acknowledgement'])
  })

  test('gives no more time to a message that has left, however long other output goes on', () => {
    const engine = uploading().outputTaken('all').pass(1_000).publish('next', 1)
    for (let second = 1; second < 4; second += 1) engine.pass(1_000).outputTaken('all')
    engine.news()
    expect(engine.dueIn).toBe(1_000)
    expect(engine.pass(1_000).news()).toEqual(['closing MQTT_TIMEOUT acknowledgement'])
  })

  test('is waited for by the message that is in it, although an older one has left and been answered', () => {
    const engine = uploading().outputTaken('all').pass(1_000).publish('next', 1).pass(1_000).outputTaken('part')
    engine.receive(puback(1))
    expect(engine.dueIn).toBe(5_000)
    expect(engine.pass(4_000).outputTaken('part').dueIn).toBe(5_000)
    expect(engine.pass(1_000).outputTaken('all').pass(4_000).outputTaken('all').dueIn).toBe(1_000)
  })

  test('is not taken to have left with what left in the moment of its writing', () => {
    const engine = new EngineHarness({ ackTimeoutMs: 5_000 }).connect().publish('small', 1).outputTaken('all')
    engine.publish('large', 1).receive(puback(1))
    expect(engine.pass(4_000).outputTaken('part').dueIn).toBe(5_000)
  })

  test('changes nothing while nothing is awaited', () => {
    const engine = new EngineHarness({ ackTimeoutMs: 5_000 }).connect().outputTaken('part').outputTaken('all')
    expect(engine.dueIn).toBe(Infinity)
    expect(engine.pass(1_000).publish('m', 1).dueIn).toBe(5_000)
  })

  test('of an earlier connection does not count', () => {
    const engine = uploading().cut().resume()
    expect(engine.pass(1_000).dueIn).toBe(4_000)
  })
})
