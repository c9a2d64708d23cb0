import { describe, expect, test } from 'vitest'
import type { Credentials, CredentialsAttempt, MqttClient } from '../../../src/index.js'
import { clientOf, event, fakeTime, online, pass, quiet, rejectionOf, watch } from '../peers/client-on-pipe.js'
import { FakeServer } from '../peers/fake-server.js'

const quick = { reconnect: { minDelayMs: 1, maxDelayMs: 1 } }

describe('credentials', () => {
  test('are asked before every CONNECT, with the last error and a signal', async () => {
    const asked: CredentialsAttempt[] = []
    const { connection, server } = await online({
      ...quick,
      credentials: (attempt) => {
        asked.push(attempt)
        return { clientId: `c${asked.length}`, username: 'u', password: `p${asked.length}` }
      },
    })
    connection.cut()
    const again = await server.accepted()
    expect(await again.next('connect')).toMatchObject({ clientId: 'c2', username: 'u', password: Buffer.from('p2') })
    expect(asked[0]?.lastError).toBeUndefined()
    expect(asked[1]?.lastError).toMatchObject({ code: 'MQTT_CONNECTION_LOST' })
    expect(asked[1]?.signal).toBeInstanceOf(AbortSignal)
  })

  test('may come later', async () => {
    const server = new FakeServer()
    const client = clientOf(server, { credentials: async () => ({ clientId: 'later' }) })
    const connected = client.connect()
    expect(await (await server.accepted()).admit()).toMatchObject({ clientId: 'later' })
    await connected
  })

  test.each([
    [
      'throw',
      () => {
        throw new Error('no key')
      },
    ],
    ['reject', () => Promise.reject(new Error('no key'))],
  ])('that %s make an attempt that failed, and no socket', async (_, credentials) => {
    const server = new FakeServer()
    const error = await rejectionOf(clientOf(server, { credentials }).connect())
    expect(error).toMatchObject({ code: 'MQTT_CONNECTION_LOST', reason: 'credentials', cause: { message: 'no key' } })
    expect(String(error)).toContain('credentials() failed (Error: no key)')
    expect(server.attempts).toBe(0)
  })

  test('that fail later are asked again', async () => {
    let asked = 0
    const { client, connection, server } = await online({
      ...quick,
      credentials: () => {
        asked += 1
        if (asked === 2) throw new Error('the token service is away')
        return { clientId: 'c' }
      },
    })
    connection.cut()
    await server.admitted()
    await event(client, 'online')
    expect(asked).toBe(3)
  })

  test('that hang are given up after connectTimeoutMs, and told by their signal', async () => {
    fakeTime()
    const server = new FakeServer()
    const attempts: CredentialsAttempt[] = []
    const late: ((credentials: Credentials) => void)[] = []
    const client = clientOf(server, {
      connectTimeoutMs: 1_000,
      reconnect: { minDelayMs: 1, maxDelayMs: 1, retryInitial: true },
      credentials: (attempt) => {
        attempts.push(attempt)
        return new Promise<Credentials>((resolve) => late.push(resolve))
      },
    })
    const connected = watch(client.connect())
    const offline = event(client, 'offline')
    await pass(1_000)
    expect((await offline).error).toMatchObject({ code: 'MQTT_TIMEOUT', operation: 'connect' })
    expect(attempts[0]?.signal.aborted).toBe(true)
    await pass(1)
    expect(attempts).toHaveLength(2)
    // The credentials of the first attempt are too late: no connection is opened with them.
    late[0]?.({ clientId: 'stale' })
    await quiet()
    expect(server.attempts).toBe(0)
    late[1]?.({ clientId: 'fresh' })
    expect(await (await server.accepted()).admit()).toMatchObject({ clientId: 'fresh' })
    await quiet()
    expect(connected.state).toBe('resolved')
  })

  test('that hang are told by their signal when the client ends, and why', async () => {
    const reason = new Error('shut down')
    for (const finish of [(client: MqttClient) => client.destroy(reason), (client: MqttClient) => void client.end()]) {
      const signals: AbortSignal[] = []
      const client = clientOf(new FakeServer(), {
        credentials: ({ signal }) => {
          signals.push(signal)
          return new Promise(() => {})
        },
      })
      const connected = rejectionOf(client.connect())
      finish(client)
      expect(signals.map(({ reason }) => reason)).toEqual([await connected])
    }
  })

  test('that cannot work end the client', async () => {
    const { client, connection } = await online({
      ...quick,
      credentials: ({ lastError }) =>
        lastError === undefined ? { clientId: 'c' } : { password: 'without a user name' },
    })
    connection.cut()
    const error = await rejectionOf(client.closed)
    expect(error).toMatchObject({ code: 'MQTT_USAGE' })
    expect(String(error)).not.toContain('without a user name')
  })
})
