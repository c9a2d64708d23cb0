/** Incoming messages over time: the order of handlers and acknowledgements, the window, the backlog, and handlers that outlive connections. */
import { describe, expect, test } from 'vitest'
import { EngineHarness } from '../engine-harness.js'
import { arrives, connack, puback, pubrec, pubrel, unsuback } from '../packet-notation.js'

describe('acknowledgement', () => {
  test('none for QoS 0, PUBACK for QoS 1, PUBREC for QoS 2 [MQTT-3.3.4-1]', () => {
    const engine = new EngineHarness().connect()
    engine.news()
    engine.receive(arrives('zero'), arrives('one', 1, 10), arrives('two', 2, 10 + 1))
    expect(engine.news()).toEqual(['deliver zero', 'deliver one', 'send PUBACK#10', 'deliver two', 'send PUBREC#11'])
  })

  test('carries the identifier of its PUBLISH [MQTT-2.3.1-6]', () => {
    const engine = new EngineHarness().connect().publish('out', 2)
    engine.news()
    engine.receive(arrives('one', 1, 0x1234), arrives('two', 2, 0xffff), pubrel(0xffff), pubrec(7))
    expect(engine.sent()).toEqual(['PUBACK#4660', 'PUBREC#65535', 'PUBCOMP#65535', 'PUBREL#7'])
  })

  test('is sent although nobody subscribed to the message [MQTT-4.5.0-2] [MQTT-3.3.2-3] [4.5 unasked messages]', () => {
    const engine = new EngineHarness().connect()
    engine.news()
    expect(engine.receive(arrives('never/asked/for', 1, 3)).sent()).toEqual(['PUBACK#3'])
  })

  test('is sent only when the handlers have ended', () => {
    const engine = new EngineHarness({ handlers: 'running' }).connect()
    engine.news()
    expect(engine.receive(arrives('m', 1, 3)).sent()).toEqual([])
    expect(engine.finish('m').sent()).toEqual(['PUBACK#3'])
  })

  test('PUBACKs leave in the order of their PUBLISHes, however slow the first handler is [MQTT-4.6.0-2]', () => {
    const engine = new EngineHarness({ handlers: 'running' }).connect()
    engine.receive(arrives('slow', 1, 7), arrives('b', 1, 3), arrives('c', 1, 5)).news()
    expect(engine.finish('c').finish('b').sent()).toEqual([])
    expect(engine.finish('slow').sent()).toEqual(['PUBACK#7', 'PUBACK#3', 'PUBACK#5'])
  })

  test('PUBRECs leave in the order of their PUBLISHes, however slow the first handler is [MQTT-4.6.0-3]', () => {
    const engine = new EngineHarness({ handlers: 'running' }).connect()
    engine.receive(arrives('slow', 2, 7), arrives('b', 2, 3), arrives('c', 2, 5)).news()
    expect(engine.finish('c').finish('b').sent()).toEqual([])
    expect(engine.finish('slow').sent()).toEqual(['PUBREC#7', 'PUBREC#3', 'PUBREC#5'])
  })

  test('a message at QoS 0 stands in nobody’s way', () => {
    const engine = new EngineHarness({ handlers: 'running' }).connect()
    engine.receive(arrives('zero'), arrives('one', 1, 7)).news()
    expect(engine.finish('one').sent()).toEqual(['PUBACK#7'])
  })

  test('goes on over thousands of messages of which one is always unfinished', () => {
    const engine = new EngineHarness({ handlers: 'running' }).connect()
    engine.receive(arrives('m1', 1, 1)).news()
    for (let number = 2; number <= 3_000; number += 1) {
      engine.receive(arrives(`m${number}`, 1, number)).finish(`m${number - 1}`)
      expect(engine.sent()).toEqual([`PUBACK#${number - 1}`])
    }
  })
})

describe('QoS 1', () => {
  test('after PUBACK the identifier means a new message, whatever its DUP says [MQTT-4.3.2-2]', () => {
    const engine = new EngineHarness().connect()
    engine.receive(arrives('m', 1, 5)).news()
    expect(engine.receive(arrives('m', 1, 5, 'dup')).news()).toEqual(['deliver m', 'send PUBACK#5'])
  })

  test('a copy joins the handler that is running: one handler, one PUBACK', () => {
    const engine = new EngineHarness({ handlers: 'running' }).connect()
    engine.receive(arrives('m', 1, 5), arrives('m', 1, 5, 'dup'), arrives('n', 1, 6))
    expect(engine.delivered()).toEqual(['m', 'n'])
    expect(engine.finish('m').finish('n').sent()).toEqual(['PUBACK#5', 'PUBACK#6'])
  })

  test('a copy on the next connection is a delivery of its own, because the server may have moved on', () => {
    const engine = new EngineHarness({ handlers: 'running' })
      .connect()
      .receive(arrives('m', 1, 5))
      .cut()
      .resume()
    engine.news()
    expect(engine.receive(arrives('m', 1, 5, 'dup')).delivered()).toEqual(['m'])
    expect(engine.finish('m').sent()).toEqual([])
    expect(engine.finish('m').sent()).toEqual(['PUBACK#5'])
  })
})

describe('QoS 2', () => {
  test('delivered once, PUBREC for every copy, PUBCOMP for PUBREL, and then the identifier is free [MQTT-4.3.3-2]', () => {
    const engine = new EngineHarness().connect()
    engine.news()
    expect(engine.receive(arrives('m', 2, 5)).news()).toEqual(['deliver m', 'send PUBREC#5'])
    expect(engine.receive(arrives('m', 2, 5, 'dup')).news()).toEqual(['send PUBREC#5'])
    expect(engine.receive(arrives('m', 2, 5, 'dup')).news()).toEqual(['send PUBREC#5'])
    expect(engine.receive(pubrel(5)).news()).toEqual(['send PUBCOMP#5'])
    expect(engine.receive(arrives('next', 2, 5, 'dup')).news()).toEqual(['deliver next', 'send PUBREC#5'])
  })

  test('an unknown PUBREL is answered with PUBCOMP [MQTT-4.3.3-2]', () => {
    const engine = new EngineHarness().connect()
    engine.news()
    expect(engine.receive(pubrel(9)).news()).toEqual(['anomaly unknown-pubrel 9', 'send PUBCOMP#9'])
  })

  test('identifiers outlive the connection [MQTT-4.1.0-1]', () => {
    const engine = new EngineHarness()
      .connect()
      .receive(arrives('m', 2, 5))
      .cut()
      .resume()
    engine.news()
    expect(engine.receive(arrives('m', 2, 5, 'dup'), pubrel(5)).news()).toEqual(['send PUBREC#5', 'send PUBCOMP#5'])
  })

  test('a handler that outlives its connection is joined by the copy on the next', () => {
    const engine = new EngineHarness({ handlers: 'running' })
      .connect()
      .receive(arrives('m', 2, 5))
      .cut()
      .resume()
    engine.news()
    expect(engine.receive(arrives('m', 2, 5, 'dup')).news()).toEqual([])
    expect(engine.finish('m').news()).toEqual(['send PUBREC#5'])
  })

  test('a handler that ends before the copy comes acknowledges nothing; the copy is answered at once', () => {
    const engine = new EngineHarness({ handlers: 'running' })
      .connect()
      .receive(arrives('m', 2, 5))
      .cut()
      .resume()
    engine.news()
    expect(engine.finish('m').news()).toEqual([])
    expect(engine.receive(arrives('m', 2, 5, 'dup')).news()).toEqual(['send PUBREC#5'])
  })

  test('a handler that ends between two connections acknowledges nothing; the copy is answered at once', () => {
    const engine = new EngineHarness({ handlers: 'running' })
      .connect()
      .receive(arrives('m', 2, 5))
      .cut()
    engine.news()
    expect(engine.finish('m').news()).toEqual([])
    engine.resume().news()
    expect(engine.receive(arrives('m', 2, 5, 'dup')).news()).toEqual(['send PUBREC#5'])
  })

  test('an exchange that was begun is finished after UNSUBSCRIBE [MQTT-3.10.4-3]', () => {
    const engine = new EngineHarness()
      .connect()
      .receive(arrives('m', 2, 5))
      .unsubscribe('u', 'm')
    engine.receive(unsuback(1)).news()
    expect(engine.receive(pubrel(5)).news()).toEqual(['send PUBCOMP#5'])
  })

  test('a message may still come after UNSUBACK, and is delivered and acknowledged [3.10.4 late messages]', () => {
    const engine = new EngineHarness().connect().unsubscribe('u', 'm').receive(unsuback(1))
    engine.news()
    expect(engine.receive(arrives('m', 2, 5)).news()).toEqual(['deliver m', 'send PUBREC#5'])
  })

  test('a message of a lost session is detached: its handler ends without acknowledgement and holds nothing [MQTT-3.2.2-3]', () => {
    const engine = new EngineHarness({ handlers: 'running' })
      .connect()
      .receive(arrives('old', 2, 5))
      .cut()
      .connect()
    engine.receive(arrives('new', 2, 5)).news()
    expect(engine.finish('old').news()).toEqual([])
    expect(engine.finish('new').news()).toEqual(['send PUBREC#5'])
  })

  test('identifiers of the server and of ours are numbered apart [2.3.1 two directions]', () => {
    const engine = new EngineHarness()
      .connect()
      .publish('out', 1)
      .receive(arrives('in', 2, 1))
    expect(engine.sent()).toEqual(['CONNECT', 'PUBLISH#1 out q1', 'PUBREC#1'])
    expect(engine.receive(puback(1), pubrel(1)).news()).toEqual(['settled out', 'send PUBCOMP#1'])
  })
})

describe('the receive window', () => {
  test('bounds the handlers that run, and the rest start in the order of arrival', () => {
    const engine = new EngineHarness({ handlers: 'running', receiveWindow: 2 }).connect()
    engine.receive(arrives('a', 1, 1), arrives('b'), arrives('c', 2, 2), arrives('d'))
    expect(engine.delivered()).toEqual(['a', 'b'])
    expect(engine.session.incoming.backlogSize).toBe(2)
    expect(engine.finish('b').delivered()).toEqual(['c'])
    expect(engine.finish('a').delivered()).toEqual(['d'])
    expect(engine.session.incoming.backlogBytes).toBe(0)
  })

  test('control packets are handled while messages wait', () => {
    const engine = new EngineHarness({ handlers: 'running', receiveWindow: 1 }).connect().publish('out', 1)
    engine.receive(arrives('a'), arrives('b'), puback(1))
    expect(engine.news()).toContain('settled out')
  })

  test('reading stops only when the backlog is full, and never before CONNACK', () => {
    const engine = new EngineHarness({ handlers: 'running', receiveWindow: 1, receiveBufferBytes: 300 }).connect()
    engine.receive(arrives('a'), arrives('b'))
    expect(engine.connection.wantsToRead(engine.now)).toBe(true)
    engine.receive(arrives('c'), arrives('d'))
    expect(engine.connection.wantsToRead(engine.now)).toBe(false)
    expect(engine.cut().open().connection.wantsToRead(engine.now)).toBe(true)
    expect(engine.receive(connack(true)).connection.wantsToRead(engine.now)).toBe(false)
    expect(engine.finish('a').connection.wantsToRead(engine.now)).toBe(true)
  })

  test('a message at QoS 0 that waits outlives the connection; one above is dropped, because the server sends it again', () => {
    const engine = new EngineHarness({ handlers: 'running', receiveWindow: 1 }).connect()
    engine
      .receive(arrives('a'), arrives('zero'), arrives('one', 1, 1), arrives('two', 2, 2))
      .cut()
      .resume()
      .news()
    expect(engine.finishAll().news()).toEqual(['deliver zero'])
    expect(engine.session.incoming.backlogBytes).toBe(0)
  })

  test('all that waits outlives a clean session, because nobody will send it again', () => {
    const engine = new EngineHarness({ cleanSession: true, handlers: 'running', receiveWindow: 1 }).connect()
    engine
      .receive(arrives('a'), arrives('zero'), arrives('one', 1, 1), arrives('two', 2, 2))
      .cut()
      .connect()
      .news()
    expect(engine.finishAll().news()).toEqual(['deliver zero', 'deliver one', 'deliver two'])
  })

  test('thousands of messages that wait are delivered in order', () => {
    const engine = new EngineHarness({ handlers: 'running', receiveWindow: 1 }).connect()
    const topics = Array.from({ length: 2_500 }, (_, index) => `m${index}`)
    engine.receive(...topics.map((topic) => arrives(topic)))
    expect(engine.finishAll().delivered()).toEqual(topics)
    expect(engine.session.incoming.backlogSize).toBe(0)
  })
})

describe('a message that is put off', () => {
  test('waits with all behind it until there is room, in order, and is acknowledged after its handlers', () => {
    const engine = new EngineHarness({ handlers: 'later' }).connect()
    engine.receive(arrives('a', 1, 1), arrives('b', 1, 2))
    expect(engine.news()).toEqual(['send CONNECT', 'connected new', 'put off a'])
    expect(engine.session.incoming.running).toBe(0)
    expect(engine.session.incoming.backlogSize).toBe(2)
    expect(engine.makeRoom('running').news()).toEqual(['deliver a', 'deliver b'])
    expect(engine.finish('b').finish('a').sent()).toEqual(['PUBACK#1', 'PUBACK#2'])
  })

  test('is put off again when its turn comes and there is still no room', () => {
    const engine = new EngineHarness({ handlers: 'running', receiveWindow: 1 }).connect()
    engine.receive(arrives('a'), arrives('b'), arrives('c')).news()
    engine.handlers = 'later'
    expect(engine.finish('a').news()).toEqual(['put off b'])
    expect(engine.makeRoom('done').news()).toEqual(['deliver b', 'deliver c'])
    expect(engine.session.incoming.backlogBytes).toBe(0)
  })

  test('is put off again when it is the only one', () => {
    const engine = new EngineHarness({ handlers: 'later' }).connect().receive(arrives('a', 1, 1))
    engine.news()
    const bytes = engine.session.incoming.backlogBytes
    expect(engine.makeRoom('later').news()).toEqual(['put off a'])
    expect(engine.session.incoming.backlogBytes).toBe(bytes)
    expect(engine.makeRoom('done').news()).toEqual(['deliver a', 'send PUBACK#1'])
    expect(engine.session.incoming.backlogBytes).toBe(0)
  })
})

describe('a handler that failed', () => {
  test('leaves its message unacknowledged, so that it comes again on the next connection [MQTT-4.8.0-2]', () => {
    for (const qos of [1, 2] as const) {
      const engine = new EngineHarness({ handlers: 'running' }).connect().receive(arrives('m', qos, 5))
      engine.fail('m').cut().resume()
      expect(engine.sent()).toEqual(['CONNECT', 'CONNECT'])
      expect(engine.receive(arrives('m', qos, 5, 'dup')).delivered()).toEqual(['m'])
    }
  })

  test('does not stop the messages behind it from being delivered on the next connection', () => {
    const engine = new EngineHarness({ handlers: 'running', receiveWindow: 1 }).connect()
    engine.receive(arrives('m', 1, 5), arrives('zero')).news()
    expect(engine.fail('m').news()).toEqual([])
    expect(engine.cut().news()).toEqual(['deliver zero'])
    engine
      .resume()
      .receive(arrives('m', 1, 5, 'dup'))
      .news()
    expect(engine.finish('zero').news()).toEqual(['deliver m'])
  })

  test('makes room in the window at QoS 0 as well', () => {
    const engine = new EngineHarness({ handlers: 'running', receiveWindow: 1 }).connect()
    engine.receive(arrives('zero'), arrives('next')).fail('zero')
    expect(engine.session.incoming.running).toBe(0)
    expect(engine.cut().delivered()).toEqual(['zero', 'next'])
  })

  test('leaves alone an identifier that means another message by now', () => {
    const engine = new EngineHarness({ handlers: 'running' })
      .connect()
      .receive(arrives('old', 2, 5))
      .cut()
      .connect()
    engine
      .receive(arrives('new', 2, 5))
      .fail('old')
      .finish('new')
    expect(engine.sent().slice(-1)).toEqual(['PUBREC#5'])
    expect(engine.receive(arrives('new', 2, 5, 'dup')).news()).toEqual(['send PUBREC#5'])
  })

  test('does so in a clean session too', () => {
    const engine = new EngineHarness({ cleanSession: true, handlers: 'running', receiveWindow: 1 }).connect()
    engine.receive(arrives('m', 1, 5), arrives('n', 1, 6)).news()
    expect(engine.fail('m').cut().news()).toEqual(['deliver n'])
  })

  test('frees the identifier at QoS 2 without noting it as held', () => {
    const engine = new EngineHarness({ handlers: 'running', journal: 'kept' }).connect().receive(arrives('m', 2, 5))
    engine.fail('m').cut()
    expect(engine.records).toEqual([])
  })
})
