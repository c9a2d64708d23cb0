import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import {
  type ClientOptions,
  ClosedError,
  ConnectionLostError,
  ConnectionRefusedError,
  connect,
  MalformedPacketError,
  ProtocolViolationError,
  TimeoutError,
  UsageError,
} from '../../../src/index.js'
import type { SessionStore } from '../../../src/store/index.js'
import { clientOf, event, fakeTime, online, pass, quiet, rejectionOf, watch } from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'

const storeThatHangs: SessionStore = {
  durable: false,
  open: () => new Promise(() => {}),
  append: async () => {},
  close: async () => {},
}

describe('connect()', () => {
  test('resolves with Session Present once CONNACK has come', async () => {
    const server = new FakeServer()
    const client = clientOf(server, { cleanSession: false, clientId: 'c' })
    expect(client.state).toBe('idle')
    const connected = client.connect()
    const watched = watch(connected)
    expect(client.state).toBe('connecting')
    const connection = await server.accepted()
    await connection.next('connect')
    await quiet()
    expect(watched.state).toBe('pending')
    connection.send({ type: 'connack', sessionPresent: true, returnCode: 0 })
    expect(await connected).toEqual({ sessionPresent: true })
    expect(client.state).toBe('online')
  })

  test('reaches a server over TCP on the loopback interface', async () => {
    const server = new FakeServer()
    const url = await server.listen()
    const connecting = connect(url, { clientId: 'over-tcp' })
    const connection = await server.accepted()
    expect(await connection.admit()).toMatchObject({ clientId: 'over-tcp', cleanSession: true, keepAlive: 60 })
    const client = await connecting
    await client.end()
    await connection.next('disconnect')
    await connection.closed
  })

  test.each([1, 2, 3, 4, 5])('rejects with Return Code %i, and closes the client', async (returnCode) => {
    const server = new FakeServer()
    const client = clientOf(server)
    const connected = client.connect()
    await (await server.accepted()).refuse(returnCode)
    const error = await rejectionOf(connected)
    expect(error).toBeInstanceOf(ConnectionRefusedError)
    expect(error).toHaveProperty('returnCode', returnCode)
    expect(await rejectionOf(client.closed)).toBe(error)
    expect(client.state).toBe('closed')
    expect(server.attempts).toBe(1)
  })

  test('rejects when the server closes before CONNACK', async () => {
    const server = new FakeServer()
    const connected = clientOf(server).connect()
    const connection = await server.accepted()
    await connection.next('connect')
    connection.cut()
    expect(await rejectionOf(connected)).toMatchObject({ code: 'MQTT_CONNECTION_LOST', reason: 'closed' })
  })

  test('says so when the server closes in the middle of a packet', async () => {
    const server = new FakeServer()
    const connected = clientOf(server).connect()
    const connection = await server.accepted()
    await connection.next('connect')
    connection.sendBytes(Buffer.from([0x20, 2, 0]))
    connection.close()
    const error = await rejectionOf(connected)
    expect(error).toBeInstanceOf(ConnectionLostError)
    expect(error).toMatchObject({ reason: 'closed', cause: { fault: 'unexpected-end' } })
  })

  test('rejects with a TimeoutError when no CONNACK comes within connectTimeoutMs [MQTT-3.1.4-4] [3.2 missing CONNACK]', async () => {
    fakeTime()
    const server = new FakeServer()
    const connected = clientOf(server, { connectTimeoutMs: 700 }).connect()
    const watched = watch(connected)
    const connection = await server.accepted()
    await pass(699)
    expect(watched.state).toBe('pending')
    await pass(1)
    const error = await rejectionOf(connected)
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ operation: 'connect', timeoutMs: 700 })
    await connection.closed
  })

  test.each<[string, ClientOptions]>([
    ['no answer of credentials or store', { credentials: () => new Promise(() => {}) }],
    ['no answer of credentials or store', { clientId: 'c', cleanSession: false, store: storeThatHangs }],
    ['no connection', { stream: () => new Promise(() => {}) }],
    ['no CONNACK', {}],
  ])('rejects after connectTimeoutMs with what did not come: %s', async (missing, options) => {
    fakeTime()
    const connected = clientOf(new FakeServer(), { connectTimeoutMs: 700, ...options }).connect()
    await quiet()
    await pass(700)
    expect(String(await rejectionOf(connected))).toContain(`${missing} within 700 ms`)
  })

  test('rejects with a MalformedPacketError on bytes that are no packet', async () => {
    const server = new FakeServer()
    const connected = clientOf(server).connect()
    const connection = await server.accepted()
    await connection.next('connect')
    connection.sendBytes(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
    expect(await rejectionOf(connected)).toBeInstanceOf(MalformedPacketError)
    await connection.closed
  })

  test('rejects with a ProtocolViolationError on a packet before CONNACK [MQTT-3.2.0-1]', async () => {
    const server = new FakeServer()
    const connected = clientOf(server).connect()
    const connection = await server.accepted()
    await connection.next('connect')
    connection.send(message('early'), { type: 'connack', sessionPresent: false, returnCode: 0 })
    const error = await rejectionOf(connected)
    expect(error).toBeInstanceOf(ProtocolViolationError)
    expect(error).toMatchObject({ violation: 'before-connack' })
  })

  test('rejects with the reason of the network: a name that does not exist, a port where nobody listens', async () => {
    // `.invalid` is reserved for names that never exist (RFC 2606).
    expect(await rejectionOf(connect('mqtt://no-such-host.invalid'))).toMatchObject({
      code: 'MQTT_CONNECTION_LOST',
      reason: 'name-not-found',
    })
    expect(await rejectionOf(connect('mqtt://127.0.0.1:1'))).toMatchObject({ reason: 'refused' })
  })

  test('rejects with what the option stream throws as the cause', async () => {
    const server = new FakeServer()
    server.unreachable = new Error('no tunnel')
    const error = await rejectionOf(clientOf(server).connect())
    expect(error).toBeInstanceOf(ConnectionLostError)
    expect(error).toHaveProperty('cause', server.unreachable)
  })

  test('rejects with signal.reason when its signal is aborted, before and during the attempt', async () => {
    const server = new FakeServer()
    const reason = new Error('changed my mind')
    const early = clientOf(server)
    expect(await rejectionOf(early.connect({ signal: AbortSignal.abort(reason) }))).toBe(reason)
    expect(early.state).toBe('closed')
    expect(server.attempts).toBe(0)

    const late = clientOf(server)
    const abort = new AbortController()
    const connected = late.connect({ signal: abort.signal })
    const connection = await server.accepted()
    await connection.next('connect')
    abort.abort(reason)
    expect(await rejectionOf(connected)).toBe(reason)
    expect(late.state).toBe('closed')
    await connection.closed
  })

  test('leaves a client that is online alone when its signal is aborted later', async () => {
    const server = new FakeServer()
    const client = clientOf(server)
    const abort = new AbortController()
    const connected = client.connect({ signal: abort.signal })
    await server.admitted()
    await connected
    abort.abort()
    await quiet()
    expect(client.state).toBe('online')
  })

  test('works once: a second call rejects, and only one CONNECT is written [MQTT-3.1.0-2]', async () => {
    const server = new FakeServer()
    const client = clientOf(server)
    const first = client.connect()
    expect(await rejectionOf(client.connect())).toBeInstanceOf(UsageError)
    const connection = await server.admitted()
    await first
    expect(await rejectionOf(client.connect())).toBeInstanceOf(UsageError)
    expect(await rejectionOf(client.connect({ signal: AbortSignal.abort() }))).toBeInstanceOf(UsageError)
    await quiet()
    expect(client.state).toBe('online')
    expect(connection.names).toEqual(['connect'])
    expect(server.attempts).toBe(1)
  })

  test('rejects on a client that has ended', async () => {
    const client = clientOf(new FakeServer())
    await client.end()
    expect(await rejectionOf(client.connect())).toMatchObject({ message: expect.stringContaining('closed') })
  })

  test('rejects with a ClosedError when the client is ended meanwhile', async () => {
    const server = new FakeServer()
    const client = clientOf(server)
    const connected = client.connect()
    await (await server.accepted()).next('connect')
    await client.end()
    expect(await rejectionOf(connected)).toBeInstanceOf(ClosedError)
  })
})

describe('before connect()', () => {
  test('what is asked waits, and CONNECT is the first packet on the wire [MQTT-3.1.0-1]', async () => {
    const server = new FakeServer()
    const client = clientOf(server)
    const published = [0, 1, 2].map((qos) =>
      client.publish('early', String(qos), { qos: qos === 0 ? 0 : qos === 1 ? 1 : 2 }),
    )
    const subscribed = client.subscribe('early')
    const unsubscribed = client.unsubscribe('other')
    await quiet()
    expect(server.attempts).toBe(0)
    const connected = client.connect()
    const connection = await server.accepted()
    await connection.next('connect')
    await quiet()
    expect(connection.names).toEqual(['connect'])
    connection.serve()
    connection.send({ type: 'connack', sessionPresent: false, returnCode: 0 })
    await connected
    await Promise.all([...published, subscribed, unsubscribed])
    expect(connection.names.slice(0, 6)).toEqual([
      'connect',
      'subscribe',
      'unsubscribe',
      'publish',
      'publish',
      'publish',
    ])
    expect(connection.all('publish').map(({ payload }) => payload.toString())).toEqual(['0', '1', '2'])
  })

  test('online comes after CONNACK, once the SUBSCRIBEs that it called for are written', async () => {
    const server = new FakeServer()
    const client = clientOf(server)
    const subscribed = client.subscribe('a')
    let written = -1
    const wentOnline = event(client, 'online').then((event) => {
      written = client.stats.packetsOut.subscribe
      return event
    })
    const connected = client.connect()
    const connection = await server.admitted()
    expect(await wentOnline).toEqual({ sessionPresent: false })
    expect(written).toBe(1)
    connection.serve()
    const { packetId } = await connection.next('subscribe')
    connection.send({ type: 'suback', packetId, returnCodes: [0] })
    await Promise.all([connected, subscribed])
  })

  test('CONNECT says who we are, and what becomes of us', async () => {
    const server = new FakeServer()
    const client = clientOf(server, {
      clientId: 'c',
      cleanSession: false,
      keepAlive: 7,
      username: 'u',
      password: 'p',
      will: { topic: 'w', payload: 'gone', qos: 1, retain: true },
    })
    client.connect().catch(() => {})
    expect(await (await server.accepted()).next('connect')).toEqual({
      type: 'connect',
      clientId: 'c',
      cleanSession: false,
      keepAlive: 7,
      username: 'u',
      password: Buffer.from('p'),
      will: { topic: 'w', payload: Buffer.from('gone'), qos: 1, retain: true },
    })
  })
})

test('a server that sends one byte at a time is understood', async () => {
  const server = new FakeServer()
  const client = clientOf(server)
  const topics: string[] = []
  client.handle('#', ({ topic }) => topics.push(topic))
  const connected = client.connect()
  const connection = await server.accepted()
  await connection.next('connect')
  connection.trickle({ type: 'connack', sessionPresent: false, returnCode: 0 }, message('a'), message('b', 1, 9))
  await connected
  expect(await connection.next('puback')).toEqual({ type: 'puback', packetId: 9 })
  expect(topics).toEqual(['a', 'b'])
})

test.each([
  ['alone', undefined],
  ['with options', { keepAlive: 60 }],
])('connect() says what to give in place of a URL object: %s', async (_, options) => {
  const text = 'the url is an object: give its text, which is its href'
  // What a program in JavaScript writes.
  await expect(Reflect.apply(connect, undefined, [new URL('mqtt://[::1]:1'), options])).rejects.toThrow(text)
})

test('connect(url, options) refuses a url that is given twice', async () => {
  expect(await rejectionOf(connect('mqtt://[::1]', { url: 'mqtt://[::1]' }))).toBeInstanceOf(UsageError)
})

test('the state is told at every step', async () => {
  const { client, connection } = await online({ reconnect: { minDelayMs: 60_000 } })
  expect(client.state).toBe('online')
  connection.cut()
  await event(client, 'offline')
  expect(client.state).toBe('offline')
  const ended = client.end()
  expect(client.state).toBe('closed')
  await ended
})

test('one signal for many connect() has one listener, and none when all are through', async () => {
  const { signal } = new AbortController()
  const server = new FakeServer()
  const connecting = Array.from({ length: 20 }, () => clientOf(server).connect({ signal }))
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  for (const _ of connecting) await server.admitted()
  await Promise.all(connecting)
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})
