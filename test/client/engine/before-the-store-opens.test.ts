import { getEventListeners } from 'node:events'
import { describe, expect, test } from 'vitest'
import { ClosedError, type MqttClient } from '../../../src/index.js'
import { clientOf, fakeTime, gate, pass, quiet, rejectionOf, watch } from '../peers/client-on-pipe.js'
import { FakeServer } from '../peers/fake-server.js'
import { persistent, ScriptedStore } from '../peers/scripted-store.js'

describe('what is asked before the store is open', () => {
  test('waits for it, in order, and then for the connection', async () => {
    const server = new FakeServer()
    server.serve()
    const store = new ScriptedStore()
    const client = clientOf(server, { ...persistent, store })
    const asked = [
      client.publish('a', '1', { qos: 1 }),
      client.publish('a', '2', { qos: 0 }),
      client.subscribe('b'),
      client.publish('a', '3', { qos: 2 }),
      client.unsubscribe('c'),
    ]
    await quiet()
    expect(store.calls).toEqual([])
    const connected = client.connect()
    const connection = await server.admitted()
    await connected
    await Promise.all(asked)
    expect(connection.all('publish').map(({ payload }) => payload.toString())).toEqual(['1', '2', '3'])
  })

  test('keeps its place when the store opens too late for the attempt that asked it to', async () => {
    fakeTime()
    const server = new FakeServer()
    server.onConnection = (connection) => {
      connection.serve()
      void connection.admit()
    }
    const store = new ScriptedStore()
    const opening = gate()
    store.opening = opening.promise
    const reconnect = { retryInitial: true, minDelayMs: 10_000, maxDelayMs: 10_000 }
    const client = clientOf(server, { ...persistent, reconnect, store, connectTimeoutMs: 100 })
    const connected = client.connect()
    const order: string[] = []
    const publish = (topic: string) =>
      client.publish(topic, 'x', { qos: 1, until: 'stored' }).then(() => order.push(topic))
    const asked = [publish('one')]
    await pass(101)
    opening.open()
    await pass(1)
    expect(store.kinds).toEqual(['queued'])
    asked.push(publish('two'))
    await pass(10_000)
    const connection = await server.accepted()
    await Promise.all([connected, ...asked])
    expect(order).toEqual(['one', 'two'])
    expect(connection.all('publish').map(({ topic }) => topic)).toEqual(['one', 'two'])
  })

  test('keeps its place before what is asked at the very moment in which the store opens', async () => {
    const server = new FakeServer()
    server.serve()
    const store = new ScriptedStore()
    const opening = gate()
    store.opening = opening.promise
    const client = clientOf(server, { ...persistent, store })
    const connected = client.connect()
    const asked = [client.publish('0', 'x', { qos: 1 }), client.subscribe('kept'), client.unsubscribe('left')]
    await quiet()
    opening.open()
    // One call in each microtask while the session is read and the waiting calls go on.
    for (let turn = 1; turn <= 40; turn++) {
      asked.push(client.publish(String(turn), 'x', { qos: 1 }))
      if (turn === 1) asked.push(client.unsubscribe('kept'), client.subscribe('left'))
      await Promise.resolve()
    }
    const connection = await server.admitted()
    await connected
    await Promise.all(asked)
    expect(connection.all('publish').map(({ topic }) => topic)).toEqual(Array.from({ length: 41 }, (_, n) => String(n)))
    const requests = connection.names.filter((name) => name.endsWith('subscribe'))
    expect(requests).toEqual(['subscribe', 'unsubscribe', 'unsubscribe', 'subscribe'])
  })

  test('settles when the client ends before, even if nobody waits for it', async () => {
    const store = new ScriptedStore()
    const client = clientOf(new FakeServer(), { ...persistent, store })
    const published = client.publish('a', 'x', { qos: 1 })
    client.publish('a', 'unheeded', { qos: 1 })
    client.subscribe('a')
    const subscribed = client.subscribe('a')
    await client.end()
    const error = await rejectionOf(published)
    expect(error).toBeInstanceOf(ClosedError)
    expect(error).toHaveProperty('delivery', 'none')
    expect(await rejectionOf(subscribed)).toBeInstanceOf(ClosedError)
    await quiet()
    expect(client.stats.rejected).toBe(2)
  })

  test('settles when the function stream, called as soon as the store is open, ends the client', async () => {
    const server = new FakeServer()
    const stream = () => {
      client.destroy()
      return server.stream()
    }
    const client: MqttClient = clientOf(server, { ...persistent, store: new ScriptedStore(), stream })
    const asked = [
      client.publish('a', '0'),
      client.publish('a', '1', { qos: 1 }),
      client.publish('a', '2', { qos: 2, until: 'stored' }),
      client.subscribe('b'),
      client.messages('c'),
      client.unsubscribe('d'),
      client.connect(),
    ]
    for (const call of asked) expect(await rejectionOf(call)).toBeInstanceOf(ClosedError)
  })

  test('is taken back by its signal at once', async () => {
    const server = new FakeServer()
    const store = new ScriptedStore()
    const client = clientOf(server, { ...persistent, store })
    const abort = new AbortController()
    const published = client.publish('a', 'x', { qos: 1, signal: abort.signal })
    const subscribed = client.subscribe('a', { signal: abort.signal })
    abort.abort()
    expect(await rejectionOf(published)).toBe(abort.signal.reason)
    expect(await rejectionOf(subscribed)).toBe(abort.signal.reason)
    const connected = client.connect()
    const connection = await server.admitted()
    await connected
    await quiet()
    expect(connection.names).toEqual(['connect'])
  })

  test('leaves no listener on its signal, whether it goes on or not', async () => {
    const server = new FakeServer()
    server.serve()
    const client = clientOf(server, { ...persistent, store: new ScriptedStore() })
    const { signal } = new AbortController()
    const asked = [client.publish('a', 'x', { qos: 1, signal }), client.subscribe('a', { signal })]
    client.connect()
    await server.admitted()
    await Promise.all(asked)
    expect(getEventListeners(signal, 'abort')).toEqual([])
    const other = clientOf(new FakeServer(), { ...persistent, store: new ScriptedStore() })
    const published = other.publish('a', 'x', { qos: 1, signal })
    await other.end()
    expect(await rejectionOf(published)).toBeInstanceOf(ClosedError)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('is refused when its signal is aborted already', async () => {
    const client = clientOf(new FakeServer(), { ...persistent, store: new ScriptedStore() })
    const signal = AbortSignal.abort(new Error('too late'))
    expect(await rejectionOf(client.publish('a', 'x', { qos: 1, signal }))).toBe(signal.reason)
    expect(await rejectionOf(client.subscribe('a', { signal }))).toBe(signal.reason)
  })

  test('is bounded by the queue, and what is refused is counted', async () => {
    const client = clientOf(new FakeServer(), { ...persistent, store: new ScriptedStore(), queue: { maxMessages: 1 } })
    client.publish('a', '1', { qos: 1 })
    expect(await rejectionOf(client.publish('a', '2', { qos: 1 }))).toMatchObject({ code: 'MQTT_QUEUE_FULL' })
    expect(client.stats.rejected).toBe(1)
  })

  test('makes room in the queue when its signal takes it back', async () => {
    const client = clientOf(new FakeServer(), { ...persistent, store: new ScriptedStore(), queue: { maxMessages: 1 } })
    const abort = new AbortController()
    const first = client.publish('a', '1', { qos: 1, signal: abort.signal })
    abort.abort()
    expect(await rejectionOf(first)).toBe(abort.signal.reason)
    const second = watch(client.publish('a', '2', { qos: 1 }))
    await quiet()
    expect(second.state).toBe('pending')
  })

  test('keeps the payload as it was', async () => {
    const server = new FakeServer()
    const client = clientOf(server, { ...persistent, store: new ScriptedStore() })
    const payload = Buffer.from('first')
    client.publish('a', payload)
    payload.write('other')
    const connected = client.connect()
    const connection = await server.admitted()
    await connected
    expect((await connection.next('publish')).payload.toString()).toBe('first')
  })
})
