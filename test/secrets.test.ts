import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { aliyun, registerDevice, signConnect } from '../src/aliyun/index.js'
import { clientChecks } from '../src/client/options/client-settings.js'
import { encodePacket } from '../src/codec/index.js'
import { connect, MqttClient } from '../src/index.js'
import { fileStore } from '../src/store/index.js'
import { testServer } from '../src/testing/index.js'
import { online } from './client/peers/client-on-pipe.js'

const secret = 'hunter2-hunter2'

/** A secret as it may stand where something else belongs. */
const misplaced: readonly (readonly [kind: string, value: unknown])[] = [
  ['a password', secret],
  ['a URL with a password', `mqtt://u:${secret}@h`],
  ['a key', `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----`],
  ['bytes', Buffer.from(secret)],
  ['a list', [secret]],
  ['an object', { toString: () => secret }],
  ['a function', Object.assign(() => secret, { [inspect.custom]: () => secret })],
]

/** What a person would read of the error of this call, with its causes; empty if the value is taken. */
async function shownOf(call: () => unknown): Promise<string> {
  try {
    await call()
    return ''
  } catch (error) {
    return inspect(error, { depth: 9 })
  }
}

/** Calls as plain JavaScript does, past what the compiler lets through. */
const apply = (method: (...values: never[]) => unknown, ...values: unknown[]): unknown =>
  Reflect.apply(method, undefined, values)

const make = (options: unknown) => {
  const client: unknown = Reflect.construct(MqttClient, [options])
  if (client instanceof MqttClient) client.destroy()
}

const optionsOf = {
  will: ['payload', 'qos', 'retain'],
  queue: ['maxMessages', 'maxBytes', 'maxAgeMs', 'overflow', 'offlineQos0'],
  reconnect: ['minDelayMs', 'maxDelayMs', 'factor', 'maxAttempts', 'maxAttemptsPerMinute', 'retryInitial'],
  on: ['attempt', 'online', 'offline', 'refused', 'abandoned', 'close'],
  profile: ['maxQos', 'retain', 'will', 'keepAlive', 'maxPayloadBytes', 'connectsPerMinute', 'publishesPerSecond'],
} as const

const nested: readonly (readonly [name: string, options: (value: unknown) => unknown])[] = [
  ...Object.entries(optionsOf).flatMap(([group, names]) =>
    names.map((name) => {
      const others = group === 'will' ? { topic: 'a', payload: '' } : group === 'profile' ? { name: 'p' } : {}
      return [`${group}.${name}`, (value: unknown) => ({ host: 'h', [group]: { ...others, [name]: value } })] as const
    }),
  ),
  ...['host', 'port', 'tls'].map(
    (name) => [`servers[].${name}`, (value: unknown) => ({ servers: [{ host: 'h', [name]: value }] })] as const,
  ),
  ['servers[]', (value) => ({ servers: [value] })],
  ['handlers[]', (value) => ({ host: 'h', handlers: { a: value } })],
]

describe('no error shows what may be a secret, given as', () => {
  describe.each(misplaced)('%s', (_, value) => {
    it.each(Object.keys(clientChecks))('the option %s', async (name) => {
      const place = name === 'url' || name === 'servers' || name === 'stream' ? {} : { host: 'h' }
      expect(await shownOf(() => make({ ...place, [name]: value }))).not.toContain('hunter')
    })

    it.each(nested)('%s', async (__, options) => {
      expect(await shownOf(() => make(options(value)))).not.toContain('hunter')
    })

    it('the options themselves', async () => {
      expect(await shownOf(() => make(value))).not.toContain('hunter')
    })

    it('an argument or an option of a call', async () => {
      const { client } = await online()
      const calls = [
        ...['qos', 'retain', 'signal', 'until'].map((name) => ['publish', 'a', '', { [name]: value }] as const),
        ['publish', 'a', '', value],
        ...['qos', 'signal'].map((name) => ['subscribe', 'a', { [name]: value }, () => {}] as const),
        ['subscribe', [{ filter: 'a', qos: value }], () => {}],
        ['subscribe', 'a', value, () => {}],
        ['subscribe', 'a', {}, typeof value === 'function' ? 'no function' : value],
        ['messages', 'a', { limit: value }],
        ['ping', { timeoutMs: value }],
        ['ping', value],
        ['connect', value],
        ['end', { timeoutMs: value }],
      ] as const
      for (const [method, ...values] of calls) {
        expect(await shownOf(() => Reflect.apply(client[method], client, values))).not.toContain('hunter')
      }
    })

    it('an option of a device, of a registration, of a store or of a test server', async () => {
      const device = { productKey: 'k', deviceName: 'd', deviceSecret: 's' }
      for (const name of ['productKey', 'deviceName', 'signMethod', 'timestamp', 'secureMode', 'extensions']) {
        const given = { ...device, [name]: value }
        expect(await shownOf(() => apply(signConnect, given))).not.toContain('hunter')
        expect(await shownOf(() => apply(aliyun, given))).not.toContain('hunter')
      }
      for (const name of ['region', 'endpoint', 'keepAlive', 'tls', 'port', 'servers']) {
        expect(await shownOf(() => apply(aliyun, device, { [name]: value }))).not.toContain('hunter')
      }
      expect(await shownOf(() => apply(aliyun, device, { endpoint: { instanceId: value } }))).not.toContain('hunter')
      for (const name of ['instanceId', 'signMethod', 'timeoutMs', 'signal', 'region', 'endpoint']) {
        const given = { productKey: 'a|b', deviceName: 'd&', productSecret: secret, [name]: value }
        expect(await shownOf(() => apply(registerDevice, given))).not.toContain('hunter')
      }
      expect(await shownOf(() => apply(fileStore, 'd', { fsync: value }))).not.toContain('hunter')
      expect(await shownOf(() => apply(fileStore, 'd', { segmentBytes: value }))).not.toContain('hunter')
      for (const name of ['port', 'habits', 'maxPacketBytes', 'packetsKept']) {
        expect(await shownOf(() => apply(testServer, { [name]: value }))).not.toContain('hunter')
      }
    })

    it('a field of a packet that is no topic', async () => {
      const connect = { type: 'connect', clientId: 'c', cleanSession: true, keepAlive: 0 }
      const packets = [
        ...['clientId', 'cleanSession', 'keepAlive', 'will'].map((name) => ({ ...connect, [name]: value })),
        { ...connect, username: value, password: value },
        { type: 'publish', topic: 'a', payload: value, qos: value, retain: value },
        { type: 'suback', packetId: value, returnCodes: [value] },
        { type: 'subscribe', packetId: 1, subscriptions: [value] },
      ]
      for (const packet of packets) {
        expect(await shownOf(() => apply(encodePacket, packet))).not.toContain('hunter')
      }
    })
  })
})

describe('no error shows', () => {
  it.each([`${secret}\ud800`, `${secret}\0`, secret.repeat(5_000)])(
    'a user name or Client Identifier: %j',
    async (text) => {
      expect(await shownOf(() => make({ host: 'h', username: text }))).toMatch(/^UsageError: username (?!.*hunter)/)
      expect(await shownOf(() => make({ host: 'h', clientId: text }))).toMatch(/^UsageError: clientId (?!.*hunter)/)
    },
  )

  it('what credentials() gave', async () => {
    for (const [, value] of misplaced) {
      const connecting = () => apply(connect, { host: '::1', credentials: () => value })
      expect(await shownOf(connecting)).toMatch(/^UsageError(?!.*hunter)/s)
    }
  })
})
