import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import type { ClientOptions } from '../../../src/client/options/client-options.js'
import { clientChecks, parseClientOptions } from '../../../src/client/options/client-settings.js'
import { stableAfterMs } from '../../../src/client/options/entries.js'
import { UsageError } from '../../../src/errors.js'
import type { SessionStore } from '../../../src/store/session-store.js'

const url = 'mqtt://[::1]'
const parse = (options: ClientOptions) => parseClientOptions(options, () => 0.5)

/** The error for options that only plain JavaScript can give: the compiler would refuse them. */
function refusal(options: object): UsageError {
  try {
    Reflect.apply(parseClientOptions, undefined, [options, () => 0.5])
  } catch (error) {
    if (error instanceof UsageError) return error
    throw error
  }
  throw new Error('the options were accepted')
}
const refused = (options: object) => refusal({ url, ...options }).message

function store(durable: boolean): SessionStore {
  const session = { nextSequence: 1, nextPacketId: 1, messages: [], held: [] }
  return { durable, open: async () => session, append: async () => {}, close: async () => {} }
}

describe('defaults', () => {
  it('fill in everything that is absent, and undefined is absent', () => {
    const settings = parse({ url, keepAlive: undefined, will: undefined, queue: { maxAgeMs: undefined } })
    expect(settings.session).toEqual({
      cleanSession: true,
      keepAliveSeconds: 60,
      will: undefined,
    })
    expect(parse({ url, maxInFlight: 50 }).engine).toMatchObject({ maxInFlight: 50, maxInFlightQos2: 50 })
    expect(settings.connection).toEqual({
      connectTimeoutMs: 30_000,
      pingTimeoutMs: 10_000,
      maxPacketBytes: 16_777_216,
      lowLatency: false,
    })
    expect(settings.engine).toEqual({
      ackTimeoutMs: 60_000,
      operationTimeoutMs: 30_000,
      maxInFlight: 100,
      maxInFlightQos2: 20,
      receiveWindow: 64,
      receiveBufferBytes: 1_048_576,
      receiveBufferMaxBytes: 16_777_216,
      abandonAfter: 5,
      strict: false,
      nudge: true,
    })
    expect(settings.queue).toEqual({
      maxMessages: 10_000,
      maxBytes: 67_108_864,
      maxAgeMs: Infinity,
      overflow: 'reject',
      offlineQos0: false,
    })
    expect(settings.reconnect).toEqual({
      backoff: {
        minDelayMs: 1_000,
        maxDelayMs: 60_000,
        factor: 2,
        maxAttempts: Infinity,
        maxAttemptsPerMinute: Infinity,
        stableAfterMs,
      },
      retryInitial: false,
    })
  })

  it('take username and password from an environment that may not have them', () => {
    const environment: { name?: string; secret?: string } = {}
    const { identity } = parse({ url, username: environment.name, password: environment.secret })
    expect(identity).toMatchObject({ username: undefined, password: undefined })
  })

  it('keep the ping time-out within Keep Alive, except where it is given or Keep Alive is off', () => {
    expect(parse({ url, keepAlive: 4 }).connection.pingTimeoutMs).toBe(4_000)
    expect(parse({ url, keepAlive: 0 }).connection.pingTimeoutMs).toBe(10_000)
    expect(parse({ url, keepAlive: 4, pingTimeoutMs: 7_000 }).connection.pingTimeoutMs).toBe(7_000)
  })

  it('of one reconnection bound give way to the other where that is given', () => {
    expect(parse({ url, reconnect: { maxDelayMs: 50 } }).reconnect?.backoff).toMatchObject({ minDelayMs: 50 })
    expect(parse({ url, reconnect: { minDelayMs: 90_000 } }).reconnect?.backoff).toMatchObject({ maxDelayMs: 90_000 })
    expect(parse({ url, reconnect: false }).reconnect).toBeUndefined()
  })
})

describe('receiveBufferMaxBytes', () => {
  it('is at least receiveBufferBytes', () => {
    expect(() => parse({ url, receiveBufferMaxBytes: 1_000_000 })).toThrow(
      /receiveBufferMaxBytes is 1000000.*at least.*1048576/,
    )
    expect(parse({ url, receiveBufferBytes: 20_000_000 }).engine.receiveBufferMaxBytes).toBe(20_000_000)
    expect(parse({ url, receiveBufferBytes: 5, receiveBufferMaxBytes: 5 }).engine.receiveBufferMaxBytes).toBe(5)
  })
})

describe('a number', () => {
  const bounds = [
    ['keepAlive', 0, 65_535],
    ['connectTimeoutMs', 1, 2_147_483_647],
    ['pingTimeoutMs', 1, 2_147_483_647],
    ['ackTimeoutMs', 1, 2_147_483_647],
    ['operationTimeoutMs', 1, 2_147_483_647],
    ['maxInFlight', 1, 65_535],
    ['receiveWindow', 1, 65_535],
    ['receiveBufferBytes', 1, Number.MAX_SAFE_INTEGER],
    ['maxPacketBytes', 5, 268_435_460],
    ['queue.maxMessages', 1, Number.MAX_SAFE_INTEGER],
    ['queue.maxBytes', 1, Number.MAX_SAFE_INTEGER],
    ['queue.maxAgeMs', 1, 2_147_483_647],
    ['reconnect.minDelayMs', 1, 2_147_483_647],
    ['reconnect.maxDelayMs', 1, 2_147_483_647],
  ] as const
  const nest = (path: string, value: unknown): object => {
    const [outer = '', inner] = path.split('.')
    return { url, [outer]: inner === undefined ? value : { [inner]: value } }
  }

  it.each(bounds)('%s is whole and from %d to %d, and is never coerced', (path, min, max) => {
    for (const value of [min, max]) expect(() => parse(nest(path, value))).not.toThrow()
    for (const value of [min - 1, max + 1, min + 0.5, Number.NaN, Infinity, null, `${max}`, [max], 9n]) {
      expect(refusal(nest(path, value)).message).toMatch(`${path} has to be a whole number from ${min} to ${max}, not `)
    }
  })

  it('of attempts may be Infinity', () => {
    for (const path of ['reconnect.maxAttempts', 'reconnect.maxAttemptsPerMinute']) {
      for (const value of [1, Infinity]) expect(() => parse(nest(path, value))).not.toThrow()
      for (const value of [0, -1, 1.5, Number.NaN, -Infinity, null, '3']) {
        expect(refusal(nest(path, value)).message).toContain(`${path} has to be a whole number from 1, or Infinity`)
      }
    }
  })

  it('that is the factor need not be whole, but never shrinks the wait', () => {
    expect(parse({ url, reconnect: { factor: 1.5 } }).reconnect?.backoff.factor).toBe(1.5)
    for (const factor of [0.99, Number.NaN, Infinity, '2', null]) {
      expect(refused({ reconnect: { factor } })).toContain('reconnect.factor has to be a number from 1')
    }
  })

  it('below which the wait may not stay is not above its bound', () => {
    expect(refused({ reconnect: { minDelayMs: 20, maxDelayMs: 10 } })).toContain('reconnect.minDelayMs is 20')
  })
})

describe('anything of the wrong type', () => {
  it.each([
    ['cleanSession', 'false'],
    ['cleanSession', null],
    ['family', 5],
    ['family', '6'],
    ['url', 1883],
    ['tls', 'yes'],
    ['tls', null],
    ['credentials', {}],
    ['clientId', 7],
    ['username', null],
    ['will', 'gone'],
    ['will', []],
    ['reconnect', true],
    ['reconnect', null],
    ['queue', 100],
    ['store', {}],
    ['store', null],
    ['profile', 'aliyun'],
    ['profile', {}],
    ['handlers', []],
    ['handlers', { a: 'print' }],
    ['onMessage', 'print'],
    ['onHandlerError', 'close'],
    ['signal', {}],
    ['stream', {}],
    ['servers', 'mqtt://a'],
    ['servers', [{ host: 7 }]],
    ['servers', [{ host: 'a', port: '1883' }]],
    ['servers', [{ host: 'a', tls: {} }]],
    ['servers', [7]],
  ])('is refused by name: %s = %j', (name, value) => {
    const place = name === 'servers' || name === 'stream' || name === 'url' ? {} : { url }
    expect(refusal({ ...place, [name]: value }).message).toContain(name)
  })

  it('is refused as the argument itself', () => {
    for (const argument of [null, []]) {
      expect(() => Reflect.apply(parseClientOptions, undefined, [argument, Math.random])).toThrow(UsageError)
    }
    const withSecret = () => Reflect.apply(parseClientOptions, undefined, ['mqtt://u:secret@a', Math.random])
    expect(withSecret).toThrow(/^the argument has to be an object of options, not a string$/)
  })
})

describe('an unknown name', () => {
  it.each([
    ['keepAlve', 'did you mean keepAlive?'],
    ['keepalive', 'did you mean keepAlive?'],
    ['KEEPALIVE', 'did you mean keepAlive?'],
    ['clientID', 'did you mean clientId?'],
    ['connectTimeout', 'did you mean connectTimeoutMs?'],
    ['clean', 'use cleanSession'],
    ['reconnectPeriod', 'use reconnect: { minDelayMs }, or reconnect: false'],
    ['protocolVersion', 'leave it out, this package speaks MQTT 3.1.1'],
    ['rejectUnauthorized', 'write it into tls'],
    ['ca', 'write it into tls'],
    ['cert', 'write it into tls'],
    ['hostname', 'use host'],
    ['frobnicate', 'the names are url, host'],
  ])('%s gets advice: %s', (name, advice) => {
    expect(refused({ [name]: 1 })).toContain(`${name} is no option of this package: ${advice}`)
  })

  it('is refused in every group of options', () => {
    expect(refused({ reconnect: { minDelay: 5 } })).toContain('reconnect.minDelay is no option')
    expect(refused({ reconnect: { minDelay: 5 } })).toContain('did you mean minDelayMs?')
    expect(refused({ queue: { size: 5 } })).toContain('queue.size')
    expect(refused({ will: { topic: 'a', message: 'x' } })).toContain(
      'will.message is no option of this package: use payload',
    )
    expect(refused({ profile: { name: 'x', maxQoS: 1 } })).toContain('did you mean maxQos?')
    expect(refusal({ servers: [{ host: 'a', ports: 1 }] }).message).toContain('servers[0].ports')
  })

  it.each([
    ['message', 'pass a handler to subscribe(), or give the option onMessage'],
    ['connect', "await connect(), or listen for 'online'"],
    ['onlin', 'did you mean online?'],
  ])('%s as an event gets the advice of an event: %s', (name, advice) => {
    expect(refused({ on: { [name]: () => {} } })).toContain(`on.${name} is no option of this package: ${advice}`)
  })

  it('never gets itself as advice', () => {
    for (const name of Object.keys(clientChecks))
      expect(refusal({ [`${name}X`]: 1 }).message).toContain('X is no option')
  })
})

describe('where to connect to', () => {
  it('is named exactly once', () => {
    expect(refusal({}).message).toContain('no server is named')
    expect(refused({ host: 'a' })).toContain('named twice')
    expect(refused({ servers: ['mqtt://b'] })).toContain('named twice')
    expect(refused({ port: 1884 })).toContain('port')
    expect(refusal({ servers: [] }).message).toContain('servers is empty')
  })

  it('is a list of endpoints in the order given', () => {
    const { network } = parse({ servers: ['mqtts://a', { host: 'fe80::1%eth0', port: 1884 }], family: 6 })
    expect(network).toMatchObject({
      kind: 'servers',
      family: 6,
      servers: [{ endpoint: { host: 'a', port: 8883, tls: true } }, { endpoint: { host: 'fe80::1%eth0', port: 1884 } }],
    })
  })

  it('may be a stream, which stands in for the whole network', () => {
    const stream = () => Promise.reject(new Error('unused'))
    expect(parse({ stream }).network).toEqual({ kind: 'stream', open: stream })
    for (const beside of [
      { url },
      { host: 'a' },
      { port: 1 },
      { family: 6 },
      { servers: ['mqtt://a'] },
      { tls: true },
    ]) {
      expect(refusal({ stream, ...beside }).message).toContain(`${Object.keys(beside)[0]} cannot be used beside stream`)
    }
  })
})

describe('the session', () => {
  it('is clean unless it is kept in a durable store', () => {
    expect(parse({ url, store: store(false) }).session.cleanSession).toBe(true)
    expect(parse({ url, store: store(true), clientId: 'c' }).session.cleanSession).toBe(false)
    expect(parse({ url, cleanSession: false, clientId: 'c' }).session.cleanSession).toBe(false)
  })

  it('cannot be clean with a durable store', () => {
    expect(refused({ store: store(true), clientId: 'c', cleanSession: true })).toContain('cleanSession is true')
  })
})

describe('the will', () => {
  it('is taken as a copy, with its defaults', () => {
    const payload = Buffer.from('gone')
    const will = parse({ url, will: { topic: 'a', payload } }).session.will
    payload.fill(0)
    expect(will).toEqual({ topic: 'a', payload: Buffer.from('gone'), qos: 0, retain: false })
  })

  it('is published to a Topic Name [MQTT-3.1.3-10]', () => {
    for (const topic of ['', 'a/#', '+', '\u0000', '\ud800', 'x'.repeat(65_536), 5, null]) {
      expect(refused({ will: { topic, payload: '' } })).toMatch(/^will\.topic /)
    }
    expect(refused({ will: { topic: 'a\u0007', payload: '' } })).toContain('U+0007')
  })

  it('has QoS 0, 1 or 2 [MQTT-3.1.2-14]', () => {
    for (const qos of [0, 1, 2] as const) {
      expect(parse({ url, will: { topic: 'a', payload: '', qos } }).session.will?.qos).toBe(qos)
    }
    for (const qos of [3, -1, 1.5, '1', null]) {
      expect(refused({ will: { topic: 'a', payload: '', qos } })).toMatch(/will\.qos .*\[MQTT-3\.1\.2-14\]/)
    }
  })

  it('has a payload of at most 65,535 bytes, a string being UTF-8', () => {
    const most = parse({ url, will: { topic: 'a', payload: 'é'.repeat(32_767) } }).session.will
    expect(most?.payload).toHaveLength(65_534)
    expect(refused({ will: { topic: 'a', payload: 'é'.repeat(32_768) } })).toContain('will.payload has 65536 bytes')
    expect(refused({ will: { topic: 'a', payload: '\ud800' } })).toContain('will.payload holds a lone surrogate')
    expect(refused({ will: { topic: 'a' } })).toContain('will.payload has to be a string or a Uint8Array')
    expect(refused({ will: { topic: 'a', payload: '', retain: 1 } })).toContain('will.retain')
  })
})

describe('handlers', () => {
  it('are kept by their filters', () => {
    const handler = () => {}
    expect([...parse({ url, handlers: { 'a/+': handler } }).delivery.handlers]).toEqual([['a/+', handler]])
  })

  it('stand at valid Topic Filters [MQTT-4.7.1-2]', () => {
    expect(refused({ handlers: { 'a#': () => {} } })).toContain('MQTT-4.7.1-2')
  })
})

it('takes what is inherited as what is given', () => {
  const queue: object = Object.create({ maxMessages: 5 })
  expect(parse(Object.create({ url, keepAlive: 7, queue }))).toMatchObject({
    session: { keepAliveSeconds: 7 },
    queue: { maxMessages: 5 },
  })
  expect(refusal(Object.create({ url, keepAlive: -1 })).message).toContain('keepAlive has to be')
})

it('takes a copy: later changes to the options have no effect', () => {
  const queue = { maxMessages: 5 }
  const password = Buffer.from('secret')
  const handlers = { a: () => {} }
  const tls = { servername: 'a' }
  const profile = { name: 'p', keepAlive: { min: 1, max: 100 } }
  const options = { url: 'mqtts://a', username: 'u', queue, password, handlers, tls, profile }
  const settings = parse(options)
  const before = inspect(settings, { depth: 9 })
  queue.maxMessages = 6
  password.fill(0)
  Object.assign(handlers, { b: () => {} })
  tls.servername = 'b'
  profile.keepAlive.min = 50
  options.url = 'mqtt://b'
  expect(inspect(settings, { depth: 9 })).toBe(before)
})
