import { describe, expect, test } from 'vitest'
import { TimeoutError } from '../../../src/index.js'
import { clientOf, event, fakeTime, online, pass, quiet, rejectionOf, watch } from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'

describe('a subscribe() that was given up', () => {
  test('by its signal: rejects with the reason, and a late grant is taken back', async () => {
    const { client, connection } = await online()
    const abort = new AbortController()
    const subscribed = client.subscribe('a', { signal: abort.signal })
    const { packetId } = await connection.next('subscribe')
    const reason = new Error('never mind')
    abort.abort(reason)
    expect(await rejectionOf(subscribed)).toBe(reason)
    connection.send({ type: 'suback', packetId, returnCodes: [0] })
    expect((await connection.next('unsubscribe')).filters).toEqual(['a'])
  })

  test('before it was asked is never sent', async () => {
    const { client, connection } = await online()
    const signal = AbortSignal.abort(new Error('too late'))
    expect(await rejectionOf(client.subscribe('a', { signal }))).toBe(signal.reason)
    expect(await rejectionOf(client.messages('a', { signal }))).toBe(signal.reason)
    await quiet()
    expect(connection.names).toEqual(['connect'])
  })

  test('before it was sent is never sent', async () => {
    const server = new FakeServer()
    const client = clientOf(server)
    const abort = new AbortController()
    const subscribed = client.subscribe('a', { signal: abort.signal })
    abort.abort()
    expect(await rejectionOf(subscribed)).toBe(abort.signal.reason)
    const connected = client.connect()
    const connection = await server.admitted()
    await connected
    await quiet()
    expect(connection.names).toEqual(['connect'])
  })

  test('by operationTimeoutMs: rejects in time, and a late grant is taken back', async () => {
    fakeTime()
    const { client, connection } = await online({ operationTimeoutMs: 500 })
    const subscribed = client.subscribe('a')
    const watched = watch(subscribed)
    const { packetId } = await connection.next('subscribe')
    await pass(499)
    expect(watched.state).toBe('pending')
    await pass(2)
    const error = await rejectionOf(subscribed)
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ operation: 'subscribe', timeoutMs: 500 })
    expect(client.state).toBe('online')
    connection.send({ type: 'suback', packetId, returnCodes: [0] })
    expect((await connection.next('unsubscribe')).filters).toEqual(['a'])
  })

  test('keeps a late grant that another subscription wants', async () => {
    const { client, connection } = await online()
    const abort = new AbortController()
    const given = client.subscribe('a', { signal: abort.signal })
    const wanted = client.subscribe('a')
    const [first, second] = [await connection.next('subscribe'), await connection.next('subscribe')]
    abort.abort()
    await rejectionOf(given)
    for (const { packetId } of [first, second]) connection.send({ type: 'suback', packetId, returnCodes: [0] })
    await wanted
    await quiet()
    expect(connection.all('unsubscribe')).toEqual([])
  })
})

describe('after a reconnection', () => {
  const options = { reconnect: { minDelayMs: 1, maxDelayMs: 1 } }

  test('subscriptions are made again when the server has no session [MQTT-3.2.2-3]', async () => {
    const { client, connection, server } = await online(options)
    connection.serve()
    await client.subscribe('a', { qos: 2 })
    await client.subscribe('b')
    await (await client.subscribe('gone')).unsubscribe()
    connection.cut()
    const again = await server.admitted()
    expect((await again.next('subscribe')).subscriptions).toEqual([
      { filter: 'a', qos: 2 },
      { filter: 'b', qos: 0 },
    ])
  })

  test('subscriptions are not made again in a session that the server resumed', async () => {
    const { client, connection, server } = await online({ ...options, cleanSession: false, clientId: 'c' })
    connection.serve()
    await client.subscribe('a')
    connection.cut()
    const again = await server.admitted(true)
    await event(client, 'online')
    await quiet()
    expect(again.names).toEqual(['connect'])
  })

  test('subscriptions are made again when the answer to a CONNECT was lost, whatever the flag says', async () => {
    const { client, connection, server } = await online({ ...options, cleanSession: false, clientId: 'c' })
    connection.serve()
    await client.subscribe('a')
    connection.cut()
    const lost = await server.accepted()
    await lost.next('connect')
    lost.cut()
    const again = await server.admitted(true)
    expect((await again.next('subscribe')).subscriptions).toEqual([{ filter: 'a', qos: 0 }])
  })

  test('a subscribe() whose SUBACK was lost is sent anew, and resolves', async () => {
    const { client, connection, server } = await online(options)
    const subscribed = client.subscribe('a')
    await connection.next('subscribe')
    connection.cut()
    server.serve()
    const again = await server.admitted()
    expect((await subscribed).granted).toEqual([{ filter: 'a', qos: 0 }])
    expect(again.all('subscribe')).toHaveLength(1)
  })

  test('the event refused names what the server took back; the routes stay', async () => {
    const { client, connection, server } = await online(options)
    connection.serve()
    const topics: string[] = []
    await client.subscribe(['a', 'b'], ({ topic }) => topics.push(topic))
    connection.cut()
    const refused = event(client, 'refused')
    const again = await server.admitted()
    const { packetId } = await again.next('subscribe')
    again.send({ type: 'suback', packetId, returnCodes: [0, 0x80] }, message('b'))
    expect(await refused).toEqual({ filters: ['b'] })
    expect(topics).toEqual(['b'])
    expect(client.state).toBe('online')
  })
})
