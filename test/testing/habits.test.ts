/** Each habit, as a client meets it; and that the named servers have them. */
import { describe, expect, test } from 'vitest'
import { aedes, ejabberd, mosquitto } from '../../src/servers/index.js'
import { allHabits } from '../../src/testing/broker/habits.js'
import { type Habits, type ServerName, serverHabits } from '../../src/testing/index.js'
import { fakeTime, pass } from '../client/peers/client-on-pipe.js'
import { kinds } from '../servers/form.js'
import { usualAnswers } from '../servers/questions/usual-answers.js'
import { admitted, connectPacket, publish, RawClient, serverInMemory, subscribed } from './raw-client.js'

const serverNames: readonly ServerName[] = ['mosquitto', 'rabbitmq', 'activemq', 'nats', 'ejabberd', 'aedes']

/** What a client gets as answers to these packets, until the connection ends or is quiet. */
async function answersOf(habits: Habits, filter: string, ...packets: Parameters<RawClient['send']>) {
  const server = serverInMemory({ habits })
  const client = await subscribed(server, { [filter]: 2 })
  client.send(...packets)
  const answers = (await client.allUntilPing()).map(({ type }) => type)
  // A connection that the server has closed answers no ping.
  return client.received.some(({ type }) => type === 'pingresp') ? answers : [...answers, 'closed']
}

test('grantedQosMax bounds what SUBACK grants', async () => {
  const server = serverInMemory({ habits: { grantedQosMax: 1 } })
  const client = await subscribed(server, { a: 2 })
  expect(client.received[1]).toMatchObject({ returnCodes: Uint8Array.of(1) })
})

test.each([
  ['pubrec', ['pubrec', 'publish']],
  ['puback', ['puback', 'publish']],
  ['silence', ['publish']],
  ['close', ['closed']],
] as const)('publishAtQos2: %s', async (publishAtQos2, expected) => {
  expect(await answersOf({ publishAtQos2 }, 'a', publish('a', 2, 9))).toEqual(expected)
})

test('unknownPubrel: close', async () => {
  expect(await answersOf({ unknownPubrel: 'close' }, 'a', { type: 'pubrel', packetId: 9 })).toEqual(['closed'])
})

describe('sessionPresent', () => {
  test.each([
    ['truthful', {}, true],
    ['never', { a: 1 }, false],
    ['with-subscriptions', {}, false],
    ['with-subscriptions', { a: 0 }, true],
    ['with-qos1', { a: 0 }, false],
    ['with-qos1', { a: 1 }, true],
  ] as const)('%s, with the subscriptions %j: %s', async (sessionPresent, filters, expected) => {
    const server = serverInMemory({ habits: { sessionPresent } })
    const kept = { cleanSession: false }
    const before = await (Object.keys(filters).length > 0 ? subscribed(server, filters, kept) : admitted(server, kept))
    before.send({ type: 'disconnect' })
    await before.closed
    const after = await admitted(server, kept)
    expect(after.received[0]).toMatchObject({ sessionPresent: expected })
  })
})

test('keepsQos0Subscriptions: false', async () => {
  const server = serverInMemory({ habits: { keepsQos0Subscriptions: false } })
  const client = await subscribed(server, { zero: 0, one: 1 }, { cleanSession: false })
  client.send({ type: 'disconnect' })
  await client.closed
  expect([...server.subscriptions('raw').keys()]).toEqual(['one'])
})

test.each([
  ['dup', true, 2],
  ['no-dup', false, 2],
  ['new-identifier', true, 1],
] as const)('redelivery: %s', async (redelivery, dup, packetId) => {
  const server = serverInMemory({ habits: { redelivery } })
  const before = await subscribed(server, { a: 1 }, { cleanSession: false })
  server.publish('a', '1', { qos: 1 })
  server.publish('a', '2', { qos: 1 })
  await before.next()
  before.send({ type: 'puback', packetId: 1 })
  await before.allUntilPing()
  const after = await admitted(server, { cleanSession: false })
  expect(await after.next()).toMatchObject({ type: 'publish', dup, packetId })
})

test.each([
  ['highest', [1]],
  ['lowest', [0]],
  ['each', [0, 1]],
] as const)('overlappingFilters: %s', async (overlappingFilters, levels) => {
  const server = serverInMemory({ habits: { overlappingFilters } })
  const client = await subscribed(server, { 'a/#': 0, 'a/b': 1 })
  server.publish('a/b', 'x', { qos: 1 })
  const got = (await client.allUntilPing()).map((packet) => (packet.type === 'publish' ? packet.qos : packet.type))
  expect(got).toEqual(levels)
})

test('retainedForWildcards: false', async () => {
  const server = serverInMemory({ habits: { retainedForWildcards: false } })
  await server.publish('a/b', 'x', { retain: true })
  expect(await (await subscribed(server, { 'a/+': 0 }, { clientId: 'wild' })).allUntilPing()).toEqual([])
  expect(await (await subscribed(server, { 'a/b': 0 })).allUntilPing()).toHaveLength(1)
})

test('retainedBeforeSuback: true', async () => {
  const server = serverInMemory({ habits: { retainedBeforeSuback: true } })
  await server.publish('a', 'x', { retain: true })
  const client = await admitted(server)
  client.send({ type: 'subscribe', packetId: 1, subscriptions: [{ filter: 'a', qos: 0 }] })
  expect((await client.allUntilPing()).map(({ type }) => type)).toEqual(['publish', 'suback'])
})

test.each([
  [false, 0],
  [true, 3],
] as const)('wildcardsMatchDollar: %s', async (wildcardsMatchDollar, sessions) => {
  const server = serverInMemory({ habits: { wildcardsMatchDollar } })
  for (const filter of ['#', '+/a', '+/#', 'S/a']) await subscribed(server, { [filter]: 0 }, { clientId: filter })
  expect(await server.publish('$S/a', 'x')).toBe(sessions)
})

test('filterLevelsMax and refusedFilter', async () => {
  const deep = await subscribed(serverInMemory({ habits: { filterLevelsMax: 2, refusedFilter: 0x8f } }), {
    'a/b': 0,
    'a/b/c': 0,
  })
  expect(deep.chunks.at(-1)).toEqual(Buffer.of(0x90, 4, 0, 1, 0, 0x8f))
  const cut = await admitted(serverInMemory({ habits: { filterLevelsMax: 2, refusedFilter: 'close' } }))
  cut.send({ type: 'subscribe', packetId: 1, subscriptions: [{ filter: 'a/b/c', qos: 0 }] })
  expect(await cut.next()).toBeUndefined()
})

test.each([
  ['mosquitto', mosquitto.maxTopicLevels],
  ['ejabberd', ejabberd.maxFilterLevels],
  ['aedes', aedes.maxTopicLevels],
] as const)('%s grants a filter of as many levels as its profile allows, and no more', async (name, most = 0) => {
  const levels = (count: number) => Array(count).fill('a').join('/')
  const filters = { [levels(most)]: 0, [levels(most + 1)]: 0 } as const
  const { chunks } = await subscribed(serverInMemory({ habits: name }), filters)
  expect(chunks.at(-1)).toEqual(Buffer.of(0x90, 4, 0, 1, 0, name === 'ejabberd' ? 0x8f : 0x80))
})

test('willOnTakeOver: false', async () => {
  const server = serverInMemory({ habits: { willOnTakeOver: false } })
  const will = { topic: 'gone', payload: Buffer.from('w'), qos: 0, retain: true } as const
  const first = await admitted(server, { will })
  await admitted(server)
  await first.closed
  expect(server.retained.size).toBe(0)
})

test('sendWindow: so many messages are on their way at once', async () => {
  const server = serverInMemory({ habits: { sendWindow: 2 } })
  const client = await subscribed(server, { a: 1 })
  for (const payload of ['1', '2', '3']) server.publish('a', payload, { qos: 1 })
  expect(await client.allUntilPing()).toHaveLength(2)
  client.send({ type: 'puback', packetId: 1 })
  expect(await client.allUntilPing()).toMatchObject([{ packetId: 3 }])
})

test('keepAliveFactor: after so many times Keep Alive a silent client is cut', async () => {
  fakeTime()
  const server = serverInMemory({ habits: { keepAliveFactor: 3 } })
  const client = new RawClient(server)
  client.send(connectPacket({ keepAlive: 1 }))
  await pass(2_999)
  expect(server.connections).toHaveLength(1)
  await pass(1)
  expect(server.connections).toHaveLength(0)
})

test('keepAliveFactor: the longest Keep Alive times the largest factor is no time of 1 ms', async () => {
  fakeTime()
  const server = serverInMemory({ habits: { keepAliveFactor: 100 } })
  const client = new RawClient(server)
  client.send(connectPacket({ keepAlive: 65_535 }))
  await pass(65_535_000)
  expect(server.connections).toHaveLength(1)
})

test('RabbitMQ as a whole: QoS 2 is granted as 1 and answered with PUBACK, and a Session without QoS 1 is not told', async () => {
  const server = serverInMemory({ habits: 'rabbitmq' })
  const client = await subscribed(server, { a: 2 }, { cleanSession: false })
  client.send(publish('a', 2, 9))
  expect((await client.allUntilPing()).map(({ type }) => type)).toEqual(['puback', 'publish'])
  expect(client.received.find(({ type }) => type === 'publish')).toMatchObject({ qos: 1 })
})

test.each(serverNames)('the habits of %s are all known, by name or spread', async (name) => {
  await admitted(serverInMemory({ habits: name }))
  await admitted(serverInMemory({ habits: { ...serverHabits[name], sendWindow: 1 } }))
})

/** What `npm run test:servers` asks of a server, in the words of the habits. */
test.each(kinds)('the habits of $title are those that the server itself has', ({ name, answers }) => {
  const answer = { ...usualAnswers, ...answers }
  const again = answer['QoS 1 message sent again']
  const underWay = answer['QoS 1 messages under way to a client']
  expect(allHabits(name)).toMatchObject({
    grantedQosMax: answer['SUBSCRIBE at QoS 2'] === 'QoS 2 granted' ? 2 : 1,
    keepsQos0Subscriptions: !answer['Session with both, resumed'].endsWith('QoS 0 lost'),
    redelivery: again.startsWith('DUP 0') ? 'no-dup' : again.includes('another') ? 'new-identifier' : 'dup',
    retainedForWildcards: answer['retained message, filter with a wildcard'] === 'delivered',
    retainedBeforeSuback: answer['first packet after SUBSCRIBE'] !== 'SUBACK',
    wildcardsMatchDollar: answer['# and $x/a'] === 'match',
    refusedPublish: answer['forbidden PUBLISH'] === 'closed' ? 'close' : 'acknowledge',
    willOnTakeOver: answer['will of a client that is taken over'] === 'sent',
    sendWindow: underWay === 'all' ? 65_535 : Number(underWay),
  })
})
