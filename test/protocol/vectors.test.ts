/**
 * The vectors that a decoder cannot judge: well-formed packets that a server sends at the wrong time, and packets that look
 * wrong and are legal. Each row of the file is given to the engine as bytes. A row without an entry in this file fails.
 */
import { describe, expect, test } from 'vitest'
import { cell, expandHex, type Row, readVectors } from '../../fixtures/vectors/vector-file.js'
import { encodePacket, MalformedPacketError, PacketDecoder } from '../../src/codec/index.js'
import { EngineHarness } from './engine-harness.js'
import { arrives, connack, puback, pubrec, suback, unsuback } from './packet-notation.js'

interface Played {
  /** Brings the engine to where the row begins. */
  readonly from: () => EngineHarness
  /** All that happens. The last line is `closing ...` where the connection ends. */
  readonly news: readonly string[]
}

const connected = () => new EngineHarness().connect()
const connecting = () => new EngineHarness().open()
const beforeConnack: Played = { from: connecting, news: ['closing before-connack [MQTT-3.2.0-1]'] }
const clientOnly: Played = { from: connected, news: ['closing client-only-packet [MQTT-4.8.0-1]'] }
/** The message of the vectors: without a payload. */
const emptyA = { ...arrives('a', 2, 5), payload: Buffer.alloc(0) }
const subscribing = () => connected().subscribe('s', 'a')
const unsubscribing = () => connected().unsubscribe('u', 'a')
const wrongAcknowledgement = (statement: string) => [`closing wrong-acknowledgement [${statement}]`]

const plays: Readonly<Record<string, Played>> = {
  'before-connack-publish-qos0': beforeConnack,
  'before-connack-publish-qos2': beforeConnack,
  'before-connack-puback': beforeConnack,
  'before-connack-pubrec': beforeConnack,
  'before-connack-pubcomp': beforeConnack,
  'before-connack-unsuback': beforeConnack,
  'before-connect-connack': { from: () => new EngineHarness().dial(), news: beforeConnack.news },
  'connack-sp1-after-clean': {
    from: () => new EngineHarness({ cleanSession: true }).open(),
    news: ['closing session-present-after-clean-session [MQTT-3.2.2-1]'],
  },
  'connack-two-in-one-chunk': { from: connecting, news: ['connected new', 'closing second-connack [MQTT-3.2.0-1]'] },
  'connack-sp1-without-client-state': {
    from: () => connecting().publish('m', 1),
    news: ['send PUBLISH#30000 m q1', 'connected resumed'],
  },
  'suback-unknown-id': { from: subscribing, news: ['closing unknown-suback [MQTT-3.8.4-2]'] },
  'suback-for-unsubscribe': { from: unsubscribing, news: wrongAcknowledgement('MQTT-2.3.1-7') },
  'suback-grants-more-than-requested': { from: subscribing, news: ['answered s: 2'] },
  'unsuback-unknown-id': { from: unsubscribing, news: ['anomaly unknown-unsuback 2'] },
  'unsuback-twice': { from: () => unsubscribing().receive(unsuback(1)), news: ['anomaly unknown-unsuback 1'] },
  'puback-after-pubrec': {
    from: () => connected().publish('m', 2).receive(pubrec(1)),
    news: wrongAcknowledgement('MQTT-3.3.4-1'),
  },
  'puback-for-qos2': {
    from: () => connected().publish('m', 2),
    news: ['settled m', ...wrongAcknowledgement('MQTT-3.3.4-1')],
  },
  'pubrec-for-qos1': { from: () => connected().publish('m', 1), news: wrongAcknowledgement('MQTT-3.3.4-1') },
  'pubcomp-before-pubrec': { from: () => connected().publish('m', 2), news: wrongAcknowledgement('MQTT-4.3.3-2') },
  'puback-for-subscribe': { from: subscribing, news: wrongAcknowledgement('MQTT-2.3.1-6') },
  'pubrec-for-subscribe': { from: subscribing, news: wrongAcknowledgement('MQTT-2.3.1-6') },
  'puback-unknown-id': { from: connected, news: ['anomaly unknown-puback 7'] },
  'pubcomp-unknown-id': { from: connected, news: ['anomaly unknown-pubcomp 7'] },
  'pubrec-again-while-awaiting-pubcomp': {
    from: () => connected().publish('m', 2).receive(pubrec(1)),
    news: ['anomaly repeated-pubrec 1', 'send PUBREL#1'],
  },
  'publish-qos1-on-open-qos2-id': {
    from: () => connected().receive(arrives('a', 2, 5)),
    news: ['closing identifier-in-use [MQTT-2.3.1-4]'],
  },
  'pingresp-unsolicited': { from: connected, news: ['anomaly unsolicited-pingresp'] },
  'after-disconnect-publish': { from: () => connected().disconnect(), news: [] },
  'publish-unknown-dup-while-disconnecting': { from: () => connected().receive(connack(false)), news: [] },
  'ok-publish-qos2-repeat': { from: () => connected().receive(emptyA), news: ['send PUBREC#5'] },
  // For a strict session, DUP 0 after PUBREC means a new message, and its identifier is still in use.
  'ok-publish-qos2-repeat-dup0': {
    from: () => connected().receive(arrives('a', 2, 5)),
    news: ['closing identifier-in-use [MQTT-2.3.1-4]'],
  },
  'ok-publish-qos2-dup-first-seen': { from: connected, news: ['deliver a', 'send PUBREC#5'] },
  'ok-publish-qos1-dup-after-puback': {
    from: () => connected().receive(arrives('a', 1, 5)),
    news: ['deliver a', 'send PUBACK#5'],
  },
  'ok-publish-right-after-connack': {
    from: connecting,
    news: ['connected resumed', 'deliver a', 'send PUBACK#1'],
  },
  'ok-publish-after-unsuback': { from: () => unsubscribing().receive(unsuback(1)), news: ['deliver a'] },
  'ok-publish-retain-on-live-subscription': {
    from: () => subscribing().receive(suback(1, 0)),
    news: ['deliver a retain'],
  },
  'ok-suback-out-of-order': {
    from: () => connected().subscribe('one', 'a').subscribe('two', 'b'),
    news: ['answered two: 0', 'answered one: 0'],
  },
  'direction-connect': clientOnly,
  'direction-subscribe': clientOnly,
  'direction-pingreq': clientOnly,
  'direction-disconnect': clientOnly,
}

const lenient = (settings: { readonly cleanSession?: boolean } = {}) =>
  new EngineHarness({ strict: false, ...settings })

/** Those of them that have one safe reading, which a session takes that is not strict. */
const readings: Readonly<Record<string, Played>> = {
  'connack-sp1-after-clean': {
    from: () => lenient({ cleanSession: true }).open(),
    news: ['anomaly session-present-after-clean-session', 'connected new'],
  },
  'suback-unknown-id': {
    from: () => lenient().connect().subscribe('s', 'a'),
    news: ['anomaly unknown-suback 2'],
  },
  'puback-for-qos2': {
    from: () => lenient().connect().publish('m', 2),
    news: ['settled m', 'anomaly puback-at-qos-2 1'],
  },
  'publish-qos1-on-open-qos2-id': {
    from: () =>
      lenient()
        .connect()
        .receive(arrives('a', 2, 5)),
    news: ['anomaly reused-identifier 5', 'deliver a', 'send PUBACK#5'],
  },
  'ok-publish-qos2-repeat-dup0': {
    from: () =>
      lenient()
        .connect()
        .receive(arrives('a', 2, 5)),
    news: ['anomaly reused-identifier 5', 'deliver a', 'send PUBREC#5'],
  },
}

const isOfSession = (row: Row) =>
  cell(row, 'layer') === 'session' && (cell(row, 'category') === 'state' || cell(row, 'category') === 'accept')
const isOfDirection = (row: Row) => cell(row, 'name').startsWith('direction-')

const rows = readVectors('malformed.csv')
const tail = encodePacket(arrives('tail', 1, 77))

describe('a packet at the wrong time [MQTT-4.8.0-1]', () => {
  test('every entry has its row', () => {
    const names = new Set(rows.map((row) => cell(row, 'name')))
    expect(Object.keys(plays).filter((name) => !names.has(name))).toEqual([])
  })

  for (const row of rows) {
    if (!isOfSession(row) && !isOfDirection(row)) continue
    const name = cell(row, 'name')
    const bytes = expandHex(cell(row, 'hex'))
    if (isOfDirection(row) && cell(row, 'fault') !== '') {
      test(`${name}: the decoder refuses it before the engine could`, () => {
        expect(() => new PacketDecoder().decode(bytes)).toThrow(MalformedPacketError)
      })
      continue
    }
    test(`${name}: ${cell(row, 'reason')}`, () => {
      const played = plays[name]
      if (played === undefined) throw new Error('this row has no entry')
      const engine = played.from()
      engine.news()
      const packets = new PacketDecoder().decode(Buffer.concat([bytes, tail]))
      const closes = played.news.at(-1)?.startsWith('closing') || engine.session.connection === undefined
      engine.receive(...packets)
      // Packets after a fault are not read. After anything else they are.
      expect(engine.news()).toEqual(closes ? played.news : [...played.news, 'deliver tail', 'send PUBACK#77'])
      expect(engine.packets.some(({ type }) => type === 'disconnect')).toBe(name === 'after-disconnect-publish')
      if (!closes) return
      expect(engine.connection.phase).toBe('closed')
      expect(engine.session.nextDeadline()).toBe(Infinity)
      // The fault has not harmed the session.
      engine.connect().news()
      expect(engine.publish('after', 1).news()).toHaveLength(1)
      expect(engine.receive(puback(engine.session.table.identifiers.cursor - 1)).news()).toEqual(['settled after'])
    })
  }
})

describe('a packet at the wrong time that has one safe reading', () => {
  test.each(Object.entries(readings))(
    '%s: is read so, and what stands behind it is looked at',
    (name, { from, news }) => {
      const row = rows.find((one) => cell(one, 'name') === name)
      const engine = from()
      engine.news()
      const bytes = expandHex(cell(row ?? {}, 'hex'))
      engine.receive(...new PacketDecoder().decode(Buffer.concat([bytes, tail])))
      expect(engine.news()).toEqual([...news, 'deliver tail', 'send PUBACK#77'])
    },
  )
})

describe('what an application may not do', () => {
  test('pub-before-connect: a message waits until CONNECT was answered [MQTT-3.1.0-1]', () => {
    const engine = new EngineHarness().publish('early', 0).dial()
    expect(engine.publish('dialling', 1).sent()).toEqual([])
    engine.connection.open(engine.now)
    expect(engine.publish('connecting', 2).sent()).toEqual(['CONNECT'])
    engine.receive(connack(false))
    expect(engine.sent()).toEqual(['PUBLISH early q0', 'PUBLISH#1 dialling q1', 'PUBLISH#2 connecting q2'])
  })

  test('pub-after-disconnect: nothing follows DISCONNECT on its connection [MQTT-3.14.4-2]', () => {
    const engine = new EngineHarness({ handlers: 'running', keepAlive: 10 }).connect().receive(arrives('in', 1, 1))
    const { connection } = engine
    engine.news()
    expect(engine.disconnect().sent()).toEqual(['DISCONNECT'])
    engine.publish('zero', 0).publish('one', 1).subscribe('s', 'f').finish('in').pass(60_000)
    connection.pump(engine.now)
    connection.tick(engine.now)
    connection.disconnect()
    engine.receive(arrives('in', 2, 2))
    expect(engine.sent()).toEqual([])
    expect(connection.phase).toBe('closed')
  })

  test('a QoS 0 message cannot go straight to the wire after DISCONNECT [MQTT-3.14.4-2]', () => {
    const engine = new EngineHarness().connect().disconnect()
    const draft = { topic: 'm', payload: Buffer.alloc(0), qos: 0, retain: false } as const
    expect(engine.session.sendAtOnce(draft)).toBe(false)
  })
})
