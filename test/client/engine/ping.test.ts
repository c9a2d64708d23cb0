import { describe, expect, test } from 'vitest'
import { ClosedError, ConnectionLostError, TimeoutError, UsageError } from '../../../src/index.js'
import { clientOf, event, fakeTime, online, pass, quiet, rejectionOf, watch } from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'

describe('ping() takes the PINGRESP of its own PINGREQ', () => {
  test('and not that of Keep Alive, which was sent before [MQTT-3.12.4-1]', async () => {
    fakeTime()
    const { client, connection } = await online({ keepAlive: 1, pingTimeoutMs: 3_000 })
    await pass(901)
    expect(connection.names).toEqual(['connect', 'pingreq'])
    await pass(300)
    const roundTrip = client.ping()
    const watched = watch(roundTrip)
    await pass(200)
    connection.send({ type: 'pingresp' })
    await quiet()
    expect(watched.state).toBe('pending')
    await pass(300)
    connection.send({ type: 'pingresp' })
    await quiet()
    expect(watched.state).toBe('resolved')
    expect(Math.round(await roundTrip)).toBe(500)
  })

  test('also behind another call that was given up: its PINGRESP is not taken for this one', async () => {
    const { client, connection } = await online()
    const abort = new AbortController()
    const first = client.ping({ signal: abort.signal })
    const second = watch(client.ping())
    await connection.until('pingreq')
    abort.abort(new Error('never mind'))
    expect(await rejectionOf(first)).toBe(abort.signal.reason)
    connection.send({ type: 'pingresp' })
    await quiet()
    expect(second.state).toBe('pending')
    connection.send({ type: 'pingresp' })
    await quiet()
    expect(second.state).toBe('resolved')
  })

  test('so of two calls the earlier is answered first', async () => {
    const { client, connection } = await online()
    const [first, second] = [watch(client.ping()), watch(client.ping())]
    connection.send({ type: 'pingresp' })
    await quiet()
    expect([first.state, second.state]).toEqual(['resolved', 'pending'])
    connection.send({ type: 'pingresp' })
    await quiet()
    expect(second.state).toBe('resolved')
  })

  test('so ten thousand calls are answered one after the other, and the time-out of one does not touch the others', async () => {
    fakeTime()
    const { client, connection } = await online({ keepAlive: 0 })
    let answered = 0
    const calls = Array.from({ length: 10_000 }, () => client.ping({ timeoutMs: 10_000 }).then(() => (answered += 1)))
    const short = rejectionOf(client.ping({ timeoutMs: 1_000 }))
    const longer = rejectionOf(client.ping({ timeoutMs: 2_000 }))
    await pass(1_001)
    expect(await short).toBeInstanceOf(TimeoutError)
    await pass(1_000)
    expect(await longer).toBeInstanceOf(TimeoutError)
    for (let pingresp = 1; pingresp <= 10_000; pingresp += 1) {
      connection.send({ type: 'pingresp' })
      if (pingresp === 5_000) {
        await quiet()
        expect(answered).toBe(5_000)
      }
    }
    await Promise.all(calls)
    const late = rejectionOf(client.ping({ timeoutMs: 1_000 }))
    await pass(1_001)
    expect(await late).toBeInstanceOf(TimeoutError)
  })

  test('on the connection of the call: one that was cut before does not count', async () => {
    const { client, connection, server } = await online({ reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
    const first = client.ping()
    connection.cut()
    expect(await rejectionOf(first)).toBeInstanceOf(ConnectionLostError)
    const next = await server.admitted()
    next.serve()
    if (client.state !== 'online') await event(client, 'online')
    expect(await client.ping()).toBeGreaterThanOrEqual(0)
  })
})

describe('ping() settles', () => {
  test.each([0, 60])(
    'after timeoutMs without PINGRESP, and leaves the connection alone: Keep Alive %i',
    async (keepAlive) => {
      fakeTime()
      const { client, connection } = await online({ keepAlive, pingTimeoutMs: 5_000 })
      const pinged = client.ping({ timeoutMs: 100 })
      const watched = watch(pinged)
      await pass(99)
      expect(watched.state).toBe('pending')
      await pass(2)
      const error = await rejectionOf(pinged)
      expect(error).toMatchObject({ code: 'MQTT_TIMEOUT', operation: 'ping', timeoutMs: 100 })
      connection.send({ type: 'pingresp' })
      await quiet()
      expect(client.state).toBe('online')
      expect(client.stats.anomalies).toBe(0)
    },
  )

  test('after pingTimeoutMs where no time is given, with Keep Alive 0 as well', async () => {
    fakeTime()
    const { client } = await online({ keepAlive: 0, pingTimeoutMs: 1_000 })
    const pinged = client.ping()
    await pass(1_001)
    expect(await rejectionOf(pinged)).toBeInstanceOf(TimeoutError)
    expect(client.state).toBe('online')
  })

  test('when its signal fires, and at once where it has fired before: then nothing is sent', async () => {
    const { client, connection } = await online()
    const reason = new Error('not now')
    expect(await rejectionOf(client.ping({ signal: AbortSignal.abort(reason) }))).toBe(reason)
    await quiet()
    expect(connection.names).toEqual(['connect'])
    const abort = new AbortController()
    const pinged = client.ping({ signal: abort.signal })
    await connection.next('pingreq')
    abort.abort(reason)
    expect(await rejectionOf(pinged)).toBe(reason)
    expect(client.state).toBe('online')
  })

  test('at once without a connection: before connect(), during the first attempt, and while offline', async () => {
    const server = new FakeServer()
    const client = clientOf(server)
    const offline = { code: 'MQTT_CONNECTION_LOST', reason: 'offline' }
    expect(await rejectionOf(client.ping())).toMatchObject(offline)
    const connected = client.connect()
    expect(await rejectionOf(client.ping())).toMatchObject(offline)
    const connection = await server.admitted()
    await connected
    server.unreachable = new Error('gone')
    connection.cut()
    await event(client, 'offline')
    expect(await rejectionOf(client.ping())).toMatchObject(offline)
  })

  test('with the goodbye of end(), and on a closed client with a ClosedError', async () => {
    const { client } = await online()
    const pinged = rejectionOf(client.ping())
    await client.end()
    expect(await pinged).toBeInstanceOf(ConnectionLostError)
    expect(await rejectionOf(client.ping())).toBeInstanceOf(ClosedError)
  })

  test('with destroy()', async () => {
    const { client } = await online()
    const pinged = rejectionOf(client.ping())
    client.destroy()
    expect(await pinged).toBeInstanceOf(ConnectionLostError)
  })

  test('in a handler, also where it is the handler that keeps the socket from being read', async () => {
    fakeTime()
    const { client, connection } = await online({ receiveWindow: 1, receiveBufferBytes: 1, pingTimeoutMs: 500 })
    connection.serve()
    const outcomes: unknown[] = []
    client.handle('a', async () => {
      outcomes.push(
        await client.ping().then(
          () => 'answered',
          (error) => error.code,
        ),
      )
    })
    connection.send(message('a', 1, 1))
    await pass(0)
    expect(outcomes).toEqual(['answered'])
    connection.send(message('a', 1, 2), message('a', 1, 3), message('a', 1, 4))
    await pass(2_000)
    expect(outcomes).toHaveLength(4)
    expect(connection.all('puback')).toHaveLength(4)
  })
})

test('the options of ping() are checked before PINGREQ is sent', async () => {
  const { client, connection } = await online()
  for (const options of [{ timeout: 5 }, { timeoutMs: 0 }, { signal: {} }, () => {}, null, 5]) {
    const pinged: Promise<unknown> = Reflect.apply(client.ping, client, [options])
    expect(await rejectionOf(pinged)).toBeInstanceOf(UsageError)
  }
  await quiet()
  expect(connection.names).toEqual(['connect'])
})
