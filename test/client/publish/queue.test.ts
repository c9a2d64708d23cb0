import { describe, expect, test } from 'vitest'
import { QueueFullError, type SessionStore, TimeoutError } from '../../../src/index.js'
import { memoryStore } from '../../../src/store/index.js'
import {
  clientOf,
  event,
  fakeTime,
  gate,
  online,
  outcomeOf,
  pass,
  quiet,
  rejectionOf,
  watch,
} from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'

const quick = { reconnect: { minDelayMs: 1, maxDelayMs: 1 } }
const patient = { reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 } }

describe('the outgoing queue', () => {
  test('that is full refuses the newcomer: QueueFullError, with delivery none', async () => {
    const client = clientOf(new FakeServer(), { queue: { maxMessages: 2 } })
    client.publish('a', '1', { qos: 1 })
    client.publish('a', '2', { qos: 1 })
    const error = await rejectionOf(client.publish('a', '3', { qos: 1 }))
    expect(error).toBeInstanceOf(QueueFullError)
    expect(error).toMatchObject({ delivery: 'none', message: expect.stringContaining('queue.maxMessages is 2') })
    expect(client.stats).toMatchObject({ queued: 2, rejected: 1 })
  })

  test('is bounded in bytes too', async () => {
    const client = clientOf(new FakeServer(), { queue: { maxBytes: 10_000 } })
    client.publish('a', Buffer.alloc(6_000), { qos: 1 })
    const error = await rejectionOf(client.publish('a', Buffer.alloc(6_000), { qos: 1 }))
    expect(error).toMatchObject({
      code: 'MQTT_QUEUE_FULL',
      message: expect.stringContaining('queue.maxBytes is 10000'),
    })
  })

  test("with overflow 'drop-oldest' drops the oldest, and tells its publish", async () => {
    const server = new FakeServer()
    const client = clientOf(server, { queue: { maxMessages: 2, overflow: 'drop-oldest' } })
    const oldest = client.publish('a', '1', { qos: 1 })
    const kept = [client.publish('a', '2', { qos: 1 }), client.publish('a', '3', { qos: 1 })]
    const error = await rejectionOf(oldest)
    expect(error).toBeInstanceOf(QueueFullError)
    expect(error).toHaveProperty('delivery', 'none')
    server.serve()
    const connected = client.connect()
    const connection = await server.admitted()
    await connected
    await Promise.all(kept)
    expect(connection.all('publish').map(({ payload }) => payload.toString())).toEqual(['2', '3'])
    expect(client.stats.rejected).toBe(1)
  })

  test.each([
    ['acknowledged', { code: 'MQTT_QUEUE_FULL', delivery: 'none' }],
    ['stored', { code: 'MQTT_CLOSED', delivery: 'unknown' }],
  ] as const)(
    'tells the publish of a dropped message (until %s) also if a handler ends the client then, whose store answers no more',
    async (until, told) => {
      const inMemory = memoryStore()
      const store: SessionStore = {
        durable: true,
        open: (sessionId) => inMemory.open(sessionId),
        append: () => new Promise(() => {}),
        close: () => inMemory.close(),
      }
      const { client, connection } = await online({
        clientId: 'c',
        cleanSession: false,
        store,
        maxInFlight: 1,
        queue: { maxMessages: 1, overflow: 'drop-oldest' },
      })
      const publish = (payload: string) => outcomeOf(client.publish('a', payload, { qos: 1, until }))
      const outcomes = new Promise((resolve) =>
        client.handle('in', () => {
          resolve(Promise.all([publish('in flight'), publish('dropped'), publish('waits')]))
          client.destroy()
        }),
      )
      connection.send(message('in'))
      const ended = { error: { code: 'MQTT_CLOSED' } }
      expect(await outcomes).toMatchObject([ended, { error: told }, ended])
    },
  )

  test('rejects what is older than maxAgeMs, and nothing younger', async () => {
    fakeTime()
    const { client, connection } = await online({ ...patient, queue: { maxAgeMs: 1_000 } })
    connection.cut()
    await event(client, 'offline')
    const old = client.publish('a', '1', { qos: 1 })
    await pass(500)
    const young = watch(client.publish('a', '2', { qos: 1 }))
    const watched = watch(old)
    await pass(499)
    expect(watched.state).toBe('pending')
    await pass(2)
    const error = await rejectionOf(old)
    expect(error).toBeInstanceOf(TimeoutError)
    expect(error).toMatchObject({ operation: 'queue', timeoutMs: 1_000, delivery: 'none' })
    expect(young.state).toBe('pending')
  })

  test('rejects messages that grow too old together with one error', async () => {
    fakeTime()
    const { client, connection } = await online({ ...patient, queue: { maxAgeMs: 1_000 } })
    connection.cut()
    await event(client, 'offline')
    const published = ['1', '2'].map((payload) => rejectionOf(client.publish('a', payload, { qos: 1 })))
    await pass(1_001)
    const [first, second] = await Promise.all(published)
    expect(first).toBeInstanceOf(TimeoutError)
    expect(second).toBe(first)
  })

  test('takes no account of age once a message has a Packet Identifier', async () => {
    fakeTime()
    const { client, connection } = await online({ queue: { maxAgeMs: 1_000 } })
    const published = watch(client.publish('a', '1', { qos: 1 }))
    await pass(5_000)
    expect(published.state).toBe('pending')
    for (const packet of connection.all('publish')) {
      if (packet.qos !== 0) connection.send({ type: 'puback', packetId: packet.packetId })
    }
    await quiet()
    expect(published.state).toBe('resolved')
  })

  test('keeps the order of QoS 0, 1 and 2 published in turn while offline', async () => {
    const { client, connection, server } = await online({ ...quick, queue: { offlineQos0: true } })
    connection.cut()
    await event(client, 'offline')
    const published = Array.from({ length: 30 }, (_, n) =>
      client.publish('a', String(n), { qos: n % 3 === 0 ? 0 : n % 3 === 1 ? 1 : 2 }),
    )
    server.serve()
    const again = await server.admitted()
    await Promise.all(published)
    expect(again.all('publish').map(({ payload }) => Number(payload.toString()))).toEqual(
      Array.from({ length: 30 }, (_, n) => n),
    )
  })

  test('100,000 QoS 1 messages published while offline are all delivered, in order', async () => {
    const count = 100_000
    const { client, connection, server } = await online({ ...quick, queue: { maxMessages: count } })
    connection.cut()
    await event(client, 'offline')
    const payload = Buffer.alloc(4)
    const published: Promise<void>[] = []
    for (let n = 0; n < count; n++) {
      payload.writeUInt32BE(n)
      published.push(client.publish('a', payload, { qos: 1 }))
    }
    server.serve()
    const again = await server.admitted()
    await Promise.all(published)
    const numbers = again.all('publish').map((packet) => packet.payload.readUInt32BE())
    expect(numbers).toHaveLength(count)
    expect(numbers.every((number, index) => number === index)).toBe(true)
    expect(client.stats).toMatchObject({ queued: 0, inFlight: 0 })
  })

  test('20,000 QoS 1 messages published while offline are delivered or visibly refused by the default bound', async () => {
    const { client, connection, server } = await online(quick)
    connection.cut()
    await event(client, 'offline')
    const published = Array.from({ length: 20_000 }, () => client.publish('a', 'x', { qos: 1 }))
    server.serve()
    const again = await server.admitted()
    const outcomes = await Promise.all(published.map((promise) => outcomeOf(promise)))
    const refused = outcomes.filter((outcome) => 'error' in outcome && outcome.error instanceof QueueFullError)
    expect(refused).toHaveLength(10_000)
    expect(again.all('publish')).toHaveLength(10_000)
    expect(client.stats.rejected).toBe(10_000)
  })
})

test('two thousand messages that one signal withdraws reject once each, when the store has a record of that', async () => {
  const saved = gate()
  const store: SessionStore = Object.assign(memoryStore(), { append: () => saved.promise })
  const { client } = await online({ cleanSession: false, clientId: 'c', maxInFlight: 1, store })
  client.publish('a', 'in flight', { qos: 1 })
  const abort = new AbortController()
  const publish = () => client.publish('a', 'x', { qos: 1, signal: abort.signal })
  const publishes = Array.from({ length: 2_000 }, publish)
  const [first = publish()] = publishes
  const watched = watch(first)
  abort.abort()
  await quiet()
  expect(watched.state).toBe('pending')
  saved.open()
  for (const published of publishes) expect(await rejectionOf(published)).toBe(abort.signal.reason)
  expect(client.stats).toMatchObject({ rejected: 2_000, queued: 0 })
})

test('a message held unacknowledged keeps its identifier while 140,000 others pass', async () => {
  const { client, connection } = await online({ queue: { maxMessages: 1_000 } })
  let held = 0
  let wrong = 0
  connection.onPacket = (packet) => {
    if (packet.type !== 'publish' || packet.qos === 0) return
    if (held === 0) held = packet.packetId
    else {
      if (packet.packetId === held) wrong += 1
      connection.answer({ type: 'puback', packetId: packet.packetId })
    }
    connection.received.length = 0
  }
  const first = watch(client.publish('a', 'held', { qos: 1 }))
  // So the 65,535 identifiers are gone through twice, and the held one is passed over each time.
  for (let round = 0; round < 280; round++) {
    await Promise.all(Array.from({ length: 500 }, () => client.publish('a', '', { qos: 1 })))
  }
  expect(wrong).toBe(0)
  expect(first.state).toBe('pending')
  connection.send({ type: 'puback', packetId: held })
  await quiet()
  expect(first.state).toBe('resolved')
})
