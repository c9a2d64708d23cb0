import { channel } from 'node:diagnostics_channel'
import { EventEmitter } from 'node:events'
import { inspect } from 'node:util'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { MqttClient } from '../../src/index.js'
import { clientOf, event, online, quiet, rejectionOf } from './peers/client-on-pipe.js'
import { FakeServer, message } from './peers/fake-server.js'

function warnings(): (string | Error)[] {
  const given: (string | Error)[] = []
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void given.push(warning))
  onTestFinished(() => spy.mockRestore())
  return given
}

describe('events', () => {
  test.each([
    ['message', 'onMessage'],
    ['error', 'closed'],
    ['connect', 'online'],
  ])('of other clients (%s) warn once, and say what to use', (name, advice) => {
    const told = warnings()
    for (const server of [new FakeServer(), new FakeServer()]) {
      const client = clientOf(server)
      Reflect.apply(client.on, client, [name, () => {}])
      Reflect.apply(client.once, client, [name, () => {}])
    }
    expect(told).toHaveLength(1)
    expect(String(told[0])).toContain(`'${name}'`)
    expect(String(told[0])).toContain(advice)
  })

  test('of our own do not', () => {
    const told = warnings()
    const client = clientOf(new FakeServer())
    for (const name of ['online', 'offline', 'refused', 'close'] as const) client.on(name, () => {})
    expect(told).toEqual([])
  })

  test('of other clients are never emitted: no `error` ends the process', async () => {
    const server = new FakeServer()
    const client = clientOf(server)
    const emit = vi.spyOn(EventEmitter.prototype, 'emit')
    onTestFinished(() => emit.mockRestore())
    const connected = client.connect()
    await (await server.accepted()).refuse(2)
    await rejectionOf(connected)
    await quiet()
    expect(emit.mock.calls.filter((_, index) => emit.mock.contexts[index] === client).map(([name]) => name)).toEqual([
      'close',
    ])
  })

  test('a listener that throws does not reach into the client', async () => {
    const { client, connection, server } = await online({ reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
    const thrown = new Promise((resolve) => process.once('uncaughtException', resolve))
    const listeners = process.listeners('uncaughtException').slice(0, -1)
    for (const listener of listeners) process.off('uncaughtException', listener)
    onTestFinished(() => {
      for (const listener of listeners) process.on('uncaughtException', listener)
    })
    const fault = new Error('in the listener')
    client.once('offline', () => {
      throw fault
    })
    connection.cut()
    expect(await thrown).toBe(fault)
    await server.admitted()
    await event(client, 'online')
  })
})

describe('a terminal error', () => {
  const fault = new Error('the end')

  async function ended(prepare: (client: MqttClient) => void): Promise<(string | Error)[]> {
    const told = warnings()
    const server = new FakeServer()
    const client = new MqttClient({ stream: server.stream })
    prepare(client)
    const connected = client.connect()
    await server.admitted()
    await connected
    client.destroy(fault)
    await quiet()
    return told
  }

  test('goes to process.emitWarning if nobody listens', async () => {
    expect(await ended(() => {})).toEqual([fault])
  })

  test('does not if somebody listens for close', async () => {
    expect(await ended((client) => client.on('close', () => {}))).toEqual([])
  })

  test('does not if somebody has read closed', async () => {
    expect(await ended((client) => void client.closed.catch(() => {}))).toEqual([])
  })

  test('does not if connect() has rejected with it', async () => {
    const told = warnings()
    const server = new FakeServer()
    const client = new MqttClient({ stream: server.stream })
    const connected = client.connect()
    await (await server.accepted()).refuse(5)
    await rejectionOf(connected)
    await quiet()
    expect(told).toEqual([])
  })
})

test('stats count packets and bytes of each kind, and are plain numbers', async () => {
  const { client, connection } = await online()
  connection.serve()
  client.handle('b', () => {})
  await client.publish('a', 'x', { qos: 2 })
  await client.subscribe('b')
  connection.send(message('b', 1, 1))
  await connection.until('puback')
  const { stats } = client
  expect(stats.packetsOut).toMatchObject({ connect: 1, publish: 1, pubrel: 1, subscribe: 1, puback: 1, disconnect: 0 })
  expect(stats.packetsIn).toMatchObject({ connack: 1, pubrec: 1, pubcomp: 1, suback: 1, publish: 1 })
  expect(stats.bytesOut).toBe(Buffer.concat(connection.chunks).length)
  expect(stats.bytesIn).toBe(4 + 4 + 4 + 5 + (2 + 3 + 2 + 1))
  expect(stats.roundTripMs).toBeGreaterThanOrEqual(0)
  expect(JSON.parse(JSON.stringify(stats))).toEqual(stats)
})

describe('a secret', () => {
  const secret = 'correct-horse-battery'

  test('is in no inspection, no JSON and no error of a client', async () => {
    const server = new FakeServer()
    const client = clientOf(server, { username: 'u', password: secret })
    const connected = client.connect()
    await (await server.accepted()).refuse(4)
    const error = await rejectionOf(connected)
    const shown = [
      inspect(client, { depth: 10, showHidden: true }),
      JSON.stringify(client),
      String(client),
      inspect(error, { depth: 10, showHidden: true }),
      JSON.stringify(client.stats),
    ]
    for (const text of shown) expect(text).not.toContain(secret)
  })

  test('of a URL is not either', async () => {
    const client = new MqttClient({ url: `mqtt://user:${secret}@127.0.0.1:1` })
    const error = await rejectionOf(client.connect())
    for (const value of [client, error]) expect(inspect(value, { depth: 10, showHidden: true })).not.toContain(secret)
  })

  test('of credentials that cannot work is not either', async () => {
    const client = clientOf(new FakeServer(), { credentials: () => ({ password: secret }) })
    expect(inspect(await rejectionOf(client.connect()), { depth: 10 })).not.toContain(secret)
  })

  test('is in no event and no message of a channel, but for the CONNECT packet that is sent', async () => {
    const told: unknown[] = []
    const listen = (data: unknown) => void told.push(data)
    const names = ['connect', 'reconnect', 'packet:in', 'anomaly', 'publish:rejected'].map((name) => `mqtt311:${name}`)
    for (const name of names) channel(name).subscribe(listen)
    onTestFinished(() => {
      for (const name of names) channel(name).unsubscribe(listen)
    })
    const { client, connection } = await online({ username: 'u', password: secret })
    client.on('offline', listen)
    connection.send({ type: 'pubrel', packetId: 1 })
    client.publish('#', 'x')
    await connection.next('pubcomp')
    connection.cut()
    await event(client, 'offline')
    expect(told.length).toBeGreaterThan(4)
    for (const data of told) expect(inspect(data, { depth: 10, showHidden: true })).not.toContain(secret)
  })
})

test('the channels tell what a client does', async () => {
  const told: [string, unknown][] = []
  for (const name of ['connect', 'reconnect', 'packet:in', 'packet:out', 'anomaly']) {
    const listen = (data: unknown) => void told.push([name, data])
    channel(`mqtt311:${name}`).subscribe(listen)
    onTestFinished(() => {
      channel(`mqtt311:${name}`).unsubscribe(listen)
    })
  }
  const { client, connection } = await online({ clientId: 'c' })
  connection.send({ type: 'puback', packetId: 9 })
  await quiet()
  connection.cut()
  await event(client, 'offline')
  expect(told).toMatchObject([
    ['packet:out', { client, packet: { type: 'connect', clientId: 'c' } }],
    ['packet:in', { client, packet: { type: 'connack' } }],
    ['connect', { client, sessionPresent: false }],
    ['packet:in', { client, packet: { type: 'puback' } }],
    ['anomaly', { client, anomaly: 'unknown-puback', packetId: 9 }],
    ['reconnect', { client, error: { reason: 'closed' } }],
  ])
})
