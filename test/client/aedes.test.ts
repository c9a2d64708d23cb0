/** Against aedes over TCP: two clients, every QoS, sessions that are resumed, and the will. */
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ClientOptions, connect, type Message, MqttClient } from '../../src/index.js'
import { aedesServer } from './peers/aedes-server.js'
import { event } from './peers/client-on-pipe.js'

/** A connected client. It is destroyed when the test is over. */
async function connected(url: string, options: ClientOptions = {}): Promise<MqttClient> {
  const client = await connect(url, options)
  onTestFinished(() => client.destroy())
  return client
}

/** A handler, the messages that it got, and a promise of the first `count` of them. */
function collect(count: number) {
  const got: Message[] = []
  let complete = () => {}
  const all = new Promise<readonly Message[]>((resolve) => {
    complete = () => resolve(got)
  })
  const handler = (message: Message): void => {
    got.push(message)
    if (got.length === count) complete()
  }
  return { handler, all }
}

describe('two clients on one server', () => {
  test.each([0, 1, 2] as const)('exchange 500 messages at QoS %i each way, in order and each once', async (qos) => {
    const url = await aedesServer()
    const [left, right] = [await connected(url), await connected(url)]
    const [toLeft, toRight] = [collect(500), collect(500)]
    await left.subscribe('left', { qos }, toLeft.handler)
    await right.subscribe('right', { qos }, toRight.handler)
    for (let n = 0; n < 500; n++) {
      left.publish('right', String(n), { qos })
      right.publish('left', String(n), { qos })
    }
    const numbers = Array.from({ length: 500 }, (_, n) => n)
    for (const all of [await toLeft.all, await toRight.all]) {
      expect(all.map((message) => Number(message.text()))).toEqual(numbers)
      expect(new Set(all.map((message) => message.qos))).toEqual(new Set([qos]))
    }
    await Promise.all([left.end(), right.end()])
  })

  test('find large payloads whole', async () => {
    const url = await aedesServer()
    const client = await connected(url)
    const { handler, all } = collect(1)
    await client.subscribe('large', { qos: 1 }, handler)
    const payload = Buffer.alloc(1_000_000, 'MQTT')
    await client.publish('large', payload, { qos: 1 })
    expect((await all)[0]?.payload.equals(payload)).toBe(true)
    await client.end()
  })

  test('find what is retained, and that it is cleared', async () => {
    const url = await aedesServer()
    const client = await connected(url)
    await client.publish('kept', 'x', { qos: 1, retain: true })
    const first = collect(1)
    const subscription = await client.subscribe('kept', first.handler)
    expect((await first.all)[0]).toMatchObject({ topic: 'kept', retain: true })
    await subscription.unsubscribe()
    await client.publish('kept', '', { qos: 1, retain: true })
    const stream = await client.messages('#')
    await client.publish('last', 'x')
    expect((await stream.next()).value?.topic).toBe('last')
    await client.end()
  })
})

test('a persistent session is resumed: what came meanwhile is delivered to the handlers of the options', async () => {
  const url = await aedesServer()
  const session = { clientId: 'device', cleanSession: false }
  const before = new MqttClient({ url, ...session })
  expect(await before.connect()).toEqual({ sessionPresent: false })
  await before.subscribe('command/+', { qos: 2 })
  await before.end()

  const other = await connected(url)
  for (const qos of [1, 2] as const) await other.publish(`command/${qos}`, 'do it', { qos })

  const { handler, all } = collect(2)
  const after = new MqttClient({ url, ...session, handlers: { 'command/+': handler } })
  onTestFinished(() => after.destroy())
  expect(await after.connect()).toEqual({ sessionPresent: true })
  expect((await all).map(({ topic, qos }) => [topic, qos]).sort()).toEqual([
    ['command/1', 1],
    ['command/2', 2],
  ])
  await Promise.all([after.end(), other.end()])
})

describe('the will', () => {
  const will = { topic: 'gone/device', payload: 'unexpectedly', qos: 1 } as const

  test('is published when the client is destroyed', async () => {
    const url = await aedesServer()
    const watcher = await connected(url)
    const stream = await watcher.messages('gone/+', { qos: 1 })
    const client = await connected(url, { will })
    client.destroy()
    const { value } = await stream.next()
    expect([value?.topic, value?.text(), value?.qos]).toEqual(['gone/device', 'unexpectedly', 1])
    await watcher.end()
  })

  test('is dropped when the client ends in good order [MQTT-3.14.4-3]', async () => {
    const url = await aedesServer()
    const watcher = await connected(url)
    const stream = await watcher.messages('#', { qos: 1 })
    const client = await connected(url, { will })
    await client.end()
    await watcher.publish('after', 'x', { qos: 1 })
    expect((await stream.next()).value?.topic).toBe('after')
    await watcher.end()
  })
})

test('a connection that is taken over by another client of the same identifier is lost, told, and slowed down', async () => {
  const url = await aedesServer()
  const client = await connected(url, { clientId: 'twin', reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 } })
  const offline = event(client, 'offline')
  const twin = await connected(url, { clientId: 'twin' })
  expect((await offline).error).toMatchObject({ code: 'MQTT_CONNECTION_LOST' })
  await Promise.all([client.end(), twin.end()])
})
