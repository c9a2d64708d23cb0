import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { ClosedError, MqttClient } from '../../../src/index.js'
import { clientOf, event, fakeTime, gate, online, pass, quiet, rejectionOf, watch } from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'

const patient = { reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 } }

describe('end()', () => {
  test('finishes what is in flight, sends DISCONNECT, and closes [MQTT-3.14.4-1]', async () => {
    const { client, connection } = await online()
    const published = [client.publish('a', '1', { qos: 1 }), client.publish('a', '2', { qos: 2 })]
    const subscribed = client.subscribe('a')
    const closed = event(client, 'close')
    const ended = client.end()
    expect(client.state).toBe('closing')
    const watched = watch(ended)
    await quiet()
    expect(watched.state).toBe('pending')
    expect(connection.all('disconnect')).toEqual([])
    connection.serve()
    for (const packet of connection.received) {
      if (packet.type === 'subscribe') connection.send({ type: 'suback', packetId: packet.packetId, returnCodes: [0] })
      if (packet.type === 'publish' && packet.qos === 1) connection.send({ type: 'puback', packetId: packet.packetId })
      if (packet.type === 'publish' && packet.qos === 2) connection.send({ type: 'pubrec', packetId: packet.packetId })
    }
    await Promise.all([...published, subscribed])
    await ended
    await connection.ended
    expect(connection.names.at(-1)).toBe('disconnect')
    expect(connection.all('disconnect')).toHaveLength(1)
    expect(await closed).toEqual({})
  })

  test('gives up after timeoutMs, and what is unacknowledged rejects with delivery unknown', async () => {
    fakeTime()
    const { client, connection } = await online()
    const published = client.publish('a', 'x', { qos: 1 })
    const ended = client.end({ timeoutMs: 2_000 })
    await pass(1_999)
    expect(connection.names).toEqual(['connect', 'publish'])
    await pass(1)
    await ended
    expect(connection.names).toEqual(['connect', 'publish'])
    const error = await rejectionOf(published)
    expect(error).toBeInstanceOf(ClosedError)
    expect(error).toHaveProperty('delivery', 'unknown')
  })

  test('waits for nothing with a timeoutMs of 0', async () => {
    fakeTime()
    const { client } = await online()
    const published = client.publish('a', 'x', { qos: 1 })
    const watched = watch(client.end({ timeoutMs: 0 }))
    // The shortest timer.
    await pass(1)
    expect(watched.state).toBe('resolved')
    expect(await rejectionOf(published)).toBeInstanceOf(ClosedError)
  })

  test('takes 5 s at most by default', async () => {
    fakeTime()
    const { client } = await online()
    client.publish('a', 'x', { qos: 1 })
    const watched = watch(client.end())
    await pass(4_999)
    expect(watched.state).toBe('pending')
    await pass(2)
    expect(watched.state).toBe('resolved')
  })

  test('waits for QoS 0 messages that the socket has not taken yet', async () => {
    const { client, connection } = await online()
    connection.stopReading()
    const payload = Buffer.alloc(50_000)
    for (let n = 0; n < 20; n++) client.publish('a', payload)
    const ended = client.end()
    await quiet()
    connection.readOn()
    await ended
    expect(connection.all('publish')).toHaveLength(20)
    expect(connection.names.at(-1)).toBe('disconnect')
  })

  test('waits for them, and for DISCONNECT, as long as some of it leaves in each second', async () => {
    fakeTime()
    const { client, connection } = await online()
    connection.stopReading()
    for (let n = 0; n < 3; n++) client.publish('a', Buffer.alloc(70_000))
    const ended = client.end({ timeoutMs: 60_000 })
    while (connection.all('disconnect').length === 0) {
      await pass(900)
      expect(client.state).toBe('closing')
      await connection.readChunk()
    }
    connection.readOn()
    await ended
    expect(connection.names).toEqual(['connect', 'publish', 'publish', 'publish', 'disconnect'])
  })

  test('resolves although the server neither reads nor closes', async () => {
    fakeTime()
    const { client, connection } = await online()
    connection.stopReading()
    const watched = watch(client.end())
    await pass(10_000)
    expect(watched.state).toBe('resolved')
  })

  test('while offline waits for a connection only if something waits for one', async () => {
    const { client, connection, server } = await online({ reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
    connection.cut()
    await event(client, 'offline')
    server.serve()
    const published = client.publish('a', 'x', { qos: 1 })
    const ended = client.end()
    const again = await server.admitted()
    await published
    await ended
    expect(again.names).toEqual(['connect', 'publish', 'disconnect'])
  })

  test('while offline rejects after timeoutMs what never got away, with delivery none', async () => {
    fakeTime()
    const { client, connection } = await online(patient)
    connection.cut()
    await event(client, 'offline')
    const published = client.publish('a', 'x', { qos: 1 })
    const ended = client.end({ timeoutMs: 100 })
    await pass(101)
    await ended
    const error = await rejectionOf(published)
    expect(error).toBeInstanceOf(ClosedError)
    expect(error).toHaveProperty('delivery', 'none')
  })

  test('lets running handlers finish, so that their messages are acknowledged', async () => {
    const { client, connection } = await online()
    const slow = gate()
    client.handle('a', () => slow.promise)
    connection.send(message('a', 1, 1))
    await quiet()
    const ended = client.end()
    await quiet()
    slow.open()
    await ended
    expect(connection.names).toEqual(['connect', 'puback', 'disconnect'])
  })

  test.each([
    ['after a microtask', async () => {}],
    ['after a tick', () => new Promise<void>((resolve) => process.nextTick(resolve))],
  ])('does not wait for the handler that awaits it (called %s)', async (_, before) => {
    // No time passes, so no time-out ends the wait.
    fakeTime()
    const { client, connection } = await online()
    const ended = gate()
    client.handle('a', async () => {
      await before()
      await client.end()
      ended.open()
    })
    connection.send(message('a', 1, 1))
    await ended.promise
    expect(client.state).toBe('closed')
  })

  test('called in the first turn of a handler does not wait at all', async () => {
    fakeTime()
    const { client, connection } = await online()
    const ended = gate()
    client.handle('a', async () => {
      await client.end()
      ended.open()
    })
    connection.send(message('a', 1, 1))
    await ended.promise
  })

  test('called by a handler that returns at once: its message is acknowledged before DISCONNECT', async () => {
    const { client, connection } = await online()
    client.handle('stop', () => {
      client.end()
    })
    connection.send(message('stop', 1, 1))
    await client.closed
    await connection.ended
    expect(connection.names).toEqual(['connect', 'puback', 'disconnect'])
  })

  test('called by a handler that goes on to finish still waits for the others', async () => {
    const { client, connection } = await online()
    const [caller, other] = [gate(), gate()]
    client.handle('stop', () => {
      client.end()
      return caller.promise
    })
    client.handle('work', () => other.promise)
    connection.send(message('work', 1, 1), message('stop', 1, 2))
    await quiet()
    caller.open()
    await quiet()
    expect(connection.all('disconnect')).toEqual([])
    other.open()
    await client.closed
    expect(connection.names).toEqual(['connect', 'puback', 'puback', 'disconnect'])
  })

  test('after destroy() resolves, and before it too', async () => {
    const { client } = await online()
    client.publish('a', 'x', { qos: 1 })
    const ended = client.end()
    client.destroy()
    await ended
  })

  test('refuses new work: ClosedError', async () => {
    const { client } = await online()
    client.publish('a', 'x', { qos: 1 })
    client.end().catch(() => {})
    for (const promise of [
      client.publish('a', 'x'),
      client.subscribe('a'),
      client.unsubscribe('a'),
      client.messages('a'),
    ]) {
      expect(await rejectionOf(promise)).toBeInstanceOf(ClosedError)
    }
  })

  test('refuses a timeoutMs that is none', async () => {
    const { client } = await online()
    expect(await rejectionOf(client.end({ timeoutMs: -1 }))).toMatchObject({ code: 'MQTT_USAGE' })
    expect(client.state).toBe('online')
  })

  test('has happened also for a program that reads client.closed only then', async () => {
    const server = new FakeServer()
    const client = new MqttClient({ stream: server.stream })
    await client.end()
    expect(await client.closed).toBeUndefined()
    const refused = new MqttClient({ stream: server.stream })
    const connected = rejectionOf(refused.connect())
    const connection = await server.accepted()
    await connection.refuse(2)
    expect(await rejectionOf(refused.closed)).toBe(await connected)
  })

  test('is what `await using` calls', async () => {
    const { client, connection } = await online()
    {
      await using own = client
      expect(own.state).toBe('online')
    }
    expect(client.state).toBe('closed')
    expect(connection.names).toEqual(['connect', 'disconnect'])
  })
})

test('options.signal ends the client with its reason', async () => {
  const abort = new AbortController()
  const { client, connection } = await online({ signal: abort.signal })
  const reason = new Error('shutting down')
  abort.abort(reason)
  expect(await rejectionOf(client.closed)).toBe(reason)
  await connection.closed
})

test('options.signal has no listener left once the client has ended', async () => {
  const { signal } = new AbortController()
  const { client } = await online({ signal })
  expect(getEventListeners(signal, 'abort')).toHaveLength(1)
  await client.end()
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

test('options.signal that is aborted already makes a client that is closed', async () => {
  const reason = new Error('too late')
  const client = clientOf(new FakeServer(), { signal: AbortSignal.abort(reason) })
  expect(await rejectionOf(client.closed)).toBe(reason)
  expect(client.state).toBe('closed')
})

test('options.signal that is aborted before connect() is the reason why that rejects', async () => {
  const reason = new Error('shutting down')
  const aborted = clientOf(new FakeServer(), { signal: AbortSignal.abort(reason) })
  expect(await rejectionOf(aborted.connect())).toBe(reason)
  const abort = new AbortController()
  const later = clientOf(new FakeServer(), { signal: abort.signal })
  abort.abort(reason)
  expect(await rejectionOf(later.connect())).toBe(reason)
})

test('a subscription and a publish of a client that has ended settle', async () => {
  const { client, connection } = await online()
  connection.serve()
  const subscription = await client.subscribe('a')
  await client.end()
  await subscription.unsubscribe()
})
