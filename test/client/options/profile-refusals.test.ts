import { describe, expect, it } from 'vitest'
import { aliyunProfile } from '../../../src/aliyun/index.js'
import { type ClientOptions, MqttClient, type ServerProfile, UsageError } from '../../../src/index.js'
import { awsIotCore } from '../../../src/servers/index.js'
import { clientOf, fakeTime, online, pass, quiet, rejectionOf } from '../peers/client-on-pipe.js'
import { FakeServer } from '../peers/fake-server.js'

/** Two kinds of server with different limits. If a limit were a constant of the client, the tests of one kind would fail. */
const profiles: readonly (readonly [name: string, profile: ServerProfile])[] = [
  ['Alibaba Cloud IoT Platform', aliyunProfile],
  ['AWS IoT Core', awsIotCore],
]

/** The limits that both kinds of server have. */
function limitsOf({
  keepAlive = { min: 0, max: 0 },
  maxPayloadBytes = 0,
  maxTopicBytes = 0,
  maxTopicLevels = 0,
  maxFiltersPerSubscribe = 0,
  maxSubscriptions = 0,
  maxInFlight = 0,
  connectsPerMinute = 0,
}: ServerProfile) {
  return {
    ...{ keepAlive, maxPayloadBytes, maxTopicBytes, maxTopicLevels },
    ...{ maxFiltersPerSubscribe, maxSubscriptions, maxInFlight, connectsPerMinute },
  }
}

/** Topics with `count` levels, or with `count` bytes. */
const levels = (count: number) => Array(count).fill('x').join('/')
const bytes = (count: number) => 'x'.repeat(count)

describe.each(profiles)('for %s', (name, profile) => {
  const { maxPayloadBytes, maxTopicBytes, maxTopicLevels, maxSubscriptions, maxFiltersPerSubscribe } = limitsOf(profile)
  const { keepAlive, maxInFlight, connectsPerMinute } = limitsOf(profile)

  /** The error of a refused call names the server and the limit, and nothing is sent. */
  async function refuses(limit: keyof ServerProfile, call: (client: MqttClient) => Promise<unknown>): Promise<void> {
    const { client, connection } = await online({ profile, keepAlive: keepAlive.min })
    connection.serve()
    const error = await rejectionOf(call(client))
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toHaveProperty('message', expect.stringContaining(`but ${name} takes`))
    expect(error).toHaveProperty('message', expect.stringContaining(`(profile.${limit})`))
    await quiet()
    expect(connection.names).toEqual(['connect'])
  }

  const calls: readonly [string, keyof ServerProfile, (client: MqttClient) => Promise<unknown>][] = [
    ['a message at QoS 2', 'maxQos', (client) => client.publish('a', 'x', { qos: 2 })],
    ['a subscription at QoS 2', 'maxQos', (client) => client.subscribe('a', { qos: 2 })],
    ['one of several subscriptions at QoS 2', 'maxQos', (client) => client.subscribe(['a', { filter: 'b', qos: 2 }])],
    [
      'a payload one byte too long',
      'maxPayloadBytes',
      (client) => client.publish('a', Buffer.alloc(maxPayloadBytes + 1)),
    ],
    ['a topic one byte too long', 'maxTopicBytes', (client) => client.publish(bytes(maxTopicBytes + 1), 'x')],
    ['a filter one byte too long', 'maxTopicBytes', (client) => client.subscribe(bytes(maxTopicBytes + 1))],
    ['a topic with one level too many', 'maxTopicLevels', (client) => client.publish(levels(maxTopicLevels + 1), 'x')],
    ['a filter with one level too many', 'maxTopicLevels', (client) => client.subscribe(levels(maxTopicLevels + 1))],
    [
      'a message stream with one level too many',
      'maxTopicLevels',
      (client) => client.messages(levels(maxTopicLevels + 1)),
    ],
    [
      'one subscription too many',
      'maxSubscriptions',
      (client) => client.subscribe(Array.from({ length: maxSubscriptions + 1 }, (_, index) => `${index}`)),
    ],
  ]

  it.each(calls)('%s is refused by name before a byte is written (%s)', async (_, limit, call) => {
    await refuses(limit, call)
  })

  const allOptions: readonly [string, keyof ServerProfile, ClientOptions][] = [
    ['a Keep Alive one second too short', 'keepAlive', { keepAlive: keepAlive.min - 1 }],
    ['a Keep Alive one second too long', 'keepAlive', { keepAlive: keepAlive.max + 1 }],
    ['no Keep Alive', 'keepAlive', { keepAlive: 0 }],
    ['one message too many in flight', 'maxInFlight', { maxInFlight: maxInFlight + 1 }],
    [
      'one attempt too many a minute',
      'connectsPerMinute',
      { reconnect: { maxAttemptsPerMinute: connectsPerMinute + 1 } },
    ],
    ['a will with too long a topic', 'maxTopicBytes', { will: { topic: bytes(maxTopicBytes + 1), payload: '' } }],
  ]
  const options = allOptions.filter(([, , { will }]) => will === undefined || profile.will !== false)

  it.each(options)('%s is refused by name when the client is made (%s)', (_, limit, given) => {
    const make = () => new MqttClient({ url: 'mqtts://[::1]', profile, ...given })
    expect(make).toThrow(UsageError)
    expect(make).toThrow(new RegExp(`but ${name} takes .* \\(profile\\.${limit}\\)$`))
  })

  it('what is exactly within the limits goes', async () => {
    fakeTime()
    const { client, connection } = await online({ profile, keepAlive: keepAlive.max, maxInFlight })
    connection.serve()
    const published = Promise.all([
      client.publish(levels(maxTopicLevels), Buffer.alloc(maxPayloadBytes), { qos: 1 }),
      client.publish(bytes(maxTopicBytes), 'x', { qos: 1 }),
    ])
    const filters = Array.from({ length: maxSubscriptions }, (_, index) => `${index}`)
    const subscribed = client.subscribe(filters, { qos: 1 })
    await pass(1_000)
    await published
    expect((await subscribed).granted).toHaveLength(maxSubscriptions)
    for (const { subscriptions } of connection.all('subscribe')) {
      expect(subscriptions.length).toBeLessThanOrEqual(maxFiltersPerSubscribe)
    }
  })
})

describe('what one server takes and another does not', () => {
  const will = { topic: 'a/b', payload: 'gone', retain: true } as const
  const make = (profile: ServerProfile, options: ClientOptions) => () =>
    new MqttClient({ url: 'mqtts://[::1]', profile, ...options })

  it('a will', () => {
    expect(make(aliyunProfile, { will })).toThrow(
      'will is given, but Alibaba Cloud IoT Platform takes none (profile.will)',
    )
    expect(make(awsIotCore, { will })).not.toThrow()
    expect(make(awsIotCore, { will: { ...will, qos: 2 } })).toThrow('AWS IoT Core takes QoS up to 1 (profile.maxQos)')
  })

  it('a retained message', async () => {
    const taking = await online({ profile: awsIotCore, keepAlive: 60 })
    await taking.client.publish('a', 'x', { retain: true })
    expect((await taking.connection.until('publish')).retain).toBe(true)
    const refusing = await online({ profile: aliyunProfile, keepAlive: 60 })
    const error = await rejectionOf(refusing.client.publish('a', 'x', { retain: true }))
    expect(error).toHaveProperty(
      'message',
      'the message is to be retained, but Alibaba Cloud IoT Platform takes no retained messages (profile.retain)',
    )
    expect(refusing.connection.all('publish')).toEqual([])
  })

  it('a Client Identifier of 129 bytes, also one that credentials() gave', async () => {
    const clientId = bytes(129)
    const text = 'clientId has 129 bytes, but AWS IoT Core takes at most 128 (profile.maxClientIdBytes)'
    expect(make(awsIotCore, { clientId })).toThrow(text)
    expect(make(awsIotCore, { clientId: bytes(128) })).not.toThrow()
    const server = new FakeServer()
    const client = clientOf(server, { profile: awsIotCore, keepAlive: 60, credentials: () => ({ clientId }) })
    const error = await rejectionOf(client.connect())
    expect(error).toBeInstanceOf(UsageError)
    expect(error).toHaveProperty('message', text)
    expect(server.attempts).toBe(0)
  })

  it('a hundred messages a second: one waits 10 ms for the one before', async () => {
    fakeTime()
    const { client, connection } = await online({ profile: awsIotCore, keepAlive: 60 })
    for (let count = 0; count < 20; count += 1) client.publish('a', 'x', { qos: count % 2 === 0 ? 0 : 1 })
    await quiet()
    expect(connection.all('publish')).toHaveLength(1)
    await pass(100)
    const passed = connection.all('publish').length
    expect(passed).toBeGreaterThan(8)
    expect(passed).toBeLessThanOrEqual(11)
  })
})
