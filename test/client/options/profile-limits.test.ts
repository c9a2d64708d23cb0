import { describe, expect, it } from 'vitest'
import type { ClientOptions, ServerProfile } from '../../../src/client/options/client-options.js'
import { parseClientOptions } from '../../../src/client/options/client-settings.js'
import {
  parseServerProfile,
  requirePublishable,
  requireTopicWithin,
} from '../../../src/client/options/profile-limits.js'
import { UsageError } from '../../../src/errors.js'

const parse = (options: ClientOptions) => parseClientOptions({ url: 'mqtt://a', ...options }, () => 0)
const message = { payloadBytes: 10, qos: 1, retain: false } as const

describe('a profile', () => {
  it('without limits allows everything', () => {
    const profile = parseServerProfile({ name: 'p' })
    expect(() => requirePublishable(profile, 'message', { ...message, qos: 2, retain: true })).not.toThrow()
  })

  it('may allow all that MQTT does', () => {
    const limits = { keepAlive: { min: 1, max: 65_535 }, maxInFlight: 65_535, maxQos: 2 } as const
    expect(parseServerProfile({ name: 'p', ...limits })).toMatchObject(limits)
  })

  it('has to make sense itself', () => {
    const wrong: readonly object[] = [
      { name: '' },
      { maxQos: 3 },
      { retain: 'no' },
      { will: 0 },
      { maxPayloadBytes: -1 },
      { maxTopicBytes: 0 },
      { maxTopicLevels: 1.5 },
      { maxFilterLevels: 0 },
      { uncountedPrefixes: 'a/+' },
      { uncountedPrefixes: [1] },
      { topics: '.' },
      { topics: { refused: '' } },
      { topics: { changed: {} } },
      { topics: { changed: ['.'] } },
      { topics: { changed: { ab: 'c' } } },
      { topics: { changed: { a: 1 } } },
      { topics: { refuses: '.' } },
      { sharedSubscriptions: 0 },
      { maxClientIdBytes: Number.NaN },
      { maxFiltersPerSubscribe: '8' },
      { maxSubscriptions: null },
      { maxInFlight: 65_536 },
      { connectsPerMinute: Infinity },
      { keepAlive: { min: 30 } },
      { keepAlive: { min: 30, max: 29 } },
      { keepAlive: { min: 0, max: 29 } },
      { keepAlive: { min: 1, max: 65_536 } },
      { publishesPerSecond: 30 },
      { publishesPerSecond: { total: 0 } },
      { publishesPerSecond: { qos0: Number.NaN } },
      { publishesPerSecond: { qos2: 1 } },
      { rootCertificates: '' },
    ]
    for (const fields of wrong) {
      const parseIt = () => Reflect.apply(parseServerProfile, undefined, [{ name: 'p', ...fields }])
      expect(parseIt, JSON.stringify(fields)).toThrow(UsageError)
      expect(parseIt).toThrow(`profile.${Object.keys(fields)[0]}`)
    }
  })
})

describe('the options of a client', () => {
  const forbids = (profile: Partial<ServerProfile>, options: ClientOptions, text: string) => {
    expect(() => parse({ ...options, profile: { name: 'the platform', ...profile } })).toThrow(text)
    expect(() => parse(options)).not.toThrow()
  }
  const will = { topic: 'a/b', payload: 'gone', qos: 2, retain: true } as const

  it('are held against the profile', () => {
    forbids({ will: false }, { will }, 'will is given, but the platform takes none')
    forbids({ maxQos: 1 }, { will }, 'will has QoS 2, but the platform takes QoS up to 1')
    forbids({ retain: false }, { will }, 'will is to be retained, but the platform takes no retained messages')
    forbids({ maxPayloadBytes: 3 }, { will }, 'will has a payload of 4 bytes, but the platform takes at most 3')
    forbids({ maxTopicLevels: 1 }, { will }, 'will has a topic of 2 levels, but the platform takes at most 1')
    const keepAlive = { min: 30, max: 1200 }
    forbids({ keepAlive }, { keepAlive: 29 }, 'keepAlive is 29, but the platform takes 30 to 1200 seconds')
    forbids({ keepAlive }, { keepAlive: 1201 }, 'keepAlive is 1201')
    forbids({ keepAlive }, { keepAlive: 0 }, 'keepAlive is 0')
    forbids({ maxInFlight: 50 }, { maxInFlight: 51 }, 'maxInFlight is 51, but the platform takes at most 50')
    forbids({ connectsPerMinute: 5 }, { reconnect: { maxAttemptsPerMinute: 6 } }, 'maxAttemptsPerMinute is 6')
  })

  it('that are absent follow the profile', () => {
    const profile = { name: 'p', keepAlive: { min: 300, max: 1200 }, maxInFlight: 20, connectsPerMinute: 5 }
    const settings = parse({ profile })
    expect(settings.session.keepAliveSeconds).toBe(300)
    expect(settings.engine.maxInFlight).toBe(20)
    expect(settings.reconnect?.backoff.maxAttemptsPerMinute).toBe(5)
    expect(parse({ profile: { name: 'p', keepAlive: { min: 5, max: 10 } } }).session.keepAliveSeconds).toBe(10)
    expect(parse({ profile: { name: 'p', maxInFlight: 1_000 } }).engine.maxInFlight).toBe(100)
  })

  it('may be stricter than the profile', () => {
    const profile = { name: 'p', keepAlive: { min: 30, max: 1200 }, maxInFlight: 50, connectsPerMinute: 5 }
    const settings = parse({ profile, keepAlive: 30, maxInFlight: 50, reconnect: { maxAttemptsPerMinute: 2 } })
    expect(settings.session.keepAliveSeconds).toBe(30)
    expect(settings.engine.maxInFlight).toBe(50)
    expect(settings.reconnect?.backoff.maxAttemptsPerMinute).toBe(2)
  })
})

describe('a topic', () => {
  it('is measured in bytes of UTF-8 and in levels', () => {
    const profile = { name: 'p', maxTopicBytes: 4, maxTopicLevels: 2 }
    expect(() => requireTopicWithin(profile, 'message', 'é/é')).toThrow('5 bytes')
    expect(() => requireTopicWithin(profile, 'message', 'é/é'.slice(0, 2))).not.toThrow()
    expect(() => requireTopicWithin(profile, 'message', '//')).toThrow('3 levels')
    expect(() => requireTopicWithin(profile, 'message', 'a/b')).not.toThrow()
  })

  it('is measured without a prefix that the server does not count', () => {
    const profile = { name: 'p', maxTopicBytes: 3, maxTopicLevels: 2, uncountedPrefixes: ['$aws/rules/+', '$share/+'] }
    const within = (topic: string) => () => requireTopicWithin(profile, 'message', topic)
    expect(within('$aws/rules/name/a/b')).not.toThrow()
    expect(within('$share/name/a/b')).not.toThrow()
    expect(within('$aws/rules/name')).not.toThrow()
    expect(within('$aws/rules/name/a/bc')).toThrow('4 bytes')
    expect(within('$aws/rules/name/a//')).toThrow('3 levels')
    expect(within('$aws/rule/name')).toThrow('14 bytes')
    expect(within('$aws')).toThrow('4 bytes')
  })
})
