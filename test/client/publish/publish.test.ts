import { channel } from 'node:diagnostics_channel'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ClosedError, ConnectionLostError, MqttClient, type SessionStore, UsageError } from '../../../src/index.js'
import { emptySession, memoryStore } from '../../../src/store/index.js'
import { garbageCollector } from '../../garbage-collector.js'
import { event, gate, online, quiet, rejectionOf, watch } from '../peers/client-on-pipe.js'
import { type FakeConnection, FakeServer } from '../peers/fake-server.js'

const nextPublish = (connection: FakeConnection) => connection.next('publish')

describe('publish settles when the message has done what its QoS promises', () => {
  test('QoS 0: when it is accepted for writing [MQTT-4.3.1-1]', async () => {
    const { client, connection } = await online()
    await client.publish('a', 'x')
    expect(await nextPublish(connection)).toMatchObject({ topic: 'a', qos: 0, retain: false })
  })

  test('QoS 1: with PUBACK, and not before [MQTT-4.3.2-1]', async () => {
    const { client, connection } = await online()
    const published = client.publish('a', 'x', { qos: 1, retain: true })
    const watched = watch(published)
    const publish = await nextPublish(connection)
    expect(publish).toEqual({ ...publish, qos: 1, dup: false, retain: true })
    await quiet()
    expect(watched.state).toBe('pending')
    expect(client.stats.inFlight).toBe(1)
    connection.send({ type: 'puback', packetId: publish.qos === 0 ? 0 : publish.packetId })
    await published
    expect(client.stats.inFlight).toBe(0)
  })

  test('QoS 2: with PUBCOMP, and not with PUBREC [MQTT-4.3.3-1]', async () => {
    const { client, connection } = await online()
    const published = client.publish('a', 'x', { qos: 2 })
    const watched = watch(published)
    const publish = await nextPublish(connection)
    const packetId = publish.qos === 0 ? 0 : publish.packetId
    connection.send({ type: 'pubrec', packetId })
    expect(await connection.next('pubrel')).toEqual({ type: 'pubrel', packetId })
    await quiet()
    expect(watched.state).toBe('pending')
    connection.send({ type: 'pubcomp', packetId })
    await published
  })

  test("until 'stored': when the session store has it, before any acknowledgement", async () => {
    const durable: SessionStore = {
      durable: true,
      open: async () => emptySession,
      append: async () => {},
      close: async () => {},
    }
    const { client, connection } = await online({ store: durable, clientId: 'c' })
    await client.publish('a', 'x', { qos: 1, until: 'stored' })
    connection.cut()
    await event(client, 'offline')
    await client.publish('b', 'x', { qos: 2, until: 'stored' })
    expect(client.stats.inFlight + client.stats.queued).toBe(2)
  })

  test("until 'stored' is refused at QoS 0, and without a durable store", async () => {
    const { client, connection } = await online()
    expect(await rejectionOf(client.publish('a', 'x', { until: 'stored' }))).toBeInstanceOf(UsageError)
    expect(await rejectionOf(client.publish('a', 'x', { qos: 1, until: 'stored' }))).toBeInstanceOf(UsageError)
    const inMemory = await online({ store: memoryStore(), cleanSession: false, clientId: 'c' })
    expect(await rejectionOf(inMemory.client.publish('a', 'x', { qos: 2, until: 'stored' }))).toBeInstanceOf(UsageError)
    await quiet()
    for (const { names } of [connection, inMemory.connection]) expect(names).toEqual(['connect'])
  })
})

/** The same Buffer after its memory was transferred, so that it is empty now. */
function transferred(payload: Buffer<ArrayBuffer>): Buffer {
  structuredClone(payload, { transfer: [payload.buffer] })
  return payload
}

describe('the payload', () => {
  test.each([0, 1] as const)('may be reused as soon as publish has returned, at QoS %i', async (qos) => {
    for (const size of [8, 300_000]) {
      const { client, connection } = await online()
      const payload = Buffer.alloc(size, 'a')
      client.publish('a', payload, { qos })
      payload.fill('b')
      expect((await nextPublish(connection)).payload.equals(Buffer.alloc(size, 'a'))).toBe(true)
    }
  })

  test('may be reused while the message waits for a connection', async () => {
    const { client, connection, server } = await online({ reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
    connection.cut()
    await event(client, 'offline')
    const payload = Buffer.from('first')
    client.publish('a', payload, { qos: 1 })
    payload.write('other')
    expect((await nextPublish(await server.admitted())).payload.toString()).toBe('first')
  })

  test.each([
    [
      'whose memory was transferred, since it is empty',
      transferred(Buffer.from(new ArrayBuffer(5))),
      'has been transferred',
    ],
    ['with a lone surrogate', 'temperature \ud83d', 'holds a lone surrogate'],
  ])('%s is refused, and nothing is sent', async (_, payload, text) => {
    const { client, connection } = await online()
    for (const qos of [0, 1] as const) {
      const error = await rejectionOf(client.publish('a', payload, { qos }))
      expect(error).toBeInstanceOf(UsageError)
      expect(String(error)).toContain(text)
      const will = { topic: 'a', payload, qos }
      expect(() => new MqttClient({ url: 'mqtt://[::1]', will })).toThrow(UsageError)
    }
    client.publish('a', new Uint8Array())
    client.publish('a', 'pairs \ud83d\ude00')
    expect((await nextPublish(connection)).payload).toHaveLength(0)
    expect((await nextPublish(connection)).payload.toString()).toBe('pairs 😀')
    expect(connection.names).toEqual(['connect', 'publish', 'publish'])
  })

  test('is sent as UTF-8 if it is a string, and as it is otherwise; it may be empty', async () => {
    const { client, connection } = await online()
    client.publish('a', 'ä')
    client.publish('a', new Uint8Array([0, 255]))
    client.publish('a', '')
    expect((await nextPublish(connection)).payload).toEqual(Buffer.from([0xc3, 0xa4]))
    expect((await nextPublish(connection)).payload).toEqual(Buffer.from([0, 255]))
    expect((await nextPublish(connection)).payload).toHaveLength(0)
  })
})

test('a message may be as long as MQTT allows, and no longer', async () => {
  // The client has ended, so these 256 MiB are checked but not sent.
  const { client } = await online()
  await client.end()
  const longest = new Uint8Array(268_435_455 - 2 - 1)
  expect(await rejectionOf(client.publish('a', longest))).toBeInstanceOf(ClosedError)
  const error = await rejectionOf(client.publish('ab', longest))
  expect(error).toBeInstanceOf(UsageError)
  expect(String(error)).toContain('Remaining Length of 268435456 bytes')
})

describe('a signal', () => {
  test('that is aborted already refuses the message', async () => {
    const { client, connection } = await online()
    const reason = new Error('too late')
    expect(await rejectionOf(client.publish('a', 'x', { qos: 1, signal: AbortSignal.abort(reason) }))).toBe(reason)
    await quiet()
    expect(connection.names).toEqual(['connect'])
  })

  test('withdraws a message that has no Packet Identifier yet', async () => {
    const { client, connection } = await online({ maxInFlight: 1 })
    client.publish('a', '1', { qos: 1 })
    const abort = new AbortController()
    const second = client.publish('a', '2', { qos: 1, signal: abort.signal })
    const third = client.publish('a', '3', { qos: 1 })
    const first = await nextPublish(connection)
    const reason = new Error('not any more')
    abort.abort(reason)
    expect(await rejectionOf(second)).toBe(reason)
    connection.serve()
    connection.send({ type: 'puback', packetId: first.qos === 0 ? 0 : first.packetId })
    await third
    expect(connection.all('publish').map(({ payload }) => payload.toString())).toEqual(['1', '3'])
  })

  test('only ends the wait once the message has a Packet Identifier: it is still delivered after a cut', async () => {
    const { client, connection, server } = await online({
      cleanSession: false,
      clientId: 'c',
      reconnect: { minDelayMs: 1 },
    })
    const abort = new AbortController()
    const published = client.publish('a', 'x', { qos: 1, signal: abort.signal })
    await nextPublish(connection)
    abort.abort()
    expect(await rejectionOf(published)).toBe(abort.signal.reason)
    expect(client.stats.inFlight).toBe(1)
    connection.cut()
    const again = await server.admitted(true)
    expect(await nextPublish(again)).toMatchObject({ qos: 1, dup: true })
  })

  test('has no listener left once the publish has settled', async () => {
    const { client, connection } = await online()
    connection.serve()
    const { signal } = new AbortController()
    const added: unknown[] = []
    const removed: unknown[] = []
    signal.addEventListener = (...[, listener]: unknown[]) => void added.push(listener)
    signal.removeEventListener = (...[, listener]: unknown[]) => void removed.push(listener)
    await client.publish('a', 'x', { qos: 1, signal })
    expect(added).toHaveLength(1)
    expect(removed).toEqual(added)
  })
})

describe('what is refused', () => {
  test.each([
    ['a topic that is no string', () => publishUnchecked(42, '')],
    ['a payload that is a number', () => publishUnchecked('a', 42)],
    ['a payload that is an object', () => publishUnchecked('a', { json: true })],
    ['a payload that is null', () => publishUnchecked('a', null)],
    ['retain that is no boolean', () => publishUnchecked('a', '', { retain: 1 })],
    ['until that is unknown', () => publishUnchecked('a', '', { qos: 1, until: 'sent' })],
    ['qos that is a string', () => publishUnchecked('a', '', { qos: '1' })],
  ])('%s, before a byte is written', async (_, refused) => {
    const { error, names } = await refused()
    expect(error).toBeInstanceOf(UsageError)
    expect(names).toEqual(['connect'])
  })

  test('is counted, and told on the diagnostics channel', async () => {
    const { client } = await online()
    const told: unknown[] = []
    const listen = (event: unknown) => void told.push(event)
    channel('mqtt311:publish:rejected').subscribe(listen)
    onTestFinished(() => {
      channel('mqtt311:publish:rejected').unsubscribe(listen)
    })
    const error = await rejectionOf(client.publish('a/#', 'x'))
    expect(client.stats.rejected).toBe(1)
    expect(told).toEqual([{ client, error }])
  })

  test('includes everything after end(): ClosedError, with delivery none', async () => {
    const { client } = await online()
    await client.end()
    const error = await rejectionOf(client.publish('a', 'x', { qos: 1 }))
    expect(error).toBeInstanceOf(ClosedError)
    expect(error).toHaveProperty('delivery', 'none')
  })

  test('includes QoS 0 while offline, unless queue.offlineQos0 is set', async () => {
    const offline = await online({ reconnect: { minDelayMs: 60_000 } })
    offline.connection.cut()
    await event(offline.client, 'offline')
    const error = await rejectionOf(offline.client.publish('a', 'x'))
    expect(error).toBeInstanceOf(ConnectionLostError)
    expect(error).toMatchObject({ reason: 'offline', delivery: 'none' })

    const patient = await online({ queue: { offlineQos0: true }, reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
    patient.connection.cut()
    await event(patient.client, 'offline')
    const published = patient.client.publish('a', 'x')
    const again = await patient.server.admitted()
    expect(await again.next('publish')).toMatchObject({ topic: 'a', qos: 0 })
    await published
  })
})

/** Calls publish with values that only plain JavaScript can give. */
async function publishUnchecked(topic: unknown, payload: unknown, options?: unknown) {
  const { client, connection } = await online()
  const error = await rejectionOf(Reflect.apply(client.publish, client, [topic, payload, options]))
  await quiet()
  return { error, names: connection.names }
}

describe('many publishes', () => {
  test('of one turn leave in one write, in the order of the calls', async () => {
    const { client, connection } = await online()
    const before = connection.chunks.length
    for (let n = 0; n < 50; n++) client.publish('a', String(n), { qos: n % 2 === 0 ? 0 : 1 })
    await quiet()
    expect(connection.all('publish').map(({ payload }) => payload.toString())).toEqual(
      Array.from({ length: 50 }, (_, n) => String(n)),
    )
    expect(connection.chunks.length - before).toBe(1)
  })

  test('of one turn go out as soon as they fill 64 KiB: they do not gather in memory until the turn ends', async () => {
    const { client } = await online()
    const before = client.stats.bytesOut
    for (let n = 0; n < 65; n++) client.publish('a', Buffer.alloc(1_024), { qos: n % 2 === 0 ? 0 : 1 })
    expect(client.stats.bytesOut - before).toBeGreaterThanOrEqual(65_536)
  })

  test.each([1, 250])('awaited in a loop at QoS 0 starve no timer (topic of %i bytes)', async (topicBytes) => {
    // This server takes all bytes at once and never makes the loop wait. So the client has to.
    const { client } = await online({}, new FakeServer({ highWaterMark: 2 ** 30 }))
    const topic = 't'.repeat(topicBytes)
    let fired = false
    setImmediate(() => {
      fired = true
    })
    let published = 0
    while (!fired && published < 100_000) {
      await client.publish(topic, '')
      published += 1
    }
    expect(fired).toBe(true)
    expect(published).toBeLessThanOrEqual(1100)
  })

  test('awaited in a loop at QoS 0 leave a turn to others after 64 KiB of Topic Names', async () => {
    const { client } = await online({}, new FakeServer({ highWaterMark: 2 ** 30 }))
    const fired = gate()
    setImmediate(fired.open)
    const published: string[] = []
    const loop = async () => {
      for (let n = 0; n < 20; n++) {
        await client.publish(`${n}/${'t'.repeat(60_000)}`, '')
        published.push('one')
      }
    }
    const looped = loop()
    await fired.promise
    expect(published.length).toBeLessThanOrEqual(2)
    await looped
  })

  test.each([1, 250])(
    'awaited in a loop at QoS 0 starve no timer while the socket is full (topic of %i bytes)',
    async (topicBytes) => {
      const { client } = await online({}, new FakeServer({ highWaterMark: 1 }))
      const topic = 't'.repeat(topicBytes)
      let fired = false
      setImmediate(() => {
        fired = true
      })
      let published = 0
      while (!fired && published < 100_000) {
        await client.publish(topic, '')
        published += 1
      }
      expect(fired).toBe(true)
      expect(published).toBeLessThanOrEqual(2200)
    },
  )

  test('wait when the server does not read, and memory stays bounded', async () => {
    const { client, connection } = await online()
    connection.stopReading()
    const payload = Buffer.alloc(10_000)
    let accepted = 0
    const producer = (async () => {
      for (; accepted < 10_000; accepted++) await client.publish('a', payload)
    })()
    for (let turn = 0; turn < 50; turn++) await quiet()
    const stalledAt = accepted
    expect(stalledAt).toBeLessThan(100)
    await quiet()
    expect(accepted).toBe(stalledAt)
    connection.readOn()
    for (let turn = 0; turn < 10; turn++) await quiet()
    expect(accepted).toBeGreaterThan(stalledAt)
    client.destroy()
    await producer.catch(() => {})
  })

  test('stay within maxInFlight', async () => {
    const { client, connection } = await online({ maxInFlight: 3 })
    const all = Promise.all(Array.from({ length: 10 }, (_, n) => client.publish('a', String(n), { qos: 1 })))
    await quiet()
    expect(connection.all('publish')).toHaveLength(3)
    expect(client.stats).toMatchObject({ inFlight: 3, queued: 7 })
    for (const packet of connection.all('publish')) {
      if (packet.qos !== 0) connection.send({ type: 'puback', packetId: packet.packetId })
    }
    connection.serve()
    await quiet()
    for (const packet of connection.all('publish').slice(3, 6)) {
      if (packet.qos !== 0) connection.send({ type: 'puback', packetId: packet.packetId })
    }
    await all
  })
})

test('of long Topic Names nothing is remembered: a thousand of 64,000 characters keep no memory', async () => {
  const collect = garbageCollector()
  const { client, connection } = await online()
  const used = () => {
    collect()
    return process.memoryUsage().heapUsed
  }
  const publish = async (count: number) => {
    for (let index = 0; index < count; index += 1) {
      await client.publish(`${index}`.padEnd(64_000, 'x'), '')
      await nextPublish(connection)
      connection.received.length = 0
      connection.chunks.length = 0
    }
  }
  await publish(10)
  const before = used()
  await publish(1_000)
  expect(used() - before).toBeLessThan(16_000_000)
})
