import { describe, expect, test } from 'vitest'
import { type Message, SubscribeRefusedError, UsageError } from '../../../src/index.js'
import { fakeTime, online, pass, quiet, rejectionOf, watch } from '../peers/client-on-pipe.js'
import { message } from '../peers/fake-server.js'

describe('subscribe()', () => {
  test('resolves with SUBACK and what was granted, in the order asked for', async () => {
    const { client, connection } = await online()
    const subscribed = client.subscribe(['a', { filter: 'b', qos: 2 }, { filter: 'c' }], { qos: 1 })
    const watched = watch(subscribed)
    const { packetId, subscriptions } = await connection.next('subscribe')
    expect(subscriptions).toEqual([
      { filter: 'a', qos: 1 },
      { filter: 'b', qos: 2 },
      { filter: 'c', qos: 1 },
    ])
    await quiet()
    expect(watched.state).toBe('pending')
    connection.send({ type: 'suback', packetId, returnCodes: [1, 0, 1] })
    expect((await subscribed).granted).toEqual([
      { filter: 'a', qos: 1 },
      { filter: 'b', qos: 0 },
      { filter: 'c', qos: 1 },
    ])
  })

  test.each([
    ['as the second argument', (client: Client, handler: Handler) => client.subscribe('a', handler)],
    ['behind options', (client: Client, handler: Handler) => client.subscribe('a', { qos: 1 }, handler)],
    ['behind undefined', (client: Client, handler: Handler) => client.subscribe('a', undefined, handler)],
  ])('takes a handler %s', async (_, subscribe) => {
    const { client, connection } = await online()
    connection.serve()
    const topics: string[] = []
    await subscribe(client, ({ topic }) => topics.push(topic))
    connection.send(message('a'))
    await quiet()
    expect(topics).toEqual(['a'])
  })

  test('asks for QoS 0 unless told otherwise', async () => {
    const { client, connection } = await online()
    client.subscribe('a').catch(() => {})
    expect((await connection.next('subscribe')).subscriptions).toEqual([{ filter: 'a', qos: 0 }])
  })

  test('has its route before SUBSCRIBE is written: a message before SUBACK finds its handler [3.8.4 early messages]', async () => {
    const { client, connection } = await online()
    const topics: string[] = []
    const subscribed = client.subscribe('a', ({ topic }) => topics.push(topic))
    const { packetId } = await connection.next('subscribe')
    connection.send(message('a'), { type: 'suback', packetId, returnCodes: [0] })
    await subscribed
    expect(topics).toEqual(['a'])
    expect(client.stats.unclaimed).toBe(0)
  })

  test('without a handler leaves routing to handle() and onMessage', async () => {
    const rest: string[] = []
    const { client, connection } = await online({ onMessage: ({ topic }) => rest.push(topic) })
    connection.serve()
    const handled: string[] = []
    client.handle('a/+', ({ topic }) => handled.push(topic))
    await client.subscribe('#')
    connection.send(message('a/b'), message('c'))
    await quiet()
    expect([handled, rest]).toEqual([['a/b'], ['c']])
  })

  test.each([
    ['no filters', (client: Client) => client.subscribe([])],
    ['a handler that is no function', (client: Client) => Reflect.apply(client.subscribe, client, ['a', {}, 'log'])],
    ['filters that are no list', (client: Client) => Reflect.apply(client.subscribe, client, [{ filter: 'a' }])],
    ['a filter that is no string', (client: Client) => Reflect.apply(client.subscribe, client, [[7]])],
    ['a limit of 0 in messages', (client: Client) => client.messages('a', { limit: 0 })],
  ])('refuses %s, before a byte is written', async (_, subscribe) => {
    const { client, connection } = await online()
    expect(await rejectionOf(subscribe(client))).toBeInstanceOf(UsageError)
    await quiet()
    expect(connection.names).toEqual(['connect'])
  })
})

describe('a subscription', () => {
  test('ends with unsubscribe(): its route with UNSUBACK, and not before', async () => {
    const { client, connection } = await online({ onMessage: () => {} })
    const topics: string[] = []
    const subscribed = client.subscribe('a', ({ topic }) => topics.push(topic))
    const { packetId } = await connection.next('subscribe')
    connection.send({ type: 'suback', packetId, returnCodes: [0] })
    const subscription = await subscribed
    const ended = subscription.unsubscribe()
    const watched = watch(ended)
    const unsubscribe = await connection.next('unsubscribe')
    expect(unsubscribe.filters).toEqual(['a'])
    connection.send(message('a'))
    await quiet()
    expect(topics).toEqual(['a'])
    expect(watched.state).toBe('pending')
    connection.send({ type: 'unsuback', packetId: unsubscribe.packetId }, message('a'))
    await ended
    await subscription.unsubscribe()
    await quiet()
    expect(topics).toEqual(['a'])
    expect(connection.all('unsubscribe')).toHaveLength(1)
  })

  test('ends with its block, by `await using`', async () => {
    const { client, connection } = await online()
    connection.serve()
    {
      await using subscription = await client.subscribe('a')
      expect(subscription.granted).toHaveLength(1)
    }
    expect(connection.all('unsubscribe')).toHaveLength(1)
  })

  test('shares its filter with others: asked at the highest QoS, unsubscribed with the last', async () => {
    const { client, connection } = await online()
    connection.serve()
    const got: string[] = []
    const first = await client.subscribe('a', { qos: 2 }, () => got.push('first'))
    const second = await client.subscribe('a', { qos: 0 }, () => got.push('second'))
    expect(connection.all('subscribe').map(({ subscriptions }) => subscriptions)).toEqual([
      [{ filter: 'a', qos: 2 }],
      [{ filter: 'a', qos: 2 }],
    ])
    await first.unsubscribe()
    expect(connection.all('unsubscribe')).toHaveLength(0)
    connection.send(message('a'))
    await quiet()
    expect(got).toEqual(['second'])
    await second.unsubscribe()
    expect(connection.all('unsubscribe')).toHaveLength(1)
  })

  test('with the same handler twice calls it once for each message, and until both have ended', async () => {
    const { client, connection } = await online({ onMessage: () => {} })
    connection.serve()
    let calls = 0
    const handler = () => {
      calls += 1
    }
    const first = await client.subscribe('a', handler)
    const second = await client.subscribe('a', handler)
    connection.send(message('a'))
    await quiet()
    expect(calls).toBe(1)
    await first.unsubscribe()
    connection.send(message('a'))
    await quiet()
    expect(calls).toBe(2)
    await second.unsubscribe()
    connection.send(message('a'))
    await quiet()
    expect(calls).toBe(2)
  })

  test('that names a filter twice has one route, and none when it has ended', async () => {
    const { client, connection } = await online({ onMessage: () => {} })
    connection.serve()
    let calls = 0
    const subscription = await client.subscribe(['a', { filter: 'a', qos: 1 }], () => {
      calls += 1
    })
    connection.send(message('a'))
    await quiet()
    expect(calls).toBe(1)
    await subscription.unsubscribe()
    connection.send(message('a'))
    await quiet()
    expect(calls).toBe(1)
  })

  test('that was partly refused takes back what was granted, and rejects with the filters', async () => {
    const { client, connection } = await online({ onMessage: () => {} })
    let calls = 0
    const subscribed = client.subscribe(['good', 'bad'], () => {
      calls += 1
    })
    const { packetId } = await connection.next('subscribe')
    connection.send({ type: 'suback', packetId, returnCodes: [1, 0x80] }, message('good'))
    const error = await rejectionOf(subscribed)
    expect(error).toBeInstanceOf(SubscribeRefusedError)
    expect(error).toHaveProperty('filters', ['bad'])
    expect((await connection.next('unsubscribe')).filters).toEqual(['good'])
    expect(calls).toBe(0)
  })

  test('that was partly refused leaves alone what another subscription holds', async () => {
    const { client, connection } = await online()
    connection.serve()
    await client.subscribe('good')
    connection.onPacket = undefined
    const subscribed = client.subscribe(['good', 'bad'])
    await connection.until('subscribe')
    const { packetId } = await connection.until('subscribe')
    connection.send({ type: 'suback', packetId, returnCodes: [0, 0x80] })
    await rejectionOf(subscribed)
    await quiet()
    expect(connection.all('unsubscribe')).toEqual([])
  })

  test('counts by its topic when it is shared with other clients ($share/group/filter)', async () => {
    const { client, connection } = await online()
    connection.serve()
    const topics: string[] = []
    await client.subscribe('$share/workers/job/+', ({ topic }) => topics.push(topic))
    expect(connection.all('subscribe')[0]?.subscriptions[0]?.filter).toBe('$share/workers/job/+')
    connection.send(message('job/1'))
    await quiet()
    expect(topics).toEqual(['job/1'])
  })
})

describe('a subscription whose UNSUBACK does not come', () => {
  test('goes on, and unsubscribe() can be tried again', async () => {
    fakeTime()
    const { client, connection } = await online({ operationTimeoutMs: 500, onMessage: () => {} })
    connection.serve()
    const topics: string[] = []
    const subscription = await client.subscribe('a', ({ topic }) => topics.push(topic))
    connection.onPacket = undefined
    for (let time = 1; time <= 2; time++) {
      const first = subscription.unsubscribe()
      const same = subscription.unsubscribe()
      await pass(501)
      expect(await rejectionOf(first)).toMatchObject({ code: 'MQTT_TIMEOUT', operation: 'unsubscribe' })
      expect(await rejectionOf(same)).toMatchObject({ code: 'MQTT_TIMEOUT' })
      expect(connection.all('unsubscribe')).toHaveLength(time)
    }
    connection.send(message('a'))
    await quiet()
    expect(topics).toEqual(['a'])
    connection.serve()
    // The subscription is in use again, so the end of another one sends no UNSUBSCRIBE.
    await (await client.subscribe('a')).unsubscribe()
    expect(connection.all('unsubscribe')).toHaveLength(2)
    await subscription.unsubscribe()
    connection.send(message('a'))
    await quiet()
    expect(topics).toEqual(['a'])
    expect(connection.all('unsubscribe')).toHaveLength(3)
  })

  test('is not counted on by others: each of them is asked for, and unsubscribed, on its own', async () => {
    const { client, connection } = await online()
    connection.serve()
    const leaving = await client.subscribe('a', { qos: 2 }, () => {})
    connection.onPacket = undefined
    const left = leaving.unsubscribe()
    const subscribed = client.subscribe('a', { qos: 1 }, () => {})
    const unsubscribe = await connection.until('unsubscribe')
    const subscribe = await connection.next('subscribe')
    expect(subscribe.subscriptions).toEqual([{ filter: 'a', qos: 1 }])
    connection.serve()
    connection.send({ type: 'suback', packetId: subscribe.packetId, returnCodes: [1] })
    const next = await subscribed
    await next.unsubscribe()
    expect(connection.all('unsubscribe')).toHaveLength(2)
    connection.send({ type: 'unsuback', packetId: unsubscribe.packetId })
    await left
  })

  test('gives up with the client: then there is nothing left to unsubscribe', async () => {
    const { client, connection } = await online()
    connection.serve()
    const subscription = await client.subscribe('a', () => {})
    connection.onPacket = undefined
    const ended = rejectionOf(subscription.unsubscribe())
    client.destroy()
    expect(await ended).toMatchObject({ code: 'MQTT_CLOSED' })
    await subscription.unsubscribe()
  })
})

describe('unsubscribe()', () => {
  test('leaves the routes until UNSUBACK, and those that are made meanwhile for good', async () => {
    const { client, connection } = await online({ onMessage: () => {} })
    connection.serve()
    const got: string[] = []
    await client.subscribe('a', () => got.push('old'))
    connection.onPacket = undefined
    const left = client.unsubscribe('a')
    const subscribed = client.subscribe('a', () => got.push('new'))
    const unsubscribe = await connection.until('unsubscribe')
    const subscribe = await connection.next('subscribe')
    connection.send(message('a'))
    await quiet()
    expect(got).toEqual(['old', 'new'])
    connection.send({ type: 'unsuback', packetId: unsubscribe.packetId })
    connection.send({ type: 'suback', packetId: subscribe.packetId, returnCodes: [0] }, message('a'))
    await left
    await subscribed
    await quiet()
    expect(got).toEqual(['old', 'new', 'new'])
  })

  test('removes every subscription of the filter and its routes', async () => {
    const { client, connection } = await online({ onMessage: () => {} })
    connection.serve()
    const got: string[] = []
    const both = await client.subscribe(['a', 'b'], ({ topic }) => got.push(`both ${topic}`))
    await client.subscribe('a', ({ topic }) => got.push(`one ${topic}`))
    await client.unsubscribe('a')
    expect(connection.all('unsubscribe').map(({ filters }) => filters)).toEqual([['a']])
    connection.send(message('a'), message('b'))
    await quiet()
    expect(got).toEqual(['both b'])
    await both.unsubscribe()
    expect(connection.all('unsubscribe').map(({ filters }) => filters)).toEqual([['a'], ['b']])
  })

  test('is sent for filters that only the server knows of, several in one packet', async () => {
    const { client, connection } = await online()
    connection.serve()
    await client.unsubscribe(['old', 'older'])
    expect(connection.all('unsubscribe').map(({ filters }) => filters)).toEqual([['old', 'older']])
  })

  test('rejects in time when no UNSUBACK comes', async () => {
    fakeTime()
    const { client, connection } = await online({ operationTimeoutMs: 500 })
    const unsubscribed = client.unsubscribe('a')
    await connection.next('unsubscribe')
    await pass(501)
    expect(await rejectionOf(unsubscribed)).toMatchObject({ code: 'MQTT_TIMEOUT', operation: 'unsubscribe' })
  })
})

test('handle() routes without SUBSCRIBE, until it is disposed of', async () => {
  const { client, connection } = await online({ onMessage: () => {} })
  const got: Message[] = []
  const route = client.handle('a/#', (message) => got.push(message))
  connection.send(message('a'))
  await quiet()
  route[Symbol.dispose]()
  route[Symbol.dispose]()
  connection.send(message('a'))
  await quiet()
  expect(got.map(({ topic }) => topic)).toEqual(['a'])
  expect(connection.names).toEqual(['connect'])
  expect(() => client.handle('a#', () => {})).toThrow(UsageError)
  expect(() => Reflect.apply(client.handle, client, ['a', 'no function'])).toThrow(UsageError)
})

test('handle() that is disposed of twice takes no other route of the same handler with it', async () => {
  const { client, connection } = await online()
  let calls = 0
  const handler = () => {
    calls += 1
  }
  const first = client.handle('a', handler)
  client.handle('a', handler)
  first[Symbol.dispose]()
  first[Symbol.dispose]()
  connection.send(message('a'))
  await quiet()
  expect(calls).toBe(1)
})

type Client = Awaited<ReturnType<typeof online>>['client']
type Handler = (message: Message) => unknown
