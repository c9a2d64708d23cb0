/** The server answers everything but SUBSCRIBE: thousands of calls of `subscribe` time out or are aborted. */
import { expect, onTestFinished, test, vi } from 'vitest'
import { ConnectionLostError, type MqttClient, TimeoutError } from '../../../src/index.js'
import { clientOf, event, fakeTime, online, pass, rejectionOf } from '../peers/client-on-pipe.js'
import { FakeServer } from '../peers/fake-server.js'

function subscribes(client: MqttClient, count: number, signal?: AbortSignal): Promise<unknown>[] {
  return Array.from({ length: count }, (_, index) => rejectionOf(client.subscribe(`f${index}`, { signal }, () => {})))
}

test('those that time out together share their error', async () => {
  fakeTime()
  const { client, connection } = await online({ operationTimeoutMs: 1_000 })
  const errors = Promise.all([...subscribes(client, 3), rejectionOf(client.unsubscribe('u'))])
  await connection.until('unsubscribe')
  await pass(1_001)
  const [first, second, third, unsubscribe] = await errors
  expect(first).toBeInstanceOf(TimeoutError)
  expect([second, third]).toEqual([first, first])
  expect(second).toBe(first)
  expect(unsubscribe).toMatchObject({ code: 'MQTT_TIMEOUT', operation: 'unsubscribe' })
})

test('those that wait when the client ends share their error, and publishes with the same fate share theirs', async () => {
  const { client } = await online({ maxInFlight: 2 })
  const subscribed = Promise.all(subscribes(client, 2))
  const published = Promise.all(Array.from({ length: 4 }, () => rejectionOf(client.publish('a', 'x', { qos: 1 }))))
  client.destroy()
  const [first, second] = await subscribed
  expect(first).toMatchObject({ code: 'MQTT_CLOSED' })
  expect(second).toBe(first)
  const errors = await published
  expect(errors).toMatchObject(['unknown', 'unknown', 'none', 'none'].map((delivery) => ({ delivery })))
  expect([errors[1], errors[3]]).toEqual([errors[0], errors[2]])
  expect(errors[1]).toBe(errors[0])
  expect(errors[3]).toBe(errors[2])
})

test('with the 1,001st the connection is ended, and what waits for an acknowledgement goes on with the next', async () => {
  const { server, client, connection } = await online({ reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
  server.serve()
  const offline = event(client, 'offline')
  const { signal, abort } = aborting()
  const errors = Promise.all(subscribes(client, 1_001, signal))
  const published = client.publish('a', 'x', { qos: 1 })
  await connection.until('publish')
  abort()
  expect(new Set(await errors)).toEqual(new Set([signal.reason]))
  const { error } = await offline
  expect(error).toBeInstanceOf(ConnectionLostError)
  expect(error).toMatchObject({ reason: 'unanswered' })
  const next = await server.admitted()
  await published
  expect(next.names).toEqual(['connect', 'publish'])
})

test('5,000 that one signal aborts before CONNACK all reject with its reason, and none is sent', async () => {
  const server = new FakeServer()
  const client = clientOf(server)
  const connected = client.connect()
  const { signal, abort } = aborting()
  const errors = Promise.all(subscribes(client, 5_000, signal))
  abort()
  expect(new Set(await errors)).toEqual(new Set([signal.reason]))
  const connection = await server.admitted()
  connection.serve()
  await connected
  await client.publish('a', 'x', { qos: 1 })
  expect(connection.names).toEqual(['connect', 'publish'])
})

/** From now on the calls that wait for one signal are told of it a thousand in each turn of the event loop. */
function slowly(): void {
  let now = performance.now()
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => {
    now += 11
    return now
  })
  onTestFinished(() => clock.mockRestore())
}

test('20,000 that one signal aborts are told over several turns, and none is sent although CONNACK comes before the last', async () => {
  const server = new FakeServer()
  const client = clientOf(server, { connectTimeoutMs: 10_000_000 })
  const connected = client.connect()
  const { signal, abort } = aborting()
  const calls = subscribes(client, 20_000, signal)
  let told = 0
  for (const call of calls) call.then(() => (told += 1))
  slowly()
  abort()
  const connection = await server.admitted()
  connection.serve()
  await connected
  expect(told).toBeLessThan(20_000)
  await client.publish('a', 'x', { qos: 1 })
  expect(new Set(await Promise.all(calls))).toEqual(new Set([signal.reason]))
  expect(connection.names).toEqual(['connect', 'publish'])
})

test('1,000 that one signal aborts are told in the same turn, however long that takes', async () => {
  const { client } = await online()
  const { signal, abort } = aborting()
  let told = 0
  for (const call of subscribes(client, 1_000, signal)) call.then(() => (told += 1))
  slowly()
  abort()
  // Behind all reactions of promises, and before the next turn.
  await new Promise<void>((resolve) => process.nextTick(resolve))
  expect(told).toBe(1_000)
})

test('one that the server grants before it is told of the abort rejects, and is unsubscribed', async () => {
  const { client, connection } = await online()
  const { signal, abort } = aborting()
  const pings = Promise.all(Array.from({ length: 5_000 }, () => rejectionOf(client.ping({ signal }))))
  const subscribed = rejectionOf(client.subscribe(['a', 'b'], { signal }, () => {}))
  const { packetId } = await connection.until('subscribe')
  slowly()
  abort()
  connection.send({ type: 'suback', packetId, returnCodes: [0, 128] })
  expect(await subscribed).toBe(signal.reason)
  expect((await connection.until('unsubscribe')).filters).toEqual(['a'])
  expect(new Set(await pings)).toEqual(new Set([signal.reason]))
})

test('one that settles before it is told of the abort is not told', async () => {
  const { client, connection } = await online()
  const { signal, abort } = aborting()
  const pings = Array.from({ length: 20_000 }, () => rejectionOf(client.ping({ signal, timeoutMs: 10_000_000 })))
  slowly()
  abort()
  connection.cut()
  const reasons = await Promise.all(pings)
  expect(reasons[0]).toBe(signal.reason)
  expect(reasons.at(-1)).toMatchObject({ code: 'MQTT_CONNECTION_LOST', reason: 'closed' })
})

function aborting(): { readonly signal: AbortSignal; abort(): void } {
  const controller = new AbortController()
  return { signal: controller.signal, abort: () => controller.abort(new Error('the program is tired of waiting')) }
}
