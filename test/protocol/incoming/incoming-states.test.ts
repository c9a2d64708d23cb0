/**
 * The table of incoming Packet Identifiers in full: each state against PUBLISH at QoS 1 and 2, first and with DUP, and
 * PUBREL; on the connection that carried the message, on one that resumed the session, and after the session was lost.
 *
 * The message `m` has identifier 5. If `m` has to wait for another message, that one is `blocker` (identifier 9, the same QoS),
 * which came before. The packet that the server sends then has the topic `copy`, so a second delivery can be seen. A copy at QoS 2 is `m`
 * again: other content would mean another message.
 */
import { describe, expect, test } from 'vitest'
import type { ControlPacket } from '../../../src/codec/control-packet.js'
import { EngineHarness } from '../engine-harness.js'
import { arrives, connack, pubrel } from '../packet-notation.js'

type State = 'waiting' | 'running' | 'done, not acknowledged'

interface Cell {
  /** What happens when the packet comes. */
  readonly at: readonly string[]
  /** What happens when all handlers end, the blocker's first. */
  readonly after: readonly string[]
}

const inputs = (topicAtQos2: 'm' | 'copy'): Readonly<Record<string, ControlPacket<Buffer>>> => ({
  'PUBLISH at QoS 1': arrives('copy', 1, 5),
  'PUBLISH at QoS 1 with DUP 1': arrives('copy', 1, 5, 'dup'),
  'PUBLISH at QoS 2': arrives(topicAtQos2, 2, 5),
  'PUBLISH at QoS 2 with DUP 1': arrives(topicAtQos2, 2, 5, 'dup'),
  PUBREL: pubrel(5),
})

/** `qos1New` and `qos2New` are for a PUBLISH with DUP 0, if that is not treated as a copy. */
type Row = Readonly<Record<'qos1' | 'qos2' | 'pubrel', Cell>> & { readonly qos1New?: Cell; readonly qos2New?: Cell }

function reach(state: State | 'held', qos: 1 | 2): EngineHarness {
  const engine = new EngineHarness({ handlers: 'running', receiveWindow: state === 'waiting' ? 1 : 2 }).connect()
  if (state === 'waiting' || state === 'done, not acknowledged') engine.receive(arrives('blocker', qos, 9))
  engine.receive(arrives('m', qos, 5))
  if (state === 'done, not acknowledged' || state === 'held') engine.finish('m')
  engine.news()
  return engine
}

function cellOf(row: Row, packet: ControlPacket): Cell {
  if (packet.type !== 'publish') return row.pubrel
  if (packet.qos !== 2) return packet.qos === 1 && packet.dup ? row.qos1 : (row.qos1New ?? row.qos1)
  return packet.dup ? row.qos2 : (row.qos2New ?? row.qos2)
}

function check(title: string, row: Row, reached: () => EngineHarness): void {
  const isNew = [...row.qos2.at, ...row.qos2.after].includes('deliver copy')
  for (const [name, packet] of Object.entries(inputs(isNew ? 'copy' : 'm'))) {
    const { at, after } = cellOf(row, packet)
    test(`${name}, ${title}: ${at.join(', ') || 'nothing'}; then ${after.join(', ') || 'nothing'}`, () => {
      const engine = reached().receive(packet)
      expect(engine.news()).toEqual(at)
      expect(engine.finishAll().news()).toEqual(after)
    })
  }
}

const inUse = (...after: string[]): Cell => ({ at: ['closing identifier-in-use [MQTT-2.3.1-4]'], after })
const joins = (...after: string[]): Cell => ({ at: [], after })
const early = (...after: string[]): Cell => ({ at: ['anomaly early-pubrel 5', 'send PUBCOMP#5'], after })
const stranger = (...after: string[]): Cell => ({ at: ['anomaly unknown-pubrel 5', 'send PUBCOMP#5'], after })

const unknown: Row = {
  qos1: { at: ['deliver copy'], after: ['send PUBACK#5'] },
  qos2: { at: ['deliver copy'], after: ['send PUBREC#5'] },
  pubrel: stranger(),
}
const held: Row = {
  qos1: inUse(),
  qos2: { at: ['send PUBREC#5'], after: [] },
  pubrel: { at: ['send PUBCOMP#5'], after: [] },
}

describe('an identifier that is not in use [MQTT-4.3.3-2]', () => {
  check('first', unknown, () => {
    const engine = new EngineHarness({ handlers: 'running' }).connect()
    engine.news()
    return engine
  })
})

describe('an identifier at QoS 2, on the same connection [MQTT-4.3.3-2]', () => {
  const rows: Readonly<Record<State | 'held', Row>> = {
    waiting: {
      qos1: inUse(),
      qos2: joins('send PUBREC#9', 'deliver m', 'send PUBREC#5'),
      pubrel: early('send PUBREC#9', 'deliver m'),
    },
    running: { qos1: inUse(), qos2: joins('send PUBREC#5'), pubrel: early() },
    'done, not acknowledged': {
      qos1: inUse(),
      qos2: joins('send PUBREC#9', 'send PUBREC#5'),
      pubrel: early('send PUBREC#9'),
    },
    held: { ...held, qos2New: inUse() },
  }
  for (const state of ['waiting', 'running', 'done, not acknowledged', 'held'] as const) {
    check(state, rows[state], () => reach(state, 2))
  }
})

describe('an identifier at QoS 1, on the same connection [MQTT-4.3.2-2]', () => {
  const rows: Readonly<Record<State, Row>> = {
    waiting: {
      qos1: joins('send PUBACK#9', 'deliver m', 'send PUBACK#5'),
      qos1New: inUse(),
      qos2: inUse(),
      pubrel: stranger('send PUBACK#9', 'deliver m', 'send PUBACK#5'),
    },
    running: { qos1: joins('send PUBACK#5'), qos1New: inUse(), qos2: inUse(), pubrel: stranger('send PUBACK#5') },
    'done, not acknowledged': {
      qos1: joins('send PUBACK#9', 'send PUBACK#5'),
      qos1New: inUse(),
      qos2: inUse(),
      pubrel: stranger('send PUBACK#9', 'send PUBACK#5'),
    },
  }
  for (const state of ['waiting', 'running', 'done, not acknowledged'] as const) {
    check(state, rows[state], () => reach(state, 1))
  }
  check('acknowledged', unknown, () => {
    const engine = reach('running', 1).finish('m')
    engine.news()
    return engine
  })
})

describe('an identifier at QoS 2, on a connection that resumed the session [MQTT-4.3.3-2]', () => {
  /**
   * The handler of `blocker` still runs and takes a place in the window. Its acknowledgement ended with the first
   * connection.
   */
  const rows: Readonly<Record<State | 'held', Row>> = {
    waiting: {
      qos1: { at: [], after: ['deliver copy', 'send PUBACK#5'] },
      qos2: { at: [], after: ['deliver copy', 'send PUBREC#5'] },
      pubrel: stranger(),
    },
    running: { qos1: inUse(), qos2: joins('send PUBREC#5'), pubrel: early() },
    'done, not acknowledged': held,
    held,
  }
  for (const state of ['waiting', 'running', 'done, not acknowledged', 'held'] as const) {
    check(state, rows[state], () => {
      const engine = reach(state, 2).cut().resume()
      engine.news()
      return engine
    })
  }
})

describe('an identifier at QoS 1, on a connection that resumed the session [MQTT-4.3.2-2]', () => {
  const queued: Row = {
    qos1: { at: [], after: ['deliver copy', 'send PUBACK#5'] },
    qos2: { at: [], after: ['deliver copy', 'send PUBREC#5'] },
    pubrel: stranger(),
  }
  const rows: Readonly<Record<State, Row>> = { waiting: queued, running: unknown, 'done, not acknowledged': unknown }
  for (const state of ['waiting', 'running', 'done, not acknowledged'] as const) {
    check(state, rows[state], () => {
      const engine = reach(state, 1).cut().resume()
      engine.news()
      return engine
    })
  }
})

describe('an identifier after the server lost the session [MQTT-3.2.2-3]', () => {
  for (const state of ['running', 'done, not acknowledged', 'held'] as const) {
    for (const qos of [1, 2] as const) {
      if (qos === 1 && state === 'held') continue
      // PUBREL for a message at QoS 2 that was handled is expected from a server that goes on with its session all the same.
      const row = qos === 1 ? unknown : { ...unknown, pubrel: { at: ['send PUBCOMP#5'], after: [] } }
      check(`QoS ${qos}, ${state}`, row, () => {
        const engine = reach(state, qos).cut().connect()
        engine.news()
        return engine
      })
    }
  }
})

describe('an identifier after a clean session ended with its connection [MQTT-3.1.2-6]', () => {
  for (const qos of [1, 2] as const) {
    check(`QoS ${qos}, running`, unknown, () => {
      const engine = new EngineHarness({ cleanSession: true, handlers: 'running' }).connect()
      engine
        .receive(arrives('m', qos, 5))
        .cut()
        .connect()
        .news()
      return engine
    })
  }
})

describe('an identifier that the server took for a second message [MQTT-2.3.1-4]', () => {
  test('is forgotten, so that the next connection does not fail for the same reason', () => {
    const engine = reach('held', 2).receive(arrives('copy', 1, 5))
    expect(engine.news()).toEqual(['closing identifier-in-use [MQTT-2.3.1-4]'])
    engine.open().receive(connack(true), arrives('copy', 1, 5, 'dup'))
    expect(engine.finishAll().news()).toEqual(['send CONNECT', 'connected resumed', 'deliver copy', 'send PUBACK#5'])
  })
})

describe('an identifier of a held message, on which another message comes at QoS 2 [MQTT-2.3.1-4]', () => {
  test.each(['first', 'dup'] as const)('ends the connection, also if that has resumed the session: %s', (dup) => {
    const engine = reach('held', 2).cut().resume()
    engine.news()
    expect(engine.receive(arrives('copy', 2, 5, dup)).news()).toEqual(['closing identifier-in-use [MQTT-2.3.1-4]'])
  })
})

describe('an early PUBREL', () => {
  test('lets the acknowledgements behind it go at once', () => {
    const engine = new EngineHarness({ handlers: 'running' }).connect()
    engine
      .receive(arrives('slow', 2, 5), arrives('quick', 2, 6))
      .finish('quick')
      .news()
    expect(engine.receive(pubrel(5)).sent()).toEqual(['PUBREC#6', 'PUBCOMP#5'])
  })

  test('frees the identifier for a new message, which is not acknowledged before its own handlers are done', () => {
    const engine = new EngineHarness({ handlers: 'running' }).connect()
    engine.receive(arrives('blocker', 2, 9), arrives('m', 2, 5)).finish('m')
    engine.receive(pubrel(5), arrives('next', 2, 5)).news()
    expect(engine.finish('blocker').sent()).toEqual(['PUBREC#9'])
    expect(engine.finish('next').sent()).toEqual(['PUBREC#5'])
  })
})
