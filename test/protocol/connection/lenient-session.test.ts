/** A session that is not strict goes on after violations that have one safe reading. Other files test strict sessions. */
import { describe, expect, test } from 'vitest'
import type { UnnamedPublishPacket } from '../../../src/codec/control-packet.js'
import { EngineHarness } from '../engine-harness.js'
import { arrives, connack, puback, pubrec, pubrel, suback } from '../packet-notation.js'

function lenient(settings: ConstructorParameters<typeof EngineHarness>[0] = {}): EngineHarness {
  const engine = new EngineHarness({ strict: false, ...settings }).connect()
  engine.news()
  return engine
}

describe('PUBACK for a message at QoS 2', () => {
  test('settles the message: a server without QoS 2 has it [MQTT-3.3.4-1]', () => {
    const engine = lenient().publish('m', 2)
    engine.news()
    expect(engine.receive(puback(1)).news()).toEqual(['settled m', 'anomaly puback-at-qos-2 1'])
    expect(engine.cut().resume().news()).toEqual(['send CONNECT', 'connected resumed'])
  })

  test('is noted before anything else, so that a stored message does not come back', () => {
    const engine = lenient({ journal: 'kept' }).publish('m', 2).receive(puback(1))
    expect(engine.records.at(-1)).toMatchObject({ kind: 'settled' })
  })

  test('settles it in a strict session too, which then ends', () => {
    const engine = lenient({ strict: true, journal: 'kept' }).publish('m', 2)
    engine.news()
    expect(engine.receive(puback(1)).news()).toEqual([
      'record received 1',
      'record settled 1',
      'settled m',
      'closing wrong-acknowledgement [MQTT-3.3.4-1]',
    ])
    expect(engine.records.at(-1)).toMatchObject({ kind: 'settled' })
  })

  test('is a wrong acknowledgement behind PUBREC [MQTT-4.3.3-2]', () => {
    const engine = lenient().publish('m', 2).receive(pubrec(1))
    engine.news()
    expect(engine.receive(puback(1)).news()).toEqual(['closing wrong-acknowledgement [MQTT-3.3.4-1]'])
  })
})

describe('SUBACK for nothing [MQTT-3.8.4-2]', () => {
  test('is an anomaly', () => {
    expect(lenient().receive(suback(9, 0)).news()).toEqual(['anomaly unknown-suback 9'])
  })
})

describe('Session Present 1 after Clean Session 1 [MQTT-3.2.2-1]', () => {
  test('is read as 0, and our Packet Identifiers begin at a random one: the server may use those of an old session', () => {
    const engine = new EngineHarness({ strict: false, cleanSession: true, strangerPacketId: 12_345 }).open()
    engine.news()
    expect(engine.receive(connack(true)).news()).toEqual([
      'anomaly session-present-after-clean-session',
      'connected new',
    ])
    expect(engine.publish('m', 1).news()).toEqual(['send PUBLISH#12345 m q1'])
  })

  test('makes subscriptions again', () => {
    const engine = new EngineHarness({ strict: false, cleanSession: true }).connect()
    engine.subscribe('s', 'a').receive(suback(1, 0)).cut().open()
    engine.news()
    expect(engine.receive(connack(true)).news()).toContainEqual(expect.stringMatching(/^send SUBSCRIBE/))
  })
})

describe('a Packet Identifier that is used again before its exchange is over [MQTT-2.3.1-4]', () => {
  test('with DUP 0 behind our PUBREC is a new message, which is delivered', () => {
    const engine = lenient().receive(arrives('old', 2, 5))
    engine.news()
    expect(engine.receive(arrives('new', 2, 5)).news()).toEqual([
      'anomaly reused-identifier 5',
      'deliver new',
      'send PUBREC#5',
    ])
    expect(engine.receive(pubrel(5)).news()).toEqual(['send PUBCOMP#5'])
  })

  test('with DUP 1 is a copy', () => {
    const engine = lenient().receive(arrives('old', 2, 5))
    engine.news()
    expect(engine.receive(arrives('old', 2, 5, 'dup')).news()).toEqual(['send PUBREC#5'])
  })

  test('with DUP 0 on a connection that has not carried our PUBREC is a copy: some servers send it so', () => {
    const engine = lenient()
      .receive(arrives('old', 2, 5))
      .cut()
      .resume()
    engine.news()
    expect(engine.receive(arrives('old', 2, 5)).news()).toEqual(['send PUBREC#5'])
  })

  test.each([
    ['first', 'done'],
    ['first', 'running'],
    ['dup', 'done'],
    ['dup', 'running'],
  ] as const)(
    'with other content is a new message on any connection: %s, and the handler of the old one is %s',
    (dup, handler) => {
      const engine = lenient({ handlers: 'running' }).receive(arrives('old', 2, 5))
      if (handler === 'done') engine.finish('old')
      engine.cut().resume().news()
      expect(engine.receive(arrives('new', 2, 5, dup)).news()).toEqual(['anomaly reused-identifier 5', 'deliver new'])
      expect(engine.finish('new').news()).toEqual(['send PUBREC#5'])
      expect(engine.receive(pubrel(5)).news()).toEqual(['send PUBCOMP#5'])
    },
  )

  test('with DUP 0 is a copy if an earlier process has handled the message, and its content is not known', () => {
    const stored = { nextSequence: 1, nextPacketId: 1, messages: [], held: [5] }
    const engine = new EngineHarness({ strict: false, stored }).resume()
    engine.news()
    expect(engine.receive(arrives('new', 2, 5)).news()).toEqual(['send PUBREC#5'])
  })

  test.each([
    [1, 2, 'PUBREC'],
    [2, 1, 'PUBACK'],
  ] as const)(
    'at QoS %i and then at QoS %i is a new message; the old handler goes on, unacknowledged',
    (before, after, name) => {
      const engine = lenient({ handlers: 'running' }).receive(arrives('old', before, 5))
      engine.news()
      expect(engine.receive(arrives('new', after, 5)).news()).toEqual(['anomaly reused-identifier 5', 'deliver new'])
      expect(engine.finish('old').news()).toEqual([])
      expect(engine.finish('new').news()).toEqual([`send ${name}#5`])
    },
  )

  test.each(['waiting', 'running', 'done, and not acknowledged'] as const)(
    'at QoS 1 with DUP 0 is a new message, and with DUP 1 a copy: the old one is %s',
    (state) => {
      for (const dup of ['first', 'dup'] as const) {
        const engine = lenient({ handlers: 'running', receiveWindow: state === 'waiting' ? 1 : 3 })
        engine.receive(arrives('before', 1, 4), arrives('old', 1, 5))
        if (state === 'done, and not acknowledged') engine.finish('old')
        engine.receive(arrives('new', 1, 5, dup)).finishAll()
        const news = engine.news()
        expect(news.filter((one) => /^deliver (old|new)/.test(one))).toEqual(
          dup === 'first' ? ['deliver old', 'deliver new'] : ['deliver old'],
        )
        expect(news.filter((one) => one === 'send PUBACK#5')).toHaveLength(1)
      }
    },
  )

  test.each([
    ['waits', 'persistent', 'new', 'delivered'],
    ['waits', 'persistent', 'old', 'a copy'],
    ['runs', 'persistent', 'new', 'delivered'],
    ['runs', 'persistent', 'old', 'a copy'],
    ['waits', 'clean', 'new', 'delivered'],
    ['waits', 'clean', 'old', 'a copy'],
    // The content of a message is not known any more, so DUP decides.
    ['runs', 'clean', 'new', 'delivered'],
  ] as const)(
    'at QoS 2 with DUP 0 while the old one %s (session %s): %s content is %s',
    (place, session, topic, fate) => {
      const engine = lenient({
        handlers: 'running',
        receiveWindow: place === 'waits' ? 1 : 2,
        cleanSession: session === 'clean',
      })
      engine.receive(arrives('before', 2, 4), arrives('old', 2, 5), arrives(topic, 2, 5)).finishAll()
      const news = engine.news()
      expect(news.filter((one) => /^deliver (old|new)/.test(one))).toEqual(
        fate === 'delivered' ? ['deliver old', 'deliver new'] : ['deliver old'],
      )
      expect(news.filter((one) => one === 'send PUBREC#5')).toHaveLength(1)
    },
  )

  test('lets an acknowledgement go that waited behind the old message', () => {
    const engine = lenient({ handlers: 'running' }).receive(arrives('old', 1, 5), arrives('behind', 1, 6))
    engine.finish('behind')
    engine.news()
    expect(engine.receive(arrives('new', 2, 5)).news()).toEqual([
      'send PUBACK#6',
      'anomaly reused-identifier 5',
      'deliver new',
    ])
  })

  test('is noted as released, so that a later process does not hold it', () => {
    const engine = lenient({ journal: 'kept' }).receive(arrives('old', 2, 5), arrives('new', 2, 5))
    expect(engine.records.map(({ kind }) => kind)).toEqual(['held', 'released', 'held'])
  })
})

describe('a message whose Topic Name is no text [MQTT-1.5.3-1]', () => {
  const unnamed = (qos: 1 | 2, packetId: number, dup: 'dup' | 'first' = 'first'): UnnamedPublishPacket<Buffer> => ({
    type: 'unnamed-publish',
    topicBytes: Buffer.of(0xff),
    payload: Buffer.from('x'),
    retain: false,
    qos,
    packetId,
    dup: dup === 'dup',
  })

  test('is acknowledged, and no handler gets it', () => {
    const engine = lenient()
    expect(engine.receiveUnnamed(unnamed(1, 5), unnamed(2, 6)).news()).toEqual(['send PUBACK#5', 'send PUBREC#6'])
    expect(
      engine
        .receiveUnnamed(unnamed(2, 6, 'dup'))
        .receive(pubrel(6))
        .news(),
    ).toEqual(['send PUBREC#6', 'send PUBCOMP#6'])
  })

  test('at QoS 0 leaves nothing behind', () => {
    const { type, topicBytes, payload, retain } = unnamed(1, 5)
    const engine = lenient()
    expect(engine.receiveUnnamed({ type, topicBytes, payload, retain, qos: 0 }).news()).toEqual([])
    expect(engine.session.incoming.isEmpty).toBe(true)
  })

  test('is acknowledged in its turn, behind a message whose handler runs [MQTT-4.6.0-2]', () => {
    const engine = lenient({ handlers: 'running' })
      .receive(arrives('before', 1, 4))
      .receiveUnnamed(unnamed(1, 5))
    expect(engine.news()).toEqual(['deliver before'])
    expect(engine.finish('before').news()).toEqual(['send PUBACK#4', 'send PUBACK#5'])
  })

  test('waits with the others while the window of handlers is full', () => {
    const engine = lenient({ handlers: 'running', receiveWindow: 1 })
    engine
      .receive(arrives('before', 1, 4))
      .receiveUnnamed(unnamed(1, 5))
      .receive(arrives('behind', 1, 6))
    engine.news()
    expect(engine.session.incoming.backlogSize).toBe(2)
    expect(engine.finish('before').news()).toEqual(['send PUBACK#4', 'send PUBACK#5', 'deliver behind'])
  })

  test('is held like any other at QoS 2, so that a copy in a later process is none', () => {
    const engine = lenient({ journal: 'kept' }).receiveUnnamed(unnamed(2, 5))
    expect(engine.records).toEqual([{ kind: 'held', packetId: 5 }])
  })

  test('before CONNACK is a violation [MQTT-3.2.0-1]', () => {
    const engine = new EngineHarness({ strict: false }).open()
    engine.news()
    expect(engine.receiveUnnamed(unnamed(1, 5)).news()).toEqual(['closing before-connack [MQTT-3.2.0-1]'])
    expect(engine.lastError).toMatchObject({
      message: expect.stringContaining('the server sent PUBLISH before CONNACK'),
    })
  })
})
