import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type Credentials, type MqttClient, StoreError } from '../../../src/index.js'
import { emptySession, memoryStore } from '../../../src/store/index.js'
import {
  clientOf,
  event,
  fakeTime,
  gate,
  type Online,
  online,
  pass,
  quiet,
  rejectionOf,
  watch,
} from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'
import { persistent, ScriptedStore } from '../peers/scripted-store.js'

const storedMessage = { sequence: 1, topic: 'a', payload: Buffer.of(), qos: 1, retain: false }
const wrongFields: readonly object[] = [
  { sequence: '1' },
  { topic: undefined },
  { payload: undefined },
  { qos: 0 },
  { retain: 0 },
  { binding: { packetId: 0, received: false } },
  { binding: { packetId: 1 } },
]

describe('the store', () => {
  test('is opened once, under the session identifier, however long it takes', async () => {
    fakeTime()
    const server = new FakeServer()
    const store = new ScriptedStore()
    const slow = gate()
    store.opening = slow.promise
    const client = clientOf(server, {
      ...persistent,
      store,
      connectTimeoutMs: 100,
      reconnect: { minDelayMs: 1, maxDelayMs: 1, retryInitial: true },
    })
    const connected = watch(client.connect())
    await pass(350)
    expect(store.calls).toEqual(['open c'])
    slow.open()
    await pass(2)
    const connection = await server.accepted()
    await connection.admit()
    await quiet()
    expect(connected.state).toBe('resolved')
    expect(store.calls).toEqual(['open c'])
  })

  test('is not opened by credentials that came too late for their attempt', async () => {
    fakeTime()
    const store = new ScriptedStore()
    const late: ((credentials: Credentials) => void)[] = []
    const client = clientOf(new FakeServer(), {
      store,
      connectTimeoutMs: 100,
      reconnect: { minDelayMs: 1, maxDelayMs: 1, retryInitial: true },
      credentials: () => new Promise<Credentials>((resolve) => late.push(resolve)),
    })
    client.connect()
    await pass(100)
    await pass(1)
    late[0]?.({ clientId: 'stale' })
    await quiet()
    expect(store.calls).toEqual([])
    late[1]?.({ clientId: 'fresh' })
    await quiet()
    expect(store.calls).toEqual(['open fresh'])
  })

  test('that cannot be opened ends the client with a StoreError', async () => {
    const store = new ScriptedStore()
    const fault = new Error('EACCES')
    store.opening = Promise.reject(fault)
    const client = clientOf(new FakeServer(), { ...persistent, store })
    const error = await rejectionOf(client.connect())
    expect(error).toBeInstanceOf(StoreError)
    expect(error).toHaveProperty('cause', fault)
  })

  test('is closed before end() resolves, and before an end() after destroy() does', async () => {
    for (const finish of [
      (client: Awaited<ReturnType<typeof online>>['client']) => client.end(),
      (client: Awaited<ReturnType<typeof online>>['client']) => {
        client.destroy()
        return client.end()
      },
    ]) {
      const store = new ScriptedStore()
      const { client } = await online({ ...persistent, store })
      await finish(client)
      expect(store.calls).toEqual(['open c', 'close'])
    }
  })

  test('has a message before it is on the wire, and before until: stored resolves', async () => {
    const store = new ScriptedStore()
    const { client, connection } = await online({ ...persistent, store })
    const disk = gate()
    store.appending = disk.promise
    const stored = watch(client.publish('a', 'x', { qos: 1, until: 'stored' }))
    await quiet()
    expect(store.kinds).toEqual(['queued', 'bound'])
    expect(connection.names).toEqual(['connect'])
    expect(stored.state).toBe('pending')
    disk.open()
    await connection.next('publish')
    expect(stored.state).toBe('resolved')
  })

  test('has what was published while offline without waiting for a connection', async () => {
    const store = new ScriptedStore()
    const { client, connection } = await online({
      ...persistent,
      store,
      reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 },
    })
    connection.cut()
    await event(client, 'offline')
    client.publish('a', 'x', { qos: 1 })
    await quiet()
    expect(store.kinds).toEqual(['queued'])
  })

  test('has held before PUBREC, and released before PUBCOMP [MQTT-4.3.3-2]', async () => {
    const store = new ScriptedStore()
    const { client, connection } = await online({ ...persistent, store })
    client.handle('a', () => {})
    const first = gate()
    store.appending = first.promise
    connection.send(message('a', 2, 5))
    await quiet()
    expect(store.kinds).toEqual(['held'])
    expect(connection.names).toEqual(['connect'])
    first.open()
    await connection.next('pubrec')
    const second = gate()
    store.appending = second.promise
    connection.send({ type: 'pubrel', packetId: 5 })
    await quiet()
    expect(store.kinds).toEqual(['held', 'released'])
    expect(connection.all('pubcomp')).toEqual([])
    second.open()
    await connection.next('pubcomp')
  })

  test('reports a stored message that the queue drops, although its promise has resolved', async () => {
    const queue = { maxMessages: 1, overflow: 'drop-oldest' } as const
    const { client } = await online({ ...persistent, store: new ScriptedStore(), maxInFlight: 1, queue })
    const reported: unknown[] = []
    const report = (reporting: unknown) => reported.push(reporting)
    subscribe('mqtt311:publish:rejected', report)
    onTestFinished(() => void unsubscribe('mqtt311:publish:rejected', report))
    for (const text of ['in flight', 'dropped', 'in the queue'])
      await client.publish('a', text, { qos: 1, until: 'stored' })
    await quiet()
    expect(client.stats.rejected).toBe(1)
    expect(reported).toEqual([
      { client, error: expect.objectContaining({ code: 'MQTT_QUEUE_FULL', delivery: 'none' }) },
    ])
  })

  test('that fails ends the client: publish rejects, nothing is sent that relies on it', async () => {
    const store = new ScriptedStore()
    const { client, connection } = await online({ ...persistent, store })
    const fault = new Error('ENOSPC')
    store.appending = Promise.reject(fault)
    store.appending.catch(() => {})
    const published = client.publish('a', 'x', { qos: 1 })
    const stored = client.publish('a', 'y', { qos: 1, until: 'stored' })
    const error = await rejectionOf(client.closed)
    expect(error).toBeInstanceOf(StoreError)
    expect(error).toHaveProperty('cause', fault)
    for (const promise of [published, stored]) {
      expect(await rejectionOf(promise)).toMatchObject({ code: 'MQTT_CLOSED', cause: error, delivery: 'unknown' })
    }
    expect(connection.names).toEqual(['connect'])
  })

  test('that fails leaves it unknown whether it has a message that it had taken', async () => {
    const store = new ScriptedStore()
    const reconnect = { minDelayMs: 60_000, maxDelayMs: 60_000 }
    const { client, connection } = await online({ ...persistent, reconnect, store })
    connection.cut()
    await event(client, 'offline')
    const published = client.publish('a', 'x', { qos: 1 })
    await quiet()
    expect(store.kinds).toEqual(['queued'])
    store.appending = Promise.reject(new Error('ENOSPC'))
    store.appending.catch(() => {})
    client.publish('a', 'y', { qos: 1 })
    const error = await rejectionOf(client.closed)
    expect(await rejectionOf(published)).toMatchObject({ code: 'MQTT_CLOSED', cause: error, delivery: 'unknown' })
  })

  test('that fails while it is told that a publish was aborted: the publish rejects with the reason of its signal', async () => {
    const store = new ScriptedStore()
    const reconnect = { minDelayMs: 60_000, maxDelayMs: 60_000 }
    const { client, connection } = await online({ ...persistent, reconnect, store })
    connection.cut()
    await event(client, 'offline')
    const abort = new AbortController()
    const published = client.publish('a', 'x', { qos: 1, signal: abort.signal })
    await quiet()
    store.append = () => {
      throw new Error('ENOSPC')
    }
    abort.abort(new Error('not any more'))
    expect(await rejectionOf(client.closed)).toBeInstanceOf(StoreError)
    expect(await rejectionOf(published)).toBe(abort.signal.reason)
  })

  test.each<[string, () => unknown]>([
    [
      'throws',
      () => {
        throw new Error('disk gone')
      },
    ],
    ['returns no promise', () => undefined],
    ['rejects with nothing', () => Promise.reject()],
  ])('whose append %s ends the client with a StoreError', async (_, append) => {
    const store = Object.assign(new ScriptedStore(), { append })
    const { client, connection }: Online = await Reflect.apply(online, undefined, [{ ...persistent, store }])
    const published = rejectionOf(client.publish('a', 'x', { qos: 1 }))
    const error = await rejectionOf(client.closed)
    expect(error).toBeInstanceOf(StoreError)
    expect(await published).toMatchObject({ code: 'MQTT_CLOSED', cause: error })
    expect(connection.names).toEqual(['connect'])
  })

  test.each<[string, unknown]>([
    ['nothing', undefined],
    ['an empty object', {}],
    ['text', 'session'],
    ['no identifier', { ...emptySession, nextPacketId: 0 }],
    ['no list of messages', { ...emptySession, messages: {} }],
    ...wrongFields.map((field): [string, unknown] => [
      `a message with ${inspect(field)}`,
      { ...emptySession, messages: [{ ...storedMessage, ...field }] },
    ]),
    ['an identifier of another kind', { ...emptySession, held: ['7'] }],
    ['no list of contents', { ...emptySession, contents: null }],
    ...[{ packetId: 0 }, { bytes: '3' }, { checksum: 0.5 }].map((field): [string, unknown] => [
      `a content with ${inspect(field)}`,
      { ...emptySession, held: [7], contents: [{ packetId: 7, bytes: 3, checksum: 5, ...field }] },
    ]),
    ['a reserved identifier of another kind', { ...emptySession, reserved: [0] }],
    ['no list of reserved identifiers', { ...emptySession, reserved: {} }],
  ])('that opens with %s is refused with a StoreError, and closed', async (_, opened) => {
    const calls: string[] = []
    const store = Object.assign(new ScriptedStore(), {
      open: async () => opened,
      close: async () => void calls.push('close'),
    })
    const server = new FakeServer()
    const client: MqttClient = Reflect.apply(clientOf, undefined, [server, { ...persistent, store }])
    const error = await rejectionOf(client.connect())
    expect(error).toBeInstanceOf(StoreError)
    expect(String(error)).toContain('gave no StoredSession')
    await rejectionOf(client.closed)
    expect(calls).toEqual(['close'])
    expect(server.attempts).toBe(0)
  })

  test.each([1, 2] as const)('hands its messages (QoS %i) to the next client of the session', async (qos) => {
    const store = new ScriptedStore()
    const first = await online({ ...persistent, store })
    first.client.publish('a', 'x', { qos })
    await first.connection.next('publish')
    await first.client.end({ timeoutMs: 1 })
    const server = new FakeServer()
    server.serve()
    const second = clientOf(server, { ...persistent, store })
    const connected = second.connect()
    const connection = await server.admitted(true)
    await connected
    expect(await connection.next('publish')).toMatchObject({ topic: 'a', qos, dup: true })
  })

  test('belongs to one session: credentials that name another end the client', async () => {
    const { client, connection } = await online({
      ...persistent,
      store: new ScriptedStore(),
      credentials: ({ lastError }) => ({ sessionId: lastError === undefined ? 'one' : 'other' }),
    })
    connection.cut()
    expect(await rejectionOf(client.closed)).toBeInstanceOf(StoreError)
  })

  test('in memory is not used by a clean session, which goes on with its messages after a lost connection', async () => {
    const store = memoryStore()
    const { server, client, connection } = await online({
      reconnect: persistent.reconnect,
      store,
      queue: { maxAgeMs: 60_000 },
    })
    const aborting = new AbortController()
    const published = client.publish('a', 'x', { qos: 1 })
    const aborted = client.publish('b', 'x', { qos: 2, signal: aborting.signal })
    await connection.next('publish')
    await connection.next('publish')
    server.serve()
    connection.cut()
    await event(client, 'offline')
    aborting.abort()
    expect(await rejectionOf(aborted)).toBe(aborting.signal.reason)
    await Promise.all([published, server.admitted()])
    expect(client.state).toBe('online')
    await expect(store.append([])).rejects.toThrow(StoreError)
  })
})

test('an aborted publish rejects when the store has the record that the message was withdrawn', async () => {
  const store = new ScriptedStore()
  const { client } = await online({ ...persistent, store, maxInFlight: 1 })
  client.publish('a', 'in flight', { qos: 1 }).catch(() => {})
  const abort = new AbortController()
  const waiting = watch(client.publish('a', 'waits', { qos: 1, signal: abort.signal }))
  await quiet()
  const writing = gate()
  store.appending = writing.promise
  abort.abort()
  await quiet()
  expect(store.kinds.at(-1)).toBe('withdrawn')
  expect(waiting.state).toBe('pending')
  writing.open()
  await quiet()
  expect(waiting.state).toBe('rejected')
})

test.each([false, true])(
  'the store gives up for good a message at QoS 2 that the server has acknowledged with PUBACK, if strict is %s',
  async (strict) => {
    const store = new ScriptedStore()
    const { client, connection } = await online({ ...persistent, store, strict })
    const published = client.publish('a', 'x', { qos: 2 })
    const { packetId } = Object.assign({ packetId: 0 }, await connection.next('publish'))
    connection.send({ type: 'puback', packetId })
    await published
    await client.end()
    expect(store.kinds).toEqual(['queued', 'bound', 'received', 'settled'])
    expect((await store.open('c')).messages).toEqual([])
  },
)
