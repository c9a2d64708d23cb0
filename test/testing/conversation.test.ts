/** The server as a test holds it: what it sees, and what it causes. With our own client, over TCP, TLS and in memory. */
import { getEventListeners } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ca, server as identity } from '../../fixtures/tls/index.js'
import { encodePacket } from '../../src/codec/index.js'
import { connect, MqttClient } from '../../src/index.js'
import { type TestServer, type TestServerOptions, testServer } from '../../src/testing/index.js'
import { event, fakeTime, outcomeOf, pass, rejectionOf, watch } from '../client/peers/client-on-pipe.js'
import { admitted, connectPacket, publish, RawClient, serverInMemory, subscribed } from './raw-client.js'

async function listening(options: TestServerOptions = {}): Promise<TestServer> {
  const server = await testServer(options)
  onTestFinished(() => server.close())
  return server
}

/** Against our client, which comes back at once. */
const prompt = { reconnect: { minDelayMs: 1, maxDelayMs: 1 } }

async function clientOf(server: TestServer, options: ConstructorParameters<typeof MqttClient>[0] = {}) {
  const client = new MqttClient({ stream: server.stream, keepAlive: 0, ...prompt, ...options })
  client.closed.catch(() => {})
  onTestFinished(() => client.destroy())
  await client.connect()
  return client
}

describe('a test server', () => {
  test.each([
    ['TCP', {}, {}, /^mqtt:\/\/(\[::1\]|127\.0\.0\.1):\d+$/],
    ['TLS', { tls: identity }, { tls: { ca } }, /^mqtts:/],
  ])('is reached over %s by many clients', async (_, options, clientOptions, url) => {
    const server = await listening(options)
    expect(server.url).toMatch(url)
    const got: string[] = []
    const clients = await Promise.all([1, 2, 3].map(() => connect(server.url, clientOptions)))
    for (const client of clients) {
      onTestFinished(() => client.destroy())
      await client.subscribe('a', { qos: 2 }, (message) => got.push(message.text()))
    }
    await clients[0]?.publish('a', 'from a client', { qos: 2 })
    expect(await server.publish('a', 'from the server', { qos: 2 })).toBe(3)
    expect(got.filter((text) => text === 'from the server')).toHaveLength(3)
    await Promise.all(clients.map((client) => client.end()))
    expect(server.faults).toEqual([])
  })

  test('lets nobody connect while it is stopped, keeps its Sessions, and comes back at the same port', async () => {
    const server = await listening()
    const client = await connect(server.url, { clientId: 'kept', cleanSession: false, ...prompt })
    onTestFinished(() => client.destroy())
    await client.subscribe('a', { qos: 1 })
    const { url } = server
    const offline = event(client, 'offline')
    await server.stop()
    await offline
    expect(server.connections).toEqual([])
    expect(await rejectionOf(connect(url))).toMatchObject({ reason: 'refused' })
    const online = event(client, 'online')
    await server.start()
    expect(server.url).toBe(url)
    expect(await online).toEqual({ sessionPresent: true })
  })

  test('is closed at the end of `await using`, and whoever waits is told', async () => {
    let waiting: Promise<unknown>[]
    {
      await using server = await testServer()
      waiting = [server.receives('publish'), server.accepts()]
    }
    for (const each of waiting) expect(await rejectionOf(each)).toMatchObject({ code: 'MQTT_CLOSED' })
  })

  test('publishes nothing more, and keeps nothing, once it is closed', async () => {
    const server = serverInMemory()
    await server.close()
    expect(await rejectionOf(server.publish('a', 'x', { retain: true }))).toMatchObject({ code: 'MQTT_CLOSED' })
    expect(server.retained.size).toBe(0)
  })

  test('says that it has no port before start(), and no way in after stop()', async () => {
    const server = serverInMemory()
    expect(() => server.url).toThrow(/start\(\)/)
    await server.stop()
    expect(() => server.stream()).toThrow(/stopped/)
  })

  test.each(['stop', 'close'] as const)(
    'lets nobody in after a %s() that came while it began to listen',
    async (end) => {
      const server = serverInMemory()
      const started = server.start()
      await server[end]()
      await started
      expect(() => server.stream()).toThrow(/stopped/)
    },
  )

  test('refuses a port that is taken', async () => {
    const { port } = await listening()
    expect(await rejectionOf(testServer({ port }))).toMatchObject({ code: 'MQTT_CONNECTION_LOST' })
  })

  test('is closed, and tells whoever waits, also while it tries a port that is taken', async () => {
    const { port } = await listening()
    const server = serverInMemory({ port })
    const outcomes = [server.start(), server.accepts()].map(rejectionOf)
    await server.close()
    expect(await Promise.all(outcomes)).toMatchObject([{ code: 'MQTT_CONNECTION_LOST' }, { code: 'MQTT_CLOSED' }])
  })
})

describe('receives()', () => {
  test('gives each packet once, in order, asked for before or after', async () => {
    const server = serverInMemory()
    const early = server.receives('publish')
    const client = await admitted(server)
    client.send(publish('a'), publish('b'), publish('c'))
    expect((await early).topic).toBe('a')
    expect((await server.receives('publish')).topic).toBe('b')
    expect((await server.receives('publish')).topic).toBe('c')
    expect(server.received.map(({ type }) => type)).toEqual(['connect', 'publish', 'publish', 'publish'])
  })

  test('passes over what does not match, and leaves it to others', async () => {
    const server = serverInMemory()
    const [left, right] = [await admitted(server, { clientId: 'left' }), await admitted(server, { clientId: 'right' })]
    left.send(publish('a/1'), publish('b/1'))
    right.send(publish('a/2'), { type: 'subscribe', packetId: 1, subscriptions: [{ filter: 'x', qos: 0 }] })
    expect((await server.receives('publish', { clientId: 'right' })).topic).toBe('a/2')
    expect((await server.receives('publish', { topic: 'b/+' })).topic).toBe('b/1')
    expect((await server.receives('publish', { where: ({ payload }) => payload.length === 3 })).topic).toBe('a/1')
    expect((await server.receives('subscribe', { topic: 'x' })).packetId).toBe(1)
    const other = server.receives('subscribe', { topic: 'y' })
    right.send({ type: 'subscribe', packetId: 2, subscriptions: [{ filter: 'y', qos: 0 }] })
    expect((await other).packetId).toBe(2)
  })

  test('of a connection counts by itself, and rejects when that ends', async () => {
    const server = serverInMemory()
    const client = await admitted(server)
    const [connection] = server.connections
    client.send(publish('a'))
    await server.receives('publish')
    expect((await connection?.receives('publish'))?.topic).toBe('a')
    const waiting = connection?.receives('publish') ?? Promise.resolve()
    client.cut()
    expect(await rejectionOf(waiting)).toMatchObject({ code: 'MQTT_CONNECTION_LOST' })
  })

  test('leaves no listener on its signal, whatever its outcome', async () => {
    const server = serverInMemory()
    const abort = new AbortController()
    const { signal } = abort
    const came = server.receives('connect', { signal })
    const aborted = server.receives('publish', { signal })
    await admitted(server)
    await came
    expect(getEventListeners(signal, 'abort')).toHaveLength(1)
    abort.abort()
    await rejectionOf(aborted)
    expect(getEventListeners(signal, 'abort')).toHaveLength(0)
  })

  test('rejects with the reason of its signal, and with what its function throws', async () => {
    const server = serverInMemory()
    const reason = new Error('enough')
    const abort = new AbortController()
    const waiting = server.receives('publish', { signal: abort.signal })
    abort.abort(reason)
    expect(await rejectionOf(waiting)).toBe(reason)
    expect(await rejectionOf(server.receives('connect', { signal: AbortSignal.abort(reason) }))).toBe(reason)
    const where = () => {
      throw reason
    }
    const throwing = server.receives('connect', { where })
    await admitted(server)
    expect(await rejectionOf(throwing)).toBe(reason)
    expect(server.connections).toHaveLength(1)
  })

  test.each([undefined, 5_000])(
    'keeps the last packets of a long test, and forgets the first (%s)',
    async (packetsKept) => {
      const server = serverInMemory({ packetsKept })
      const kept = packetsKept ?? 10_000
      const client = await admitted(server)
      for (let n = 0; n < 20; n++) {
        client.send(...Array.from({ length: 1_000 }, (_, index) => publish(String(1_000 * n + index))))
      }
      await client.allUntilPing()
      expect(server.received.length).toBeGreaterThanOrEqual(kept)
      expect(server.received.length).toBeLessThan(2 * kept)
      expect(Number((await server.receives('publish')).topic)).toBeGreaterThanOrEqual(20_000 - 2 * kept)
    },
  )
})

describe('publish()', () => {
  test('resolves once every Session has acknowledged, also after the connection was lost', async () => {
    const server = serverInMemory()
    const client = await subscribed(server, { a: 2 }, { cleanSession: false })
    const published = server.publish('a', 'x', { qos: 2 })
    const watched = watch(published)
    expect(await client.next()).toMatchObject({ type: 'publish', packetId: 1 })
    client.send({ type: 'pubrec', packetId: 1 })
    expect(await client.next()).toEqual({ type: 'pubrel', packetId: 1 })
    client.cut()
    await server.connections[0]?.closed
    expect(watched.state).toBe('pending')
    const again = await admitted(server, { cleanSession: false })
    expect(await again.next()).toEqual({ type: 'pubrel', packetId: 1 })
    again.send({ type: 'pubcomp', packetId: 1 })
    expect(await published).toBe(1)
  })

  test('does not wait for a client that is away', async () => {
    const server = serverInMemory()
    await subscribed(server, { a: 1 }, { cleanSession: false })
    server.cut()
    expect(await server.publish('a', 'x', { qos: 1 })).toBe(1)
    const back = await admitted(server, { cleanSession: false })
    expect(await back.next()).toMatchObject({ topic: 'a' })
  })

  test('resolves for a Session that is lost, and at QoS 0 at once', async () => {
    const server = serverInMemory()
    await subscribed(server, { a: 1 })
    expect(await server.publish('a', 'x')).toBe(1)
    const published = server.publish('a', 'x', { qos: 1 })
    server.cut()
    expect(await published).toBe(1)
    expect(await server.publish('a', 'x', { qos: 1 })).toBe(0)
  })

  test('waits for the handlers of our client', async () => {
    const server = serverInMemory()
    const client = await clientOf(server)
    let isDone = false
    await client.subscribe('a', { qos: 1 }, async () => {
      await new Promise((resolve) => setImmediate(resolve))
      isDone = true
    })
    await server.publish('a', Buffer.from('x'), { qos: 1 })
    expect(isDone).toBe(true)
  })
})

describe('refuse()', () => {
  test('a connection, so many times', async () => {
    const server = serverInMemory()
    server.refuse('connect', { returnCode: 3, times: 1 })
    const refused = new RawClient(server)
    refused.send(connectPacket())
    expect(await refused.next()).toEqual({ type: 'connack', sessionPresent: false, returnCode: 3 })
    await refused.closed
    await admitted(server)
  })

  test('a Topic Filter, and grants the others of the packet', async () => {
    const server = serverInMemory()
    server.refuse('subscribe', { topic: 'secret' })
    const client = await admitted(server)
    const subscriptions = [
      { filter: 'secret', qos: 1 },
      { filter: 'open', qos: 1 },
    ] as const
    client.send({ type: 'subscribe', packetId: 1, subscriptions })
    expect(await client.next()).toMatchObject({ returnCodes: Uint8Array.of(0x80, 1) })
    expect([...server.subscriptions('raw').keys()]).toEqual(['open'])
  })

  test.each([
    ['acknowledge', 'puback'],
    ['silence', undefined],
    ['close', undefined],
  ] as const)('a message: nobody gets it (%s)', async (refusedPublish, answer) => {
    const server = serverInMemory({ habits: { refusedPublish } })
    server.refuse('publish', { topic: 'secret/#' })
    const client = await subscribed(server, { '#': 0 })
    client.send(publish('secret/a', 1, 2))
    const [connection] = server.connections
    const packets = await client.allUntilPing()
    if (refusedPublish === 'close') await connection?.closed
    expect(packets.map(({ type }) => type)).toEqual(answer === undefined ? [] : [answer])
    expect(server.connections).toHaveLength(refusedPublish === 'close' ? 0 : 1)
  })

  test('ends when it is disposed of', async () => {
    const server = serverInMemory()
    {
      using _ = server.refuse('connect')
      const refused = new RawClient(server)
      refused.send(connectPacket())
      expect(await refused.next()).toMatchObject({ returnCode: 5 })
    }
    await admitted(server)
  })
})

describe('silence()', () => {
  test('has the server see packets of a type, and do nothing', async () => {
    const server = serverInMemory()
    server.silence('publish')
    const client = await subscribed(server, { a: 0 })
    client.send(publish('a', 1, 1))
    expect(await client.allUntilPing()).toEqual([])
    expect(await server.receives('publish')).toMatchObject({ topic: 'a' })
  })

  test('without a type leaves every answer to the test', async () => {
    const server = serverInMemory()
    server.silence()
    const accepted = server.accepts()
    const client = new RawClient(server)
    client.send(connectPacket())
    const connection = await accepted
    await connection.receives('connect')
    connection.send({ type: 'connack', sessionPresent: true, returnCode: 0 }, publish('by hand'))
    connection.sendBytes(Buffer.of(0xd0, 0))
    expect((await Promise.all([client.next(), client.next(), client.next()])).map((packet) => packet?.type)).toEqual([
      'connack',
      'publish',
      'pingresp',
    ])
  })
})

describe('answer()', () => {
  test('has a function of the test do what the server would do', async () => {
    const server = serverInMemory()
    server.answer('publish', (packet, connection) => {
      connection.send({ type: 'pubcomp', packetId: packet.qos === 0 ? 1 : packet.packetId })
    })
    const client = await admitted(server)
    client.send(publish('a', 1, 9))
    expect(await client.allUntilPing()).toEqual([{ type: 'pubcomp', packetId: 9 }])
  })

  test('ends the connection where the function throws, and tells the error', async () => {
    const server = serverInMemory()
    const error = new Error('a mistake of the test')
    server.answer('publish', () => {
      throw error
    })
    const client = await admitted(server)
    client.send(publish('a'))
    await client.closed
    await server.connections[0]?.closed
    expect(server.faults).toEqual([error])
  })
})

test('withhold() loses an answer of a server that has done what it was asked; our client sends the message again', async () => {
  const server = serverInMemory()
  server.withhold('puback', { times: 1 })
  const receiver = await subscribed(server, { a: 0 }, { clientId: 'receiver' })
  const client = await clientOf(server, { clientId: 'c', cleanSession: false })
  const published = client.publish('a', 'x', { qos: 1 })
  await server.receives('publish')
  server.cut('c')
  expect(await server.receives('publish')).toMatchObject({ dup: true })
  await published
  expect(await receiver.allUntilPing()).toHaveLength(2)
})

test('withhold() of CONNACK lets a test answer CONNECT, and the server goes on with the client', async () => {
  const server = serverInMemory()
  server.withhold('connack')
  const accepted = server.accepts()
  const client = new RawClient(server)
  client.send(connectPacket())
  const connection = await accepted
  await connection.receives('connect')
  connection.send({ type: 'connack', sessionPresent: true, returnCode: 0 })
  expect(await client.next()).toMatchObject({ sessionPresent: true })
  expect(await client.allUntilPing()).toEqual([])
})

test('withhold() loses also the CONNACK that refuses another version', async () => {
  const server = serverInMemory()
  server.withhold('connack')
  const client = new RawClient(server)
  const bytes = encodePacket(connectPacket())
  bytes[8] = 5
  client.sendBytes(bytes)
  await client.closed
  expect(client.received).toEqual([])
})

test('sendBytes() says what it was given instead of bytes', async () => {
  const server = serverInMemory()
  const accepted = server.accepts()
  await admitted(server)
  const connection = await accepted
  const give = (bytes: unknown) => () => Reflect.apply(connection.sendBytes, connection, [bytes])
  expect(give([1])).toThrow('a Uint8Array, not an array')
  expect(give(undefined)).toThrow('a Uint8Array, not undefined')
})

test('delay() has the server handle a packet later, and what is behind it with it', async () => {
  fakeTime()
  const server = serverInMemory()
  server.delay('publish', 500, { times: 1 })
  const client = await admitted(server)
  client.send(publish('a', 1, 1), publish('b', 1, 2), { type: 'pingreq' })
  await pass(499)
  expect(client.received.map(({ type }) => type)).toEqual(['connack'])
  await pass(1)
  expect(client.received.map(({ type }) => type)).toEqual(['connack', 'puback', 'puback', 'pingresp'])
})

test('delay() keeps the end of a connection behind the packet: DISCONNECT still discards the will', async () => {
  fakeTime()
  const server = serverInMemory()
  server.delay('publish', 500)
  const receiver = await subscribed(server, { '#': 0 }, { clientId: 'receiver' })
  const client = await clientOf(server, { will: { topic: 'will', payload: 'x' } })
  await client.publish('a', 'x')
  const ended = client.end()
  await pass(500)
  await ended
  expect(await receiver.allUntilPing()).toMatchObject([{ topic: 'a' }])
})

test('cut() breaks off the connection of one client, or of all', async () => {
  const server = serverInMemory()
  const left = await admitted(server, { clientId: 'left' })
  const right = await admitted(server, { clientId: 'right' })
  server.cut('left')
  await left.closed
  expect(server.connections.map(({ clientId }) => clientId)).toEqual(['right'])
  server.cut()
  await right.closed
})

test('forget() loses the Session of one client, or all of them and what is retained', async () => {
  const server = serverInMemory()
  const client = await clientOf(server, { clientId: 'kept', cleanSession: false })
  await client.subscribe('a')
  await server.publish('r', 'x', { retain: true })
  const online = event(client, 'online')
  server.forget('kept')
  expect(await online).toEqual({ sessionPresent: false })
  expect(server.retained.size).toBe(1)
  server.forget()
  expect(server.retained.size).toBe(0)
})

test('stopReading() lets the bytes of a client pile up until readOn()', async () => {
  const server = serverInMemory()
  const client = await admitted(server)
  const [connection] = server.connections
  connection?.stopReading()
  client.send(publish('a'))
  const waiting = watch(server.receives('publish'))
  await new Promise((resolve) => setImmediate(resolve))
  expect(waiting.state).toBe('pending')
  connection?.readOn()
  expect((await connection?.receives('publish'))?.topic).toBe('a')
})

describe('what makes no sense is a UsageError:', () => {
  // Types would refuse all of this.
  const call = (method: string, ...values: unknown[]): unknown =>
    Reflect.apply(Reflect.get(serverInMemory(), method), serverInMemory(), values)
  test.each([
    ['receives', ['connack'], /one of "connect"/],
    ['receives', [], /needs the type/],
    ['receives', ['publish', { filter: 'a' }], /filter is no option/],
    ['receives', ['pingreq', { topic: 'a' }], /pingreq has none/],
    ['receives', ['publish', { topic: 'a/#/b' }], /MQTT-4\.7\.1-2/],
    ['receives', ['publish', { where: 1 }], /where has to be a function/],
    ['receives', ['publish', { signal: 1 }], /signal has to be an AbortSignal/],
    ['refuse', ['pingreq'], /one of "connect", "subscribe", "publish"/],
    ['refuse', ['connect', { returnCode: 6 }], /from 1 to 5/],
    ['refuse', ['subscribe', { returnCode: 5 }], /returnCode is no option/],
    ['silence', ['suback'], /one of "connect"/],
    ['silence', ['publish', { times: 0 }], /times has to be/],
    ['silence', [undefined, { topic: 'a' }], /topic is no option of silence/],
    ['answer', ['publish'], /answer has to be a function/],
    ['refuse', ['connect', null], /have to be an object/],
    ['withhold', ['pingreq'], /one of "connack"/],
    ['delay', ['publish'], /delay in milliseconds/],
    ['delay', ['publish', 1.5], /delay in milliseconds/],
    ['publish', ['a/#', 'x'], /MQTT-4\.7\.1-1/],
    ['publish', ['a', 1], /payload/],
    ['publish', ['a', 'x', { qos: 3 }], /0, 1 or 2/],
    ['publish', ['a', 'x', { retained: true }], /did you mean retain\?/],
    ['cut', [7], /clientId/],
  ])('%s(%j)', async (method, values, message) => {
    const outcome = await outcomeOf((async () => call(method, ...values))())
    expect(outcome).toMatchObject({ error: { code: 'MQTT_USAGE', message: expect.stringMatching(message) } })
  })

  test.each([
    [{ ports: 1 }, /did you mean port\?/],
    [{ port: 70_000 }, /port has to be/],
    [{ host: '' }, /host has to be/],
    [{ tls: true }, /cert and key/],
    [{ habits: 'hivemq' }, /one of "mosquitto"/],
    [{ habits: { window: 1 } }, /window is no option/],
    [{ habits: { redelivery: 'never' } }, /habits\.redelivery has to be one of/],
    [{ habits: { sendWindow: 0 } }, /habits\.sendWindow/],
    [{ habits: { keepAliveFactor: 0 } }, /habits\.keepAliveFactor/],
    [{ maxPacketBytes: 1 }, /maxPacketBytes/],
    [{ packetsKept: 0 }, /packetsKept/],
    [{ highWaterMark: 0 }, /highWaterMark/],
    [null, /have to be an object/],
  ])('testServer(%j)', async (options, message) => {
    const outcome = await outcomeOf(Promise.resolve(Reflect.apply(testServer, undefined, [options])))
    expect(outcome).toMatchObject({ error: { code: 'MQTT_USAGE', message: expect.stringMatching(message) } })
  })
})
