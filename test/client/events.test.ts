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
    ['reconnect', 'attempt'],
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
      'attempt',
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

  /** The unhandled rejections of a client that ends by `end`, or by a violation of the server if `end` does nothing. */
  async function unhandled(
    prepare: (client: MqttClient) => unknown,
    end: (client: MqttClient) => void = () => {},
  ): Promise<unknown[]> {
    const errors: unknown[] = []
    const others = process.listeners('unhandledRejection')
    const listener = (error: unknown) => void errors.push(error)
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', listener)
    onTestFinished(() => {
      process.removeAllListeners('unhandledRejection')
      for (const other of others) process.on('unhandledRejection', other)
    })
    const server = new FakeServer()
    const client = new MqttClient({ stream: server.stream, reconnect: false })
    onTestFinished(() => client.destroy())
    const connected = client.connect()
    const connection = await server.admitted()
    await connected
    connection.serve()
    await prepare(client)
    end(client)
    if (client.state !== 'closed') connection.send({ type: 'pingreq' })
    await quiet()
    return errors
  }

  const violation = expect.objectContaining({ code: 'MQTT_PROTOCOL_VIOLATION' })

  test('is an unhandled rejection if nobody hears of it', async () => {
    expect(await unhandled(() => {})).toEqual([violation])
  })

  test.each([
    ['listens for close', (client: MqttClient) => client.on('close', () => {})],
    ['handles closed', (client: MqttClient) => void client.closed.catch(() => {})],
    ['waits in a loop', async (client: MqttClient) => void (await client.messages('a')).next().catch(() => {})],
  ])('is not if somebody %s', async (_, prepare) => {
    expect(await unhandled(prepare)).toEqual([])
  })

  test('is the rejection of closed, once that was read, and handled by whoever handles it', async () => {
    expect(await unhandled((client) => void client.closed)).toEqual([violation])
  })

  test('is none if the program asked for it', async () => {
    expect(
      await unhandled(
        () => {},
        (client) => client.destroy(fault),
      ),
    ).toEqual([])
  })

  test('is told by connect() while that waits, and by nothing else', async () => {
    const server = new FakeServer()
    const client = clientOf(server)
    const connected = client.connect()
    await (await server.accepted()).refuse(5)
    expect(await rejectionOf(connected)).toMatchObject({ code: 'MQTT_CONNECTION_REFUSED' })
  })

  test('is on a channel, and the cause of what was waiting', async () => {
    const ends: unknown[] = []
    const listener = (message: unknown) => void ends.push(message)
    channel('mqtt311:close').subscribe(listener)
    onTestFinished(() => void channel('mqtt311:close').unsubscribe(listener))
    const { client, connection } = await online({ reconnect: false })
    const waiting = rejectionOf(client.publish('a', 'x', { qos: 1 }))
    connection.send({ type: 'pingreq' })
    const error = await rejectionOf(client.closed)
    expect(error).toEqual(violation)
    expect(await waiting).toMatchObject({ code: 'MQTT_CLOSED', cause: error })
    expect(ends).toEqual([{ client, error }])
  })
})

describe('the first connection', () => {
  test('can be heard by the option on, attempt by attempt', async () => {
    const heard: unknown[] = []
    const server = new FakeServer()
    server.unreachable = new Error('no route')
    const client = clientOf(server, {
      reconnect: { retryInitial: true, minDelayMs: 1, maxDelayMs: 1 },
      on: {
        attempt: ({ number, host }) => void heard.push(['attempt', number, host]),
        offline: ({ error }) => {
          heard.push(['offline', error.message])
          server.unreachable = undefined
        },
        online: () => void heard.push(['online']),
      },
    })
    const connected = client.connect()
    await server.admitted()
    await connected
    await quiet()
    expect(heard).toEqual([
      ['attempt', 1, undefined],
      ['offline', expect.any(String)],
      ['attempt', 2, undefined],
      ['online'],
    ])
  })

  test('an unknown event in the option on is refused, with advice', () => {
    expect(() => new MqttClient({ url: 'mqtt://[::1]', on: { onlin: () => {} } } as never)).toThrow(
      /on\.onlin .*online/,
    )
  })
})

test('stats count packets and bytes of each kind, and are plain numbers', async () => {
  const { client, connection } = await online()
  connection.serve()
  client.handle('b', () => {})
  await client.publish('a', 'x', { qos: 2 })
  await client.subscribe('b')
  connection.send(message('b', 1, 1), message('b', 1, 2))
  await connection.until('puback')
  await connection.until('puback')
  const { stats } = client
  expect(stats.packetsOut).toMatchObject({ connect: 1, publish: 1, pubrel: 1, subscribe: 1, puback: 2, disconnect: 0 })
  expect(stats.packetsIn).toMatchObject({ connack: 1, pubrec: 1, pubcomp: 1, suback: 1, publish: 2 })
  expect(stats.bytesOut).toBe(Buffer.concat(connection.chunks).length)
  expect(stats.bytesIn).toBe(4 + 4 + 4 + 5 + 2 * (2 + 3 + 2 + 1))
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
  await client.publish('a', 'x')
  await quiet()
  connection.send({ type: 'puback', packetId: 9 })
  await quiet()
  connection.cut()
  await event(client, 'offline')
  expect(told).toMatchObject([
    ['packet:out', { client, packet: { type: 'connect', clientId: 'c' } }],
    ['packet:in', { client, packet: { type: 'connack' } }],
    ['connect', { client, sessionPresent: false }],
    ['packet:out', { client, packet: { type: 'publish', topic: 'a', qos: 0 } }],
    ['packet:in', { client, packet: { type: 'puback' } }],
    ['anomaly', { client, anomaly: 'unknown-puback', packetId: 9 }],
    ['reconnect', { client, error: { reason: 'closed' } }],
  ])
})
