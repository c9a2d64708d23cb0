import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type AttemptEvent, type ClientOptions, type CredentialsAttempt, UsageError } from '../../../src/index.js'
import { clientOf, event, fakeTime, online, pass, quiet, rejectionOf, watch } from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'

describe('reconnect() while offline', () => {
  const patient = { minDelayMs: 40_000, maxDelayMs: 40_000 }

  /** A client whose wait before the next attempt is forty seconds. */
  async function offline(reconnect: ClientOptions['reconnect'] = {}) {
    const random = vi.spyOn(Math, 'random').mockReturnValue(1 - 2 ** -40)
    onTestFinished(() => random.mockRestore())
    fakeTime()
    const found = await online({ reconnect: { ...patient, ...reconnect } })
    found.connection.cut()
    await event(found.client, 'offline')
    return found
  }

  test('begins the next attempt at once, in place of the one that was to follow', async () => {
    const { client, server } = await offline()
    client.reconnect()
    await pass(0)
    await server.admitted()
    await quiet()
    expect(client.state).toBe('online')
    await pass(60_000)
    expect(server.attempts).toBe(2)
  })

  test('begins one attempt, however often it is called', async () => {
    const { client, server } = await offline()
    for (let call = 0; call < 10; call++) client.reconnect()
    await pass(0)
    expect(server.attempts).toBe(2)
  })

  test('keeps to maxAttemptsPerMinute, and goes on as soon as that allows', async () => {
    const { client, server } = await offline({ maxAttemptsPerMinute: 1, minDelayMs: 200_000, maxDelayMs: 200_000 })
    await pass(10_000)
    client.reconnect()
    await pass(49_000)
    expect(server.attempts).toBe(1)
    await pass(1_000)
    expect(server.attempts).toBe(2)
  })

  test('goes on with the waits of before when the attempt fails', async () => {
    const { client, server } = await offline()
    server.unreachable = new Error('still away')
    const failed = event(client, 'offline')
    client.reconnect()
    await pass(0)
    expect((await failed).error).toMatchObject({ cause: server.unreachable })
    await pass(39_999)
    expect(server.attempts).toBe(2)
    await pass(1)
    expect(server.attempts).toBe(3)
  })
})

describe('reconnect() during an attempt', () => {
  test('begins another one: the first connection of connect() too, and its promise is that of the new one', async () => {
    fakeTime()
    const server = new FakeServer()
    const client = clientOf(server)
    const told: AttemptEvent[] = []
    client.on('attempt', (attempt) => told.push(attempt))
    const connected = client.connect()
    const silent = await server.accepted()
    await silent.next('connect')
    client.reconnect()
    await pass(0)
    await silent.closed
    await server.admitted()
    expect(await connected).toEqual({ sessionPresent: false })
    expect(told.map(({ number }) => number)).toEqual([1, 2])
  })

  test('ends a call of credentials that does not come back', async () => {
    fakeTime()
    const server = new FakeServer()
    const asked: CredentialsAttempt[] = []
    const client = clientOf(server, {
      credentials: (attempt) => {
        asked.push(attempt)
        return asked.length === 1 ? new Promise(() => {}) : { clientId: 'second' }
      },
    })
    const connected = client.connect()
    await quiet()
    client.reconnect()
    await pass(0)
    expect(asked[0]?.signal.aborted).toBe(true)
    expect(await (await server.accepted()).admit()).toMatchObject({ clientId: 'second' })
    await connected
  })

  test('leaves the attempt where maxAttemptsPerMinute allows no other one now', async () => {
    fakeTime()
    const server = new FakeServer()
    const client = clientOf(server, { reconnect: { maxAttemptsPerMinute: 1 } })
    const connected = client.connect()
    const first = await server.accepted()
    client.reconnect()
    await pass(0)
    await first.admit()
    await connected
    expect(server.attempts).toBe(1)
  })

  test('begins none where the client is destroyed before it begins', async () => {
    fakeTime()
    const server = new FakeServer()
    const client = clientOf(server)
    const connected = rejectionOf(client.connect())
    await server.accepted()
    client.reconnect()
    client.destroy()
    await pass(60_000)
    expect(await connected).toMatchObject({ code: 'MQTT_CLOSED' })
    expect(server.attempts).toBe(1)
  })
})

describe('reconnect() while online', () => {
  test.each([0, 60])('gives a connection up on which nothing comes for 2 s: Keep Alive %i', async (keepAlive) => {
    fakeTime()
    const { client, connection, server } = await online({ keepAlive, reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
    server.serve()
    const published = client.publish('a', 'x', { qos: 1 })
    await connection.next('publish')
    const offline = event(client, 'offline')
    client.reconnect()
    await connection.next('pingreq')
    await pass(1_999)
    expect(client.state).toBe('online')
    await pass(2)
    expect((await offline).error).toMatchObject({ code: 'MQTT_TIMEOUT', operation: 'ping', timeoutMs: 2_000 })
    await pass(1)
    await server.admitted()
    await published
  })

  test('keeps a connection on which any byte comes', async () => {
    fakeTime()
    const { client, connection, server } = await online()
    client.handle('a', () => {})
    client.reconnect()
    await pass(1_000)
    connection.send(message('a'))
    await pass(60_000)
    expect([client.state, server.attempts]).toEqual(['online', 1])
  })

  test('ends a client with reconnect: false whose connection is dead', async () => {
    fakeTime()
    const { client } = await online({ reconnect: false })
    const ended = rejectionOf(client.closed)
    client.reconnect()
    await pass(2_001)
    expect(await ended).toMatchObject({ code: 'MQTT_TIMEOUT' })
  })
})

describe('reconnect() does nothing', () => {
  test('before connect()', async () => {
    const server = new FakeServer()
    const client = clientOf(server)
    client.reconnect()
    await quiet()
    expect([client.state, server.attempts]).toEqual(['idle', 0])
  })

  test('after the end', async () => {
    const { client, server } = await online()
    await client.end()
    client.reconnect()
    await quiet()
    expect([client.state, server.attempts]).toEqual(['closed', 1])
  })

  test('while end() waits for the server to close', async () => {
    const { client, connection } = await online()
    const ended = watch(client.end())
    client.reconnect()
    await connection.ended
    expect(connection.names).toEqual(['connect', 'disconnect'])
    await quiet()
    expect(ended.state).toBe('resolved')
  })
})

test('reconnect() takes no argument', async () => {
  const { client } = await online()
  expect(() => Reflect.apply(client.reconnect, client, ['now'])).toThrow(UsageError)
})
