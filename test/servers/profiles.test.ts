/** What a program reads when it asks a server for what that server does not do well: before a byte is written. */
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { type ClientOptions, MqttClient, type ServerProfile, UsageError } from '../../src/index.js'
import * as profiles from '../../src/servers/index.js'
import { online, quiet, rejectionOf } from '../client/peers/client-on-pipe.js'

const { activemq, aedes, awsIotCore, ejabberd, mosquitto, nats, rabbitmq } = profiles
const levels = (count: number) => Array(count).fill('x').join('/')

/** The warnings of this package to the end of the test. */
function warnings(): string[] {
  const texts: string[] = []
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((text) => void texts.push(String(text)))
  onTestFinished(() => spy.mockRestore())
  return texts
}

/** The text of the error with which a call is refused. Nothing is sent. */
async function refusal(profile: ServerProfile, call: (client: MqttClient) => Promise<unknown>): Promise<unknown> {
  const { client, connection } = await online({ profile, keepAlive: 60 })
  const error = await rejectionOf(call(client))
  expect(error).toBeInstanceOf(UsageError)
  await quiet()
  expect(connection.names).toEqual(['connect'])
  return error instanceof UsageError ? error.message : undefined
}

/** What the client sends for a call with an ordinary topic, which the server takes. */
async function sent(profile: ServerProfile, call: (client: MqttClient) => Promise<unknown>): Promise<string[]> {
  const { client, connection } = await online({ profile, keepAlive: 60 })
  connection.serve()
  await call(client)
  await quiet()
  return connection.names
}

describe('each profile', () => {
  it.each(Object.entries(profiles))('is one that a client takes, with a name (%s)', (_, profile) => {
    const make = (options: ClientOptions) => new MqttClient({ url: 'mqtt://[::1]', ...options })
    expect(() => make({ profile })).not.toThrow()
    expect(profile.name).toMatch(/\w/)
  })
})

describe('a topic with a character that the server refuses', () => {
  it.each([['a.b'], ['a b']])('is refused for NATS, in names, filters and wills (%s)', async (topic) => {
    const text = `has the topic "${topic}" with "${topic[1]}", but NATS takes no topic with this character (profile.topics.refused)`
    expect(await refusal(nats, (client) => client.publish(topic, 'x'))).toBe(`the message ${text}`)
    expect(await refusal(nats, (client) => client.subscribe(`${topic}/+`))).toContain('NATS takes no topic')
    const will = { topic, payload: '' }
    expect(() => new MqttClient({ url: 'mqtt://[::1]', profile: nats, will })).toThrow(`will ${text}`)
  })

  it('is refused also behind topics that the client has sent before', async () => {
    const { client } = await online({ profile: nats })
    await client.publish('a/b', 'x')
    for (let count = 0; count < 2; count += 1) {
      expect(await rejectionOf(client.publish('a.b', 'x'))).toHaveProperty('message', expect.stringContaining('"a.b"'))
    }
  })
})

describe('a topic with a character that the server changes', () => {
  it('is sent, and warned of once for each client', async () => {
    const given = warnings()
    expect(await sent(rabbitmq, (client) => client.publish('a.b', 'x'))).toEqual(['connect', 'publish'])
    const { client, connection } = await online({ profile: rabbitmq })
    connection.serve()
    await client.publish('a/b', 'x')
    await client.publish('a*b', 'x')
    await client.subscribe('c.d')
    expect(given).toEqual([
      'the message has the topic "a.b"; RabbitMQ makes "/" of ".", so messages come under another topic (profile.topics.changed; said once)',
      'the message has the topic "a*b"; RabbitMQ makes "+" of "*", so messages come under another topic (profile.topics.changed; said once)',
    ])
    expect(connection.all('subscribe')).toHaveLength(1)
  })

  it('is told with what ActiveMQ does', async () => {
    const given = warnings()
    await sent(activemq, (client) => client.publish('a,b', 'x'))
    await sent(activemq, (client) => client.subscribe('a?b'))
    expect(given).toEqual([
      expect.stringContaining('ActiveMQ makes the end of one topic and the start of another of ","'),
      expect.stringContaining('the filter has the topic "a?b"; ActiveMQ makes the end of the topic of "?"'),
    ])
  })
})

describe('a shared subscription', () => {
  it.each([rabbitmq, activemq, nats, ejabberd, aedes])('is refused for $name, which has none', async (profile) => {
    expect(await refusal(profile, (client) => client.subscribe('$share/g/t'))).toBe(
      `the filter "$share/g/t" is a shared subscription, but ${profile.name} takes none: it would bring no message (profile.sharedSubscriptions)`,
    )
  })

  it.each([mosquitto, awsIotCore])('goes to $name', async (profile) => {
    expect(await sent(profile, (client) => client.subscribe('$share/g/t'))).toEqual(['connect', 'subscribe'])
  })
})

describe('a topic with too many levels', () => {
  it('is refused for ejabberd as a filter, and is sent as a name', async () => {
    expect(await refusal(ejabberd, (client) => client.subscribe(levels(9)))).toBe(
      'the filter has a topic of 9 levels, but ejabberd takes at most 8 (profile.maxFilterLevels)',
    )
    expect(await sent(ejabberd, (client) => client.subscribe(levels(8)))).toEqual(['connect', 'subscribe'])
    expect(await sent(ejabberd, (client) => client.publish(levels(9), 'x'))).toEqual(['connect', 'publish'])
  })

  it.each([
    [aedes, 100],
    [mosquitto, 201],
  ])('is refused for $name, which closes, as a name too', async (profile, most) => {
    const limit = '(profile.maxTopicLevels)'
    expect(await refusal(profile, (client) => client.subscribe(levels(most + 1)))).toContain(limit)
    expect(await refusal(profile, (client) => client.publish(levels(most + 1), 'x'))).toContain(limit)
    expect(await sent(profile, (client) => client.publish(levels(most), 'x'))).toEqual(['connect', 'publish'])
  })

  it('does not count the levels of Basic Ingest for AWS IoT Core', async () => {
    const rule = `$aws/rules/name/${levels(8)}`
    expect(await sent(awsIotCore, (client) => client.publish(rule, 'x'))).toEqual(['connect', 'publish'])
    expect(await refusal(awsIotCore, (client) => client.publish(`${rule}/x`, 'x'))).toContain('a topic of 9 levels')
  })
})

describe('QoS 2', () => {
  it.each([rabbitmq, nats, awsIotCore])('is refused for $name, which has none', async (profile) => {
    const text = `but ${profile.name} takes QoS up to 1 (profile.maxQos)`
    expect(await refusal(profile, (client) => client.publish('a', 'x', { qos: 2 }))).toContain(text)
    expect(await refusal(profile, (client) => client.subscribe('a', { qos: 2 }))).toContain(text)
  })
})

describe('a 64th subscription', () => {
  it('is refused for NATS, which has room for 63', async () => {
    const filters = Array.from({ length: 64 }, (_, index) => `${index}`)
    expect(await refusal(nats, (client) => client.subscribe(filters))).toBe(
      'this would make 64 subscriptions, but NATS takes at most 63 (profile.maxSubscriptions)',
    )
    const more = { ...nats, maxSubscriptions: undefined }
    expect(await sent(more, (client) => client.subscribe(filters))).toEqual(['connect', 'subscribe'])
  })
})
