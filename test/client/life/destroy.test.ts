import type { Duplex } from 'node:stream'
import { describe, expect, test, vi } from 'vitest'
import { ClosedError, type MqttClient } from '../../../src/index.js'
import { clientOf, event, fakeTime, gate, online, outcomeOf, quiet, rejectionOf } from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'

const patient = { reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 } }

/** A client in each state that an application can see. */
const states: [string, () => Promise<MqttClient>][] = [
  ['idle', async () => clientOf(new FakeServer())],
  [
    'connecting, no CONNACK yet',
    async () => {
      const server = new FakeServer()
      const client = clientOf(server)
      client.connect()
      await (await server.accepted()).next('connect')
      return client
    },
  ],
  [
    'connecting, waiting for credentials',
    async () => {
      const client = clientOf(new FakeServer(), { credentials: () => new Promise(() => {}) })
      client.connect()
      return client
    },
  ],
  ['online', async () => (await online()).client],
  [
    'offline',
    async () => {
      const { client, connection } = await online(patient)
      connection.cut()
      await event(client, 'offline')
      return client
    },
  ],
  [
    'closed',
    async () => {
      const { client } = await online()
      await client.end()
      return client
    },
  ],
]

describe.each(states)('a client that is %s', (_, make) => {
  test('ends by end(), called any number of times', async () => {
    const client = await make()
    const closed = client.closed
    await Promise.all([client.end(), client.end()])
    await client.end()
    await closed
    expect(client.state).toBe('closed')
  })

  test('ends by destroy(), called any number of times', async () => {
    const client = await make()
    const closed = client.closed
    client.destroy()
    expect(client.state).toBe('closed')
    client.destroy(new Error('too late'))
    await closed
    await client.end()
  })

  test('rejects `closed` with the error of destroy(error), unless it had ended before', async () => {
    const client = await make()
    const before = client.state
    const error = new Error('gone')
    client.destroy(error)
    expect(await outcomeOf(client.closed)).toEqual(before === 'closed' ? { value: undefined } : { error })
  })

  test.each<[string, unknown, unknown]>([
    ['null, as callers of Node often pass,', null, undefined],
    ['what is no Error', 'enough', 'Error: enough'],
  ])('takes %s', async (_, given, cause) => {
    const { client } = await online()
    const waiting = rejectionOf(client.publish('a', 'x', { qos: 1 }))
    const closed = client.closed.then(() => undefined, String)
    Reflect.apply(client.destroy, client, [given])
    expect(await closed).toBe(cause)
    expect(await waiting).toMatchObject({ code: 'MQTT_CLOSED' })
  })

  test('settles with a ClosedError all that waits, and all that is asked later', async () => {
    const client = await make()
    const waiting = [
      client.publish('a', 'x', { qos: 1 }),
      client.publish('a', 'x', { qos: 2 }),
      client.subscribe('a'),
      client.messages('b'),
      client.unsubscribe('c'),
    ]
    client.destroy()
    for (const promise of waiting) expect(await rejectionOf(promise)).toBeInstanceOf(ClosedError)
    for (const promise of [
      client.publish('a', 'x'),
      client.publish('a', 'x', { qos: 1 }),
      client.subscribe('a'),
      client.messages('a'),
      client.unsubscribe('a'),
    ]) {
      expect(await rejectionOf(promise)).toBeInstanceOf(ClosedError)
    }
  })

  test('leaves no timer behind', async () => {
    fakeTime()
    const client = await make()
    client.publish('a', 'x', { qos: 1 })
    client.subscribe('b')
    client.destroy()
    await quiet()
    expect(vi.getTimerCount()).toBe(0)
  })
})

test.each(['subscribe', 'unsubscribe', 'messages'] as const)(
  '%s() on a client that is closed says which call it was',
  async (method) => {
    const { client } = await online()
    client.destroy()
    const call = method === 'messages' ? 'subscribe' : method
    expect(await rejectionOf(client[method]('a'))).toMatchObject({
      message: `${call}() was called on a client that is closed`,
    })
  },
)

test.each<[string, (client: MqttClient, abort: AbortController) => void]>([
  ['destroy()', (client) => client.destroy()],
  ['end()', (client) => client.end()],
  ['the signal of the client', (_, abort) => abort.abort()],
  ['reconnect()', (client) => client.reconnect()],
])('a stream that its own function gives up by %s is closed, and its signal aborted', async (_, giveUp) => {
  const [server, abort] = [new FakeServer(), new AbortController()]
  const opened: { readonly stream: Duplex; readonly signal: AbortSignal }[] = []
  const client = clientOf(server, {
    signal: abort.signal,
    stream: ({ signal }) => {
      if (opened.length === 0) giveUp(client, abort)
      const stream = server.stream()
      opened.push({ stream, signal })
      return stream
    },
  })
  client.connect()
  await quiet()
  const [first] = opened
  expect(first?.signal.aborted).toBe(true)
  expect(first?.stream.destroyed).toBe(true)
})

describe('destroy()', () => {
  test('closes without DISCONNECT, so that the server publishes the will', async () => {
    const { client, connection } = await online()
    client.destroy()
    await connection.closed
    expect(connection.names).toEqual(['connect'])
  })

  test('leaves no timer behind for what was still in the queue, nor for handlers that end later', async () => {
    fakeTime()
    const { client, connection } = await online({ maxInFlight: 1, keepAlive: 60, queue: { maxAgeMs: 60_000 } })
    const slow = gate()
    client.handle('a', () => slow.promise)
    connection.send(message('a', 1, 1))
    await quiet()
    for (let n = 0; n < 3; n++) client.publish('a', 'x', { qos: 1 })
    client.destroy()
    await quiet()
    expect(vi.getTimerCount()).toBe(0)
    slow.open()
    await quiet()
    expect(vi.getTimerCount()).toBe(0)
  })

  test('starts no handler any more', async () => {
    const { client, connection } = await online({ receiveWindow: 1 })
    const started: string[] = []
    const slow = gate()
    client.handle('#', ({ topic }) => {
      started.push(topic)
      return slow.promise
    })
    connection.send(message('a', 1, 1), message('b'), message('c', 2, 2))
    await quiet()
    client.destroy()
    slow.open()
    await quiet()
    expect(started).toEqual(['a'])
  })

  test('from a handler stops what stands behind its message in the same chunk', async () => {
    const { client, connection } = await online()
    const got: string[] = []
    client.handle('#', ({ topic }) => {
      got.push(topic)
      client.destroy()
    })
    connection.send(message('a'), message('b'), message('c', 1, 1))
    await client.closed
    await quiet()
    expect(got).toEqual(['a'])
  })

  test('tells the error: `closed` rejects with it, close has it, and what waited has it as the cause', async () => {
    const { client } = await online()
    const published = client.publish('a', 'x', { qos: 1 })
    const error = new Error('out of memory')
    const closed = event(client, 'close')
    client.destroy(error)
    expect(await rejectionOf(client.closed)).toBe(error)
    expect(await closed).toEqual({ error })
    expect(await rejectionOf(published)).toHaveProperty('cause', error)
  })
})
