/** The exploration is worth something only if it finds faults. Each of these is put in on purpose, and found. */
import { describe, expect, it } from 'vitest'
import { type Configuration, configuration } from './configuration/configuration.js'
import { small } from './configuration/configurations.js'
import type { Fault } from './configuration/faults.js'
import { smallSuspected } from './configuration/suspect-configurations.js'
import { type Exploration, explore } from './search/explorer.js'
import { printedTrace } from './search/trace.js'

interface Case {
  readonly fault: Fault
  readonly rule: string
  readonly within: Configuration
}

const loss = { cuts: 1, crashes: 1, losses: 1 }

/** What the faults do to messages; packets that break a rule on the way to that are not judged. */
const outcomes: readonly Case[] = [
  {
    fault: 'forgets received identifiers',
    rule: 'the handler of in/0 started once too often',
    within: configuration('one message in, one cut', { incoming: [2], mishaps: { cuts: 1 } }),
  },
  {
    fault: 'takes a new message for a copy after a lost session',
    rule: 'at rest: in/1 was never handled',
    within: configuration('two messages in, one lost session', { incoming: [2, 2], mishaps: { cuts: 1, losses: 1 } }),
  },
  {
    fault: 'takes a message that was cut for a copy',
    rule: 'at rest: in/1 was never handled',
    within: configuration('two messages in, one lost session, two cuts', {
      incoming: [2, 2],
      mishaps: { cuts: 2, losses: 1 },
    }),
  },
  {
    fault: 'sends PUBLISH after PUBREL',
    rule: 'the server owns out/0 once too often',
    within: configuration('one message out, one cut', { outgoing: [2], mishaps: { cuts: 1 } }),
  },
  {
    fault: 'resends in the order of identifiers',
    rule: 'out/0 reached the server for the first time after out/1 [MQTT-4.6.0-1]',
    within: configuration('two messages out, at the wrap', {
      outgoing: [1, 1],
      firstPacketId: 65_535,
      mishaps: { cuts: 1 },
    }),
  },
  {
    fault: 'passes a message that is struck',
    rule: 'out/1 reached the server for the first time after out/2 [MQTT-4.6.0-1]',
    within: configuration('a message at which the server closes, one cut', {
      outgoing: [1, 1, 1],
      cutsAre: 'cut',
      poison: 0,
      abandonAfter: 5,
      mishaps: { cuts: 1 },
    }),
  },
  {
    fault: 'answers PUBCOMP with PUBREL',
    rule: 'without any further mishap this can go on for ever',
    within: configuration('one message out', { outgoing: [2] }),
  },
  {
    fault: 'journal without abandoned',
    rule: 'PUBLISH out/0 (QoS 1, identifier 1, DUP 1), but the message is abandoned',
    within: configuration('a message at which the server closes, one crash', {
      outgoing: [1, 1],
      cutsAre: 'cut',
      poison: 0,
      abandonAfter: 2,
      mishaps: { crashes: 1 },
    }),
  },
  {
    fault: 'journal without queued',
    rule: 'at rest: out/0 is accepted',
    within: configuration('one message out, one crash', { outgoing: [1], mishaps: { crashes: 1 } }),
  },
  {
    fault: 'journal without bound',
    rule: 'the server owns out/0 once too often',
    within: configuration('one message out, one crash', { outgoing: [2], mishaps: { crashes: 1 } }),
  },
  {
    fault: 'journal without received',
    rule: 'the server owns out/0 once too often',
    within: configuration('one message out, one crash', { outgoing: [2], mishaps: { crashes: 1 } }),
  },
  {
    fault: 'journal without held',
    rule: 'the handler of in/0 started once too often',
    within: configuration('one message in, one crash', { incoming: [2], mishaps: { crashes: 1 } }),
  },
  {
    fault: 'journal without released',
    rule: 'at rest: in/1 was never handled',
    within: configuration('two messages in, one crash', { incoming: [2, 2], mishaps: { crashes: 1 } }),
  },
  {
    fault: 'journal without forgotten',
    rule: 'at rest: in/1 was never handled',
    within: configuration('two messages in, one lost session, one crash', { incoming: [2, 2], mishaps: loss }),
  },
  {
    fault: 'journal without forgotten',
    rule: 'out/0 was settled, but the server does not own it',
    within: configuration('one message out, one lost session, one crash', {
      outgoing: [2],
      serverTakes: 'at-pubrel',
      mishaps: loss,
    }),
  },
]

const narrow = { receiveWindow: 1, receiveBufferBytes: 1, receiveBufferMaxBytes: 1_000 }
const narrowest = { ...narrow, receiveBufferMaxBytes: 2 }
const awaitsMessage = { outgoing: [1], handlersAwait: 'own messages' } as const

/** Faults in what is read and kept while a handler runs, and others wait for it. */
const reading: readonly Case[] = [
  {
    fault: 'counts no messages as open',
    rule: 'at rest: out/0 is accepted',
    within: configuration('a handler that awaits its message', { ...awaitsMessage, incoming: [1, 1], ...narrow }),
  },
  {
    fault: 'counts no requests as open',
    rule: 'subscribe is given up, although its answer is there to be read',
    within: configuration('a handler that awaits its SUBSCRIBE', {
      subscribes: true,
      handlersAwait: 'subscription',
      incoming: [1, 1],
      ...narrow,
    }),
  },
  {
    fault: 'counts no pings as open',
    rule: 'at rest: in/0 was never handled',
    within: configuration('a handler that awaits its ping', {
      pings: true,
      handlersAwait: 'ping',
      incoming: [1, 1],
      ...narrow,
    }),
  },
  {
    fault: 'counts pings of Keep Alive as open',
    rule: 'a full backlog does not end the reading, although nothing of ours is open',
    within: configuration('a slow subscriber', {
      incoming: [0, 0, 0],
      keepAlive: 10,
      mishaps: { waits: 2 },
      ...narrow,
    }),
  },
  {
    fault: 'stops reading at the bound',
    rule: 'at rest: out/0 is accepted',
    within: configuration('a handler that awaits its message', { ...awaitsMessage, incoming: [1, 1], ...narrow }),
  },
  {
    fault: 'has no patience',
    rule: 'a full backlog does not end the reading, although no handler has had any time',
    within: configuration('a message of ours beside a slow handler', { outgoing: [1], incoming: [1, 1], ...narrow }),
  },
  {
    fault: 'stops reading at the upper bound',
    rule: 'at rest: out/0 is accepted',
    within: configuration('behind both bounds', { ...awaitsMessage, incoming: [1, 1, 1], ...narrowest }),
  },
  {
    fault: 'sheds at once',
    rule: 'in/2 is not kept, although there is room for it',
    within: configuration('behind the bound', { ...awaitsMessage, incoming: [1, 1, 1], ...narrow }),
  },
  {
    fault: 'keeps what comes behind a gap',
    rule: 'the handler of in/2 first starts after that of in/3',
    within: configuration('behind both bounds', { ...awaitsMessage, incoming: [1, 1, 1, 1], ...narrowest }),
  },
  {
    fault: 'fills no gap',
    rule: 'at rest: in/2 was never handled',
    within: configuration('behind both bounds', { ...awaitsMessage, incoming: [1, 1, 1], ...narrowest }),
  },
]

/** More PINGREQs than a connection may have beside Keep Alive. */
const nudging: readonly Case[] = [
  {
    fault: 'nudges after each millisecond of silence',
    rule: 'a third nudge is sent, although nothing has come since the first one',
    within: configuration('two messages out, late answers', { nudge: true, outgoing: [1, 1], mishaps: { waits: 4 } }),
  },
]

const careful = { cutsAre: 'cut' } as const
const poisoned = { ...careful, poison: 0, abandonAfter: 5 }

/** Faults in what becomes of a parked message, and of the others on its topic. */
const parking: readonly Case[] = [
  {
    fault: 'turns the order of the topic of a parked message round',
    rule: 'out/1 reached the server for the first time after out/2 [MQTT-4.6.0-1]',
    within: configuration('three on one topic, and the server closes at the first', {
      ...poisoned,
      outgoing: [1, 1, 1],
      sameTopic: [0, 1, 2],
    }),
  },
  ...smallSuspected.map((within) => ({
    fault: 'passes the topic of a message that is struck' as const,
    rule: 'out/0 reached the server for the first time after out/2 [MQTT-4.6.0-1]',
    within,
  })),
  {
    fault: 'gives a parked message a new identifier',
    rule: 'the server owns out/0 once too often',
    within: configuration('one message out: the server closes until it is parked, and a cut', {
      ...careful,
      outgoing: [2],
      mishaps: { closings: 4, cuts: 1 },
    }),
  },
  {
    fault: 'forgets a message when it parks it',
    rule: 'at rest: out/1 is accepted',
    within: configuration('two on one topic: the server closes until one is parked', {
      ...careful,
      outgoing: [1, 1],
      sameTopic: [0, 1],
      mishaps: { closings: 5 },
    }),
  },
]

/** Messages pass others that are not parked, or not any more: the server alone cannot know that. */
const passing: readonly Case[] = [
  {
    fault: 'passes the topic of a parked message after an answer',
    rule: 'PUBLISH out/3 (QoS 1, identifier 4, DUP 1) is written before out/2, which is not parked [MQTT-4.6.0-1]',
    within: configuration('two of four on one topic, and the server closes at the first', {
      ...poisoned,
      outgoing: [1, 1, 1, 1],
      sameTopic: [0, 2],
    }),
  },
  ...smallSuspected.map((within) => ({
    fault: 'moves parked messages before all others' as const,
    rule: 'PUBLISH out/2 (QoS 1, identifier 3, DUP 1) is written before out/1, which is not parked [MQTT-4.6.0-1]',
    within,
  })),
]

/** The same faults, seen by the first packet or handler that breaks a rule. */
const rules: readonly Case[] = [
  {
    fault: 'sends PUBLISH after PUBREL',
    rule: 'PUBLISH out/0 (QoS 2, identifier 1, DUP 1) after PUBREL [MQTT-4.3.3-1]',
    within: configuration('one message out, one cut', { outgoing: [2], mishaps: { cuts: 1 } }),
  },
  {
    fault: 'journal without bound',
    rule: 'PUBLISH out/0 (QoS 2, identifier 1, DUP 0): DUP says whether it may have been written before [MQTT-3.3.1-1] [MQTT-3.3.1-2]',
    within: configuration('one message out, one crash', { outgoing: [2], mishaps: { crashes: 1 } }),
  },
  {
    fault: 'journal without released',
    rule: 'PUBREC 1 is written before the handler of in/1 is done',
    within: configuration('two messages in, one crash', { incoming: [2, 2], mishaps: { crashes: 1 } }),
  },
]

const keyOf = (within: Configuration) => JSON.stringify({ ...within, name: '' })

/** `exploration.test.ts` claims of the small ones that nothing is broken in them. */
const exploredElsewhere = new Set([...small, ...smallSuspected].map(keyOf))
const brokenWithin = new Map<string, Exploration['broken']>()

/** The rule that is broken in a configuration without any fault, every rule judged. Each is explored once. */
function brokenWithoutFault(within: Configuration): Exploration['broken'] {
  const key = keyOf(within)
  if (!exploredElsewhere.has(key) && !brokenWithin.has(key)) brokenWithin.set(key, explore(within).broken)
  return brokenWithin.get(key)
}

describe('a fault put in on purpose loses, doubles or disorders a message or never ends, and is found', () => {
  it.each([...outcomes, ...parking])('$fault: $rule', ({ fault, rule, within }) => {
    expect(explore({ ...within, fault, judged: 'outcomes' }).broken?.rule).toBe(rule)
    expect(brokenWithoutFault(within)).toBeUndefined()
  })
})

describe('a fault put in on purpose makes a handler wait for ever, loses a message or reads too much, and is found', () => {
  it.each(reading)('$fault: $rule', ({ fault, rule, within }) => {
    expect(explore({ ...within, fault }).broken?.rule).toBe(rule)
    expect(brokenWithoutFault(within)).toBeUndefined()
  })
})

describe('a fault put in on purpose sends too many PINGREQs, and is found', () => {
  it.each(nudging)('$fault: $rule', ({ fault, rule, within }) => {
    expect(explore({ ...within, fault }).broken?.rule).toBe(rule)
    expect(brokenWithoutFault(within)).toBeUndefined()
  })
})

describe('a fault put in on purpose breaks a rule of the wire, and is found', () => {
  it.each([...rules, ...passing])('$fault: $rule', ({ fault, rule, within }) => {
    expect(explore({ ...within, fault }).broken?.rule).toBe(rule)
    expect(brokenWithoutFault(within)).toBeUndefined()
  })
})

describe('the trace to a broken rule', () => {
  it('is a shortest one, and says in words what happened and what the engine did', () => {
    const within = configuration('one message in, one cut', { incoming: [2], mishaps: { cuts: 1 } })
    const trace = printedTrace(explore({ ...within, fault: 'forgets received identifiers' }))
    expect(trace.split('\n')).toEqual([
      'one message in, one cut: the handler of in/0 started once too often',
      '   1  a connection is opened',
      '        sends CONNECT',
      '   2  CONNECT reaches the server',
      '   3  CONNACK (Session Present 0) reaches the client',
      '        is connected',
      '   4  the server sends in/0',
      '   5  PUBLISH in/0 (QoS 2, identifier 1, DUP 0) reaches the client',
      '        starts the handler of in/0',
      '   6  the connection is cut',
      '   7  a connection is opened',
      '        sends CONNECT',
      '   8  CONNECT reaches the server',
      '   9  CONNACK (Session Present 1) reaches the client',
      '        is connected',
      '  10  PUBLISH in/0 (QoS 2, identifier 1, DUP 1) reaches the client',
      '        starts the handler of in/0',
    ])
  })

  it('ends where a state is left in which nothing can happen any more', () => {
    const within = configuration('one message out, one crash', { outgoing: [1], mishaps: { crashes: 1 } })
    const { broken } = explore({ ...within, fault: 'journal without queued' })
    expect(broken?.trace.at(-1)).toBe('CONNACK (Session Present 0) reaches the client')
  })
})
