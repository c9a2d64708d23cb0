/**
 * The whole table of outgoing exchanges: each state against each packet that a server can send. The packet comes on the
 * connection that began the exchange, on a later connection, or while the exchange waits to be sent again.
 */
import { describe, expect, test } from 'vitest'
import type { ControlPacket } from '../../../src/codec/control-packet.js'
import { type AcknowledgementName, type Awaited, nextStep } from '../../../src/protocol/index.js'
import { EngineHarness } from '../engine-harness.js'
import { arrives, connack, pingresp, puback, pubcomp, pubrec, pubrel, suback, unsuback } from '../packet-notation.js'

const states = ['puback', 'pubrec', 'pubcomp', 'suback', 'unsuback', 'nothing'] as const satisfies readonly Awaited[]
const acknowledgements = ['puback', 'pubrec', 'pubcomp', 'suback', 'unsuback'] as const

const packets: Readonly<Record<AcknowledgementName, ControlPacket<Buffer>>> = {
  puback: puback(1),
  pubrec: pubrec(1),
  pubcomp: pubcomp(1),
  suback: suback(1, 0),
  unsuback: unsuback(1),
}

/** An engine in which Packet Identifier 1 has an exchange of this state. */
const reach: Readonly<Record<Awaited, () => EngineHarness>> = {
  puback: () => new EngineHarness().connect().publish('m', 1),
  pubrec: () => new EngineHarness().connect().publish('m', 2),
  pubcomp: () => new EngineHarness().connect().publish('m', 2).receive(pubrec(1)),
  suback: () => new EngineHarness().connect().subscribe('s', 'f'),
  unsuback: () => new EngineHarness().connect().unsubscribe('u', 'f'),
  nothing: () => new EngineHarness().connect(),
}

const wrongToPublish = ['closing wrong-acknowledgement [MQTT-3.3.4-1]']
const wrongToRequest = ['closing wrong-acknowledgement [MQTT-2.3.1-6]']
const notOfRequest = ['closing wrong-acknowledgement [MQTT-2.3.1-7]']
const pubcompTooEarly = ['closing wrong-acknowledgement [MQTT-4.3.3-2]']

/** What the engine does, for each state and packet. */
const cells: Readonly<Record<Awaited, Readonly<Record<AcknowledgementName, readonly string[]>>>> = {
  puback: {
    puback: ['settled m'],
    pubrec: wrongToPublish,
    pubcomp: pubcompTooEarly,
    suback: notOfRequest,
    unsuback: notOfRequest,
  },
  pubrec: {
    puback: ['settled m', ...wrongToPublish],
    pubrec: ['send PUBREL#1'],
    pubcomp: pubcompTooEarly,
    suback: notOfRequest,
    unsuback: notOfRequest,
  },
  pubcomp: {
    puback: wrongToPublish,
    pubrec: ['anomaly repeated-pubrec 1', 'send PUBREL#1'],
    pubcomp: ['settled m'],
    suback: notOfRequest,
    unsuback: notOfRequest,
  },
  suback: {
    puback: wrongToRequest,
    pubrec: wrongToRequest,
    pubcomp: pubcompTooEarly,
    suback: ['answered s: 0'],
    unsuback: notOfRequest,
  },
  unsuback: {
    puback: wrongToRequest,
    pubrec: wrongToRequest,
    pubcomp: pubcompTooEarly,
    suback: notOfRequest,
    unsuback: ['answered u: '],
  },
  nothing: {
    puback: ['anomaly unknown-puback 1'],
    pubrec: ['anomaly unknown-pubrec 1', 'send PUBREL#1'],
    pubcomp: ['anomaly unknown-pubcomp 1'],
    suback: ['closing unknown-suback [MQTT-3.8.4-2]'],
    unsuback: ['anomaly unknown-unsuback 1'],
  },
}

/**
 * Packets that are no answer to a packet of ours. They have the same effect in every state: each side has its own Packet
 * Identifiers.
 */
const elsewhere: readonly (readonly [name: string, ControlPacket<Buffer>, readonly string[]])[] = [
  ['PUBLISH at QoS 0', arrives('in', 0), ['deliver in']],
  ['PUBLISH at QoS 1 with the same identifier', arrives('in', 1, 1), ['deliver in', 'send PUBACK#1']],
  ['PUBLISH at QoS 2 with the same identifier', arrives('in', 2, 1), ['deliver in', 'send PUBREC#1']],
  ['PUBREL with the same identifier', pubrel(1), ['anomaly unknown-pubrel 1', 'send PUBCOMP#1']],
  ['PINGRESP', pingresp, ['anomaly unsolicited-pingresp']],
  ['CONNACK', connack(false), ['closing second-connack [MQTT-3.2.0-1]']],
  [
    'CONNECT',
    { type: 'connect', clientId: 'x', cleanSession: true, keepAlive: 0 },
    ['closing client-only-packet [MQTT-4.8.0-1]'],
  ],
  [
    'SUBSCRIBE',
    { type: 'subscribe', packetId: 1, subscriptions: [{ filter: 'f', qos: 0 }] },
    ['closing client-only-packet [MQTT-4.8.0-1]'],
  ],
  ['UNSUBSCRIBE', { type: 'unsubscribe', packetId: 1, filters: ['f'] }, ['closing client-only-packet [MQTT-4.8.0-1]']],
  ['PINGREQ', { type: 'pingreq' }, ['closing client-only-packet [MQTT-4.8.0-1]']],
  ['DISCONNECT', { type: 'disconnect' }, ['closing client-only-packet [MQTT-4.8.0-1]']],
]

/** Skips the news so far. */
function quiet(engine: EngineHarness): EngineHarness {
  engine.news()
  return engine
}

for (const state of states) {
  describe(`an exchange that awaits ${state} [MQTT-3.3.4-1] [MQTT-2.3.1-6] [MQTT-2.3.1-7] [MQTT-4.3.3-2]`, () => {
    for (const name of acknowledgements) {
      const outcome = cells[state][name]
      const title = outcome.join(', ')
      test(`${name.toUpperCase()}: ${title}`, () => {
        expect(quiet(reach[state]()).receive(packets[name]).news()).toEqual(outcome)
      })
    }
    for (const [name, packet, outcome] of elsewhere) {
      test(`${name}: ${outcome.join(', ')}, and the exchange is as before`, () => {
        const engine = quiet(reach[state]()).receive(packet)
        expect(engine.news()).toEqual(outcome)
        const before = reach[state]().session.table.get(1)
        const lives = state !== 'suback' && state !== 'unsuback'
        const open = lives || engine.session.connection !== undefined
        if (open) expect(engine.session.table.get(1)?.awaits).toBe(before?.awaits)
      })
    }
  })
}

describe('on a resumed connection', () => {
  /** On a later connection a message keeps its identifier. A request gets a new one, which is 2. */
  const resumed = (state: Awaited) => quiet(reach[state]().cut().resume())
  for (const state of ['puback', 'pubrec', 'pubcomp', 'nothing'] as const) {
    for (const name of acknowledgements) {
      test(`${name.toUpperCase()} for an exchange that awaits ${state}: ${cells[state][name].join(', ')}`, () => {
        expect(resumed(state).receive(packets[name]).news()).toEqual(cells[state][name])
      })
    }
  }

  for (const state of ['suback', 'unsuback'] as const) {
    test(`the identifier of a request that awaited ${state} is free, and the request goes out under another`, () => {
      const engine = reach[state]().cut().resume()
      expect(engine.session.table.get(1)).toBeUndefined()
      expect(engine.session.table.get(2)?.awaits).toBe(state)
    })
    for (const name of ['puback', 'pubrec', 'pubcomp', 'unsuback', 'suback'] as const) {
      test(`a late ${name.toUpperCase()} for a request that awaited ${state}: ${cells.nothing[name].join(', ')}`, () => {
        expect(resumed(state).receive(packets[name]).news()).toEqual(cells.nothing[name])
      })
    }
  }
})

describe('on a resumed connection, for an exchange that still waits to be sent again', () => {
  /** The window has one place, which the message before `m` takes. So `m`, with identifier 2, is not sent again yet. */
  const waiting = (qos: 1 | 2, before: 'pubrec' | 'pubcomp' | 'puback') => {
    const engine = new EngineHarness({ maxInFlight: 1, stored: storedBehindWindow(qos, before === 'pubcomp') })
    return quiet(engine.resume())
  }

  test('PUBACK settles it, and it is not sent again', () => {
    const engine = waiting(1, 'puback')
    expect(engine.receive(puback(2)).news()).toEqual(['settled m'])
    expect(engine.receive(puback(1)).news()).toEqual(['settled first'])
  })

  test('PUBREC is answered with PUBREL, and the PUBLISH is not sent again', () => {
    const engine = waiting(2, 'pubrec')
    expect(engine.receive(pubrec(2)).news()).toEqual(['send PUBREL#2'])
    expect(engine.receive(puback(1), pubcomp(2)).news()).toEqual(['settled first', 'settled m'])
  })

  test('PUBREC for it is watched by ackTimeoutMs like any other exchange', () => {
    const engine = new EngineHarness({ maxInFlight: 1, stored: threeBehindWindow })
    engine.resume().receive(pubrec(2)).receive(puback(1)).news()
    expect(engine.pass(20_000).news()).toEqual(['closing MQTT_TIMEOUT acknowledgement'])
  })

  test('PUBCOMP settles it', () => {
    const engine = waiting(2, 'pubcomp')
    expect(engine.receive(pubcomp(2)).news()).toContain('settled m')
  })
})

const message = (sequence: number, topic: string, qos: 1 | 2, received = false) => ({
  sequence,
  topic,
  payload: Buffer.from(topic),
  qos,
  retain: false,
  binding: { packetId: sequence, received },
})
function storedBehindWindow(qos: 1 | 2, received: boolean) {
  const first = message(1, 'first', 1)
  const m = message(2, 'm', qos, received)
  return { nextSequence: 3, nextPacketId: 3, messages: received ? [m, first] : [first, m], held: [] }
}
const threeBehindWindow = {
  nextSequence: 4,
  nextPacketId: 4,
  messages: [message(1, 'first', 1), message(2, 'm', 2), message(3, 'last', 1)],
  held: [],
}

describe('nextStep', () => {
  const says = {
    settle: /^(settled|answered)/,
    'settle-at-qos-1': /^settled/,
    release: /^send PUBREL/,
    'release-again': /^anomaly (repeated|unknown)-pubrec/,
    ignore: /^anomaly unknown/,
    'unknown-suback': /^closing unknown-suback/,
    'wrong-acknowledgement': /^closing wrong-acknowledgement/,
  } as const
  for (const state of states) {
    for (const name of acknowledgements) {
      test(`says of ${name} for ${state} what the engine does`, () => {
        const step = nextStep(state, name)
        expect(says).toHaveProperty(step)
        expect(cells[state][name][0]).toMatch(says[step])
      })
    }
  }
})
