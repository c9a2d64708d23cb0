/** A program connects, and subscribes later. Messages that its resumed session delivers before that are not lost. */
import { describe, expect, test } from 'vitest'
import { type ClientOptions, MqttClient } from '../../../src/index.js'
import { clientOf, fakeTime, type Online, online, pass, quiet } from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'

const persistent: ClientOptions = { clientId: 'c', cleanSession: false }

/** CONNACK and these messages come in one chunk, as brokers send them. */
async function resumed(messages: readonly ReturnType<typeof message>[], options: ClientOptions = {}): Promise<Online> {
  const server = new FakeServer()
  const client = clientOf(server, { ...persistent, ...options })
  const connected = client.connect()
  const connection = await server.accepted()
  await connection.next('connect')
  connection.serve()
  connection.send({ type: 'connack', sessionPresent: true, returnCode: 0 }, ...messages)
  await connected
  return { server, client, connection }
}

const five = [1, 2, 3, 4, 5].map((packetId) => message(`a/${packetId}`, 1, packetId))
const topics = five.map((_, index) => `a/${index + 1}`)

describe('what a resumed session delivers right behind CONNACK', () => {
  test('reaches the handler that is subscribed after connect()', async () => {
    const { client, connection } = await resumed(five)
    const handled: string[] = []
    await client.subscribe('a/+', { qos: 1 }, ({ topic }) => handled.push(topic))
    await quiet()
    expect(handled).toEqual(topics)
    expect(connection.all('puback')).toHaveLength(5)
    expect(client.stats.unclaimed).toBe(0)
  })

  test('reaches a loop over messages() that begins after connect()', async () => {
    const { client } = await resumed(five)
    const looped: string[] = []
    for await (const { topic } of await client.messages('a/+', { qos: 1 })) {
      looped.push(topic)
      if (looped.length === 5) break
    }
    expect(looped).toEqual(topics)
  })

  test('is not delivered before the program has heard of the connection, not even to a handler of the options', async () => {
    const happened: string[] = []
    const handlers = { 'a/+': () => void happened.push('handled') }
    await resumed(five.slice(0, 1), { handlers })
    happened.push('connected')
    await quiet()
    expect(happened).toEqual(['connected', 'handled'])
  })

  test('waits through a hundred subscribes one after the other, 150 ms each, and starts in its order', async () => {
    fakeTime()
    const { client, connection } = await resumed(five)
    await pass(0)
    connection.onPacket = undefined
    const handled: string[] = []
    for (let n = 1; n <= 100; n += 1) {
      const subscribed = client.subscribe(n === 100 ? 'a/+' : `other/${n}`, ({ topic }) => handled.push(topic))
      await pass(150)
      const { packetId } = await connection.until('subscribe')
      connection.send({ type: 'suback', packetId, returnCodes: [0] })
      await subscribed
    }
    await quiet()
    expect(handled).toEqual(topics)
  })

  test('does not hold up what has a route', async () => {
    const { client, connection } = await resumed([message('stale', 1, 1), message('wanted', 2, 2)])
    const handled: string[] = []
    await client.subscribe('wanted', ({ topic }) => handled.push(topic))
    await quiet()
    expect(handled).toEqual(['wanted'])
    expect(connection.all('pubrec')).toHaveLength(1)
    expect(connection.all('puback')).toEqual([])
  })
})

describe('the keeping ends', () => {
  test.each([
    ['ten seconds behind CONNACK if no route comes', 10_000, () => {}],
    ['two seconds behind the last route', 2_000, (client: MqttClient) => void client.handle('b', () => {})],
  ])('%s: then the message is unclaimed', async (_, lasts, act) => {
    fakeTime()
    const { client, connection } = await resumed([message('a', 1, 1)])
    await pass(0)
    act(client)
    await pass(lasts - 1)
    expect(connection.all('puback')).toEqual([])
    await pass(1)
    expect(connection.all('puback')).toHaveLength(1)
    expect(client.stats.unclaimed).toBe(1)
  })

  test('after a minute in any case', async () => {
    fakeTime()
    const { client, connection } = await resumed([message('a', 1, 1)])
    await pass(0)
    for (let second = 1; second < 60; second += 1) {
      client.handle('b', () => {})
      await pass(1_000)
    }
    expect(connection.all('puback')).toEqual([])
    await pass(1_000)
    expect(connection.all('puback')).toHaveLength(1)
  })

  test('when its bytes are full', async () => {
    const many = Array.from({ length: 20 }, (_, index) => message('a', 1, index + 1))
    const { client, connection } = await resumed(many, { receiveBufferBytes: 1_300 })
    for (let turn = 0; turn < 5; turn += 1) await quiet()
    expect(connection.all('puback')).toHaveLength(20)
    expect(client.stats.unclaimed).toBe(20)
  })

  test('with the first connection: a later one acknowledges at once', async () => {
    fakeTime()
    const { client, connection, server } = await resumed([message('a', 1, 1)], {
      reconnect: { minDelayMs: 1, maxDelayMs: 1 },
    })
    await pass(0)
    expect(connection.all('puback')).toEqual([])
    connection.cut()
    await pass(1)
    const later = await server.admitted(true)
    later.send(message('a', 1, 1, true))
    await quiet()
    expect(later.all('puback')).toHaveLength(1)
    expect(client.stats.unclaimed).toBe(1)
  })
})

test.each([
  ['a clean session', { cleanSession: true }],
  ['onMessage', { ...persistent, onMessage: () => {} }],
])('nothing is kept aside with %s', async (_, options) => {
  const { connection } = await online(options)
  connection.send(message('a', 1, 1))
  await quiet()
  expect(connection.all('puback')).toHaveLength(1)
})

test('unclaimedAfterMs is refused where it is no time', () => {
  expect(() => new MqttClient({ url: 'mqtt://[::1]', unclaimedAfterMs: 0 })).toThrow(/unclaimedAfterMs/)
})
