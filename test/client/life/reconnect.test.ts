import dns from 'node:dns'
import net from 'node:net'
import type { TlsOptions } from 'node:tls'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { ca, expired, notYetValid, otherName, unknownIssuer } from '../../../fixtures/tls/index.js'
import { type ClientOptions, MqttClient, type OfflineEvent } from '../../../src/index.js'
import { testServer } from '../../../src/testing/index.js'
import { clientOf, event, fakeTime, online, pass, quiet, rejectionOf } from '../peers/client-on-pipe.js'
import { type FakeConnection, FakeServer } from '../peers/fake-server.js'

const quick = { reconnect: { minDelayMs: 1, maxDelayMs: 1 } }

/** Makes chance predictable: each wait is this share of its ceiling. */
function luck(share: number): void {
  const spy = vi.spyOn(Math, 'random').mockReturnValue(share)
  onTestFinished(() => spy.mockRestore())
}

const almostOne = 1 - 2 ** -40

describe('the wait before the next attempt', () => {
  /** The waits after so many attempts that fail. */
  async function waits(options: ClientOptions['reconnect'], count: number): Promise<number[]> {
    fakeTime()
    const { client, connection, server } = await online({ reconnect: options })
    server.unreachable = new Error('no route')
    const told: number[] = []
    client.on('offline', ({ retryInMs }) => told.push(retryInMs))
    connection.cut()
    while (told.length < count) await pass((told.at(-1) ?? 0) + 1)
    return told
  }

  test('grows by factor to maxDelayMs at most', async () => {
    luck(almostOne)
    expect(await waits({ minDelayMs: 100, maxDelayMs: 1_000, factor: 3 }, 5)).toEqual([100, 300, 900, 1_000, 1_000])
  })

  test.each([
    [0, [0, 0, 0]],
    [0.5, [50, 100, 200]],
  ])('is drawn from the whole span below that (full jitter, %f)', async (share, expected) => {
    luck(share)
    expect(await waits({ minDelayMs: 100, maxDelayMs: 1_000 }, 3)).toEqual(expected)
  })

  test('is told by the event offline, with the cause, and kept', async () => {
    luck(almostOne)
    fakeTime()
    const { client, connection, server } = await online({ reconnect: { minDelayMs: 100 } })
    const offline = event(client, 'offline')
    connection.cut()
    expect(await offline).toMatchObject({ retryInMs: 100, error: { code: 'MQTT_CONNECTION_LOST', reason: 'closed' } })
    await pass(99)
    expect(server.attempts).toBe(1)
    await pass(1)
    expect(server.attempts).toBe(2)
  })

  test('goes back to minDelayMs after a connection that stayed up for 30 s, and no sooner', async () => {
    luck(almostOne)
    fakeTime()
    const { client, connection, server } = await online({ reconnect: { minDelayMs: 100 } })
    const told: number[] = []
    client.on('offline', ({ retryInMs }) => told.push(retryInMs))
    let current = connection
    for (const upForMs of [0, 29_000, 30_000, 0]) {
      await pass(upForMs)
      current.cut()
      await quiet()
      await pass(told.at(-1) ?? 0)
      current = await server.admitted()
    }
    expect(told).toEqual([100, 200, 100, 200])
  })

  test('goes on growing when the server accepts and throws out at once', async () => {
    luck(almostOne)
    fakeTime()
    const { client, connection, server } = await online({ reconnect: { minDelayMs: 100 } })
    const told: number[] = []
    client.on('offline', ({ retryInMs }) => told.push(retryInMs))
    connection.cut()
    await quiet()
    while (told.length < 5) {
      await pass(told.at(-1) ?? 0)
      const kicked = await server.admitted()
      await quiet()
      kicked.cut()
      await quiet()
    }
    expect(told).toEqual([100, 200, 400, 800, 1_600])
  })

  test('is not reset by a long connection that ended because of what the server sent', async () => {
    luck(almostOne)
    fakeTime()
    const { client, connection, server } = await online({ reconnect: { minDelayMs: 100 } })
    const told: number[] = []
    client.on('offline', ({ retryInMs }) => told.push(retryInMs))
    connection.cut()
    await quiet()
    await pass(100)
    const harmful = await server.admitted()
    await pass(60_000)
    harmful.sendBytes(Buffer.from([0, 0]))
    await quiet()
    expect(told).toEqual([100, 200])
  })

  test('keeps to maxAttemptsPerMinute', async () => {
    luck(0)
    fakeTime()
    const { connection, server } = await online({ reconnect: { maxAttemptsPerMinute: 3 } })
    server.unreachable = new Error('no route')
    await pass(30_000)
    connection.cut()
    await pass(29_999)
    expect(server.attempts).toBe(3)
    await pass(1)
    expect(server.attempts).toBe(4)
    await pass(29_999)
    expect(server.attempts).toBe(4)
  })
})

describe('which failures end the client', () => {
  test.each([1, 2])('Return Code %i, also after it has been online', async (returnCode) => {
    const { client, connection, server } = await online(quick)
    connection.cut()
    await (await server.accepted()).refuse(returnCode)
    expect(await rejectionOf(client.closed)).toMatchObject({ code: 'MQTT_CONNECTION_REFUSED', returnCode })
  })

  test.each([4, 5])('not Return Code %i once it has been online: retried at maxDelayMs', async (returnCode) => {
    fakeTime()
    const { client, connection, server } = await online({ reconnect: { minDelayMs: 1, maxDelayMs: 5_000 } })
    connection.cut()
    await pass(1)
    const told = event(client, 'offline')
    await (await server.accepted()).refuse(returnCode)
    expect(await told).toMatchObject({ retryInMs: 5_000, error: { returnCode } })
    await pass(5_000)
    await server.admitted()
    await quiet()
    expect(client.state).toBe('online')
  })

  test('not Return Code 3: retried', async () => {
    const { client, connection, server } = await online(quick)
    connection.cut()
    await (await server.accepted()).refuse(3)
    await server.admitted()
    await event(client, 'online')
  })

  test('the first failure of connect(), unless retryInitial is set', async () => {
    const server = new FakeServer()
    server.unreachable = new Error('not yet')
    const ended = clientOf(server, quick)
    expect(await rejectionOf(ended.connect())).toMatchObject({ cause: server.unreachable })
    expect([ended.state, server.attempts]).toEqual(['closed', 1])
    const client = clientOf(server, { reconnect: { ...quick.reconnect, retryInitial: true } })
    const connected = client.connect()
    await event(client, 'offline')
    await event(client, 'offline')
    expect(client.state).toBe('connecting')
    server.unreachable = undefined
    await server.admitted()
    expect(await connected).toEqual({ sessionPresent: false })
  })

  test.each([4, 5])('Return Code %i on the first connection, even with retryInitial', async (returnCode) => {
    const server = new FakeServer()
    const connected = clientOf(server, { reconnect: { retryInitial: true } }).connect()
    await (await server.accepted()).refuse(returnCode)
    expect(await rejectionOf(connected)).toMatchObject({ returnCode })
  })

  test.each([4, 5])('Return Code %i on the first connection, without retryInitial', async (returnCode) => {
    const server = new FakeServer()
    const connected = clientOf(server, { credentials: () => ({ clientId: 'c' }) }).connect()
    await (await server.accepted()).refuse(returnCode)
    expect(await rejectionOf(connected)).toMatchObject({ returnCode })
  })

  test.each([4, 5])(
    'not Return Code %i with retryInitial where credentials makes a new login: once after minDelayMs, then at maxDelayMs',
    async (returnCode) => {
      luck(0)
      fakeTime()
      const server = new FakeServer()
      const client = clientOf(server, {
        reconnect: { minDelayMs: 500, maxDelayMs: 5_000, retryInitial: true },
        credentials: () => ({ clientId: 'c' }),
      })
      const waits: number[] = []
      client.on('offline', ({ retryInMs }) => waits.push(retryInMs))
      const connected = client.connect()
      for (let attempt = 0; attempt < 3; attempt++) {
        await quiet()
        await (await server.accepted()).refuse(returnCode)
        await quiet()
        await pass(waits.at(-1) ?? 0)
      }
      expect(waits).toEqual([500, 5_000, 5_000])
      await server.admitted()
      await connected
    },
  )

  /** A client of a server with this certificate that tries its first connection again. */
  async function firstConnection(identity: TlsOptions) {
    const server = await testServer({ tls: identity })
    onTestFinished(() => server.close())
    const options = { url: server.url, tls: { ca }, reconnect: { ...quick.reconnect, retryInitial: true } }
    const client = new MqttClient(options)
    onTestFinished(() => client.destroy())
    return client
  }

  test('not a certificate that is not valid yet, with retryInitial: the clock may be wrong at the start of a machine', async () => {
    const client = await firstConnection({ ...notYetValid })
    const connected = client.connect()
    expect((await event(client, 'offline')).error).toMatchObject({ reason: 'certificate-expired' })
    expect((await event(client, 'offline')).error).toMatchObject({ reason: 'certificate-expired' })
    client.destroy()
    await rejectionOf(connected)
  })

  test.each([
    ['expired', expired],
    ['untrusted', unknownIssuer],
    ['name', otherName],
  ])(
    'a certificate that is not accepted on the first connection, even with retryInitial (%s)',
    async (name, identity) => {
      const client = await firstConnection({ ...identity })
      expect(await rejectionOf(client.connect())).toMatchObject({ reason: `certificate-${name}` })
    },
  )

  test('maxAttempts in a row, with the last error', async () => {
    const { client, connection, server } = await online({ reconnect: { ...quick.reconnect, maxAttempts: 3 } })
    server.unreachable = new Error('no route')
    connection.cut()
    expect(await rejectionOf(client.closed)).toMatchObject({ code: 'MQTT_CONNECTION_LOST', cause: server.unreachable })
    expect(server.attempts).toBe(4)
  })

  test('the first loss with reconnect: false', async () => {
    const { client, connection } = await online({ reconnect: false })
    connection.cut()
    expect(await rejectionOf(client.closed)).toMatchObject({ reason: 'closed' })
  })

  test('a wrong kind of acknowledgement, at once, with what to do [MQTT-3.3.4-1]', async () => {
    const { client, connection } = await online({ ...quick, strict: true })
    client.publish('a', 'x', { qos: 2 })
    const publish = await connection.next('publish')
    connection.send({ type: 'puback', packetId: publish.qos === 0 ? 0 : publish.packetId })
    expect(await rejectionOf(client.closed)).toMatchObject({
      code: 'MQTT_PROTOCOL_VIOLATION',
      violation: 'wrong-acknowledgement',
      message: expect.stringContaining('profile.maxQos'),
    })
  })

  test.each([
    [
      'malformed packets',
      (connection: FakeConnection) => connection.sendBytes(Buffer.from([0, 0])),
      'MQTT_MALFORMED_PACKET',
    ],
    ['violations', (connection: FakeConnection) => connection.send({ type: 'pingreq' }), 'MQTT_PROTOCOL_VIOLATION'],
  ])('three alike %s in a row', async (_, offend, code) => {
    const { client, connection, server } = await online(quick)
    const offline = vi.fn<(event: OfflineEvent) => void>()
    client.on('offline', offline)
    offend(connection)
    for (let n = 0; n < 2; n++) offend(await server.admitted())
    expect(await rejectionOf(client.closed)).toMatchObject({ code })
    expect(offline).toHaveBeenCalledTimes(2)
    expect(server.attempts).toBe(3)
  })

  test('not violations that differ', async () => {
    const { connection, server } = await online(quick)
    const offences = [
      (connection: FakeConnection) => connection.send({ type: 'pingreq' }),
      (connection: FakeConnection) => connection.sendBytes(Buffer.from([0, 0])),
    ]
    let current = connection
    for (let n = 0; n < 6; n++) {
      offences[n % 2]?.(current)
      current = await server.admitted()
    }
    expect(server.attempts).toBe(7)
  })
})

test('each address of a name gets twice the time after each failed attempt, and begins again from one second', async () => {
  const server = await testServer()
  const { port } = new URL(server.url)
  const lookup = vi.spyOn(dns, 'lookup').mockImplementation((...args: unknown[]) => {
    const callback = args.at(-1)
    if (typeof callback !== 'function') return
    const addresses = ['::1', '127.0.0.1'].map((address) => ({ address, family: net.isIP(address) }))
    process.nextTick(callback, null, addresses)
  })
  onTestFinished(() => lookup.mockRestore())
  const connect = vi.spyOn(net, 'connect')
  onTestFinished(() => connect.mockRestore())
  const times = () =>
    connect.mock.calls.map(([options]) => Reflect.get(Object(options), 'autoSelectFamilyAttemptTimeout'))
  const client = new MqttClient({
    host: 'meters.example',
    port: Number(port),
    reconnect: { ...quick.reconnect, retryInitial: true },
  })
  onTestFinished(() => client.destroy())
  await client.connect()
  await server.close()
  for (let attempt = 0; attempt < 6; attempt++) await event(client, 'offline')
  expect(times().slice(0, 6)).toEqual([1_000, 1_000, 2_000, 4_000, 8_000, 1_000])
})

test('a path whose handshake takes three seconds connects, although the next address fails at once', async () => {
  const server = await testServer()
  onTestFinished(() => server.close())
  fakeTime()
  // In the place of Node, which gives an address up after its time, and of the path.
  const connect = vi.spyOn(net, 'connect').mockImplementation((...args: unknown[]) => {
    const options = Object(args[0])
    const socket = new net.Socket(options)
    const limitMs: number = options.autoSelectFamilyAttemptTimeout
    if (limitMs < 3_000) setTimeout(() => socket.destroy(Object.assign(new Error(), { code: 'ETIMEDOUT' })), limitMs)
    else setTimeout(() => socket.connect({ host: '::1', port: server.port }), 3_000)
    return socket
  })
  onTestFinished(() => connect.mockRestore())
  const client = new MqttClient({ host: 'far.example', reconnect: { ...quick.reconnect, retryInitial: true } })
  onTestFinished(() => client.destroy())
  const waits: (string | undefined)[] = []
  client.on('offline', ({ error }) => waits.push(error.message))
  const connected = client.connect()
  await pass(1_000 + 1 + 2_000 + 1 + 3_000)
  await connected
  expect(waits).toHaveLength(2)
  expect(client.state).toBe('online')
})

test('violations before a connection that stayed up for 30 s do not count with those after it', async () => {
  fakeTime()
  const { client, connection, server } = await online(quick)
  const offend = (offender: FakeConnection) => offender.send({ type: 'pingreq' })
  let current = connection
  for (let n = 0; n < 2; n++) {
    offend(current)
    await pass(1)
    current = await server.admitted()
  }
  await pass(30_000)
  offend(current)
  await pass(1)
  await server.admitted()
  await quiet()
  expect(client.state).toBe('online')
})

test('several servers are tried in turn', async () => {
  const [first, second] = [new FakeServer(), new FakeServer()]
  const servers = [await first.listen(), await second.listen()]
  const { MqttClient } = await import('../../../src/index.js')
  const client = new MqttClient({ servers, reconnect: { ...quick.reconnect, retryInitial: true } })
  onTestFinished(() => client.destroy())
  const connected = client.connect()
  const refused = await first.accepted()
  await refused.next('connect')
  refused.cut()
  const admitted = await second.admitted()
  await connected
  admitted.cut()
  await first.admitted()
  await event(client, 'online')
  expect([first.attempts, second.attempts]).toEqual([2, 1])
})
