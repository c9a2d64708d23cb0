import { describe, expect, test } from 'vitest'
import { type ClientOptions, HandlerError, type HandlerErrorAction } from '../../../src/index.js'
import { event, gate, type Online, online, quiet, rejectionOf } from '../peers/client-on-pipe.js'
import { message } from '../peers/fake-server.js'

const persistent = { cleanSession: false, clientId: 'c', reconnect: { minDelayMs: 1, maxDelayMs: 1 } } as const

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  return proxy
}

describe('a handler that fails', () => {
  const fault = new Error('the database is away')

  test.each([
    [
      'throws',
      () => {
        throw fault
      },
    ],
    ['rejects', () => Promise.reject(fault)],
  ])('(%s) ends the client with its error by default, and its message stays unacknowledged', async (_, handler) => {
    const { client, connection } = await online()
    client.handle('a', handler)
    connection.send(message('a', 1, 1))
    const error = await rejectionOf(client.closed)
    expect(error).toBeInstanceOf(HandlerError)
    expect(error).toMatchObject({ code: 'MQTT_HANDLER', topic: 'a', cause: fault })
    expect(error).toHaveProperty('message', expect.stringContaining('onHandlerError'))
    await connection.closed
    expect(connection.names).toEqual(['connect'])
  })

  test.each([
    [
      'throws',
      () => {
        throw fault
      },
    ],
    ['rejects', () => Promise.reject(fault)],
  ])("(%s) is overlooked if onHandlerError answers 'acknowledge'", async (_, handler) => {
    const told: unknown[] = []
    const onHandlerError: ClientOptions['onHandlerError'] = (error, { topic }) => {
      told.push([error, topic])
      return 'acknowledge'
    }
    const { client, connection } = await online({ onHandlerError })
    client.handle('a', handler)
    connection.send(message('a', 1, 1))
    await connection.next('puback')
    expect(told).toEqual([[fault, 'a']])
    expect(client.state).toBe('online')
  })

  test.each([1, 2] as const)("at QoS %i comes again if onHandlerError answers 'redeliver'", async (qos) => {
    const { client, connection, server } = await online({ ...persistent, onHandlerError: () => 'redeliver' })
    let calls = 0
    client.handle('a', () => {
      calls += 1
      if (calls === 1) throw fault
    })
    const offline = event(client, 'offline')
    connection.send(message('a', qos, 7))
    expect((await offline).error).toMatchObject({ reason: 'redelivery', cause: fault })
    await connection.closed
    const again = await server.admitted(true)
    again.send(message('a', qos, 7, true))
    await again.next(qos === 1 ? 'puback' : 'pubrec')
    expect(calls).toBe(2)
  })

  test("after its connection has gone does not cost the next attempt ('redeliver')", async () => {
    const { client, connection, server } = await online({ ...persistent, onHandlerError: () => 'redeliver' })
    const slow = gate()
    client.handle('a', () => slow.promise)
    connection.send(message('a', 1, 7))
    await quiet()
    connection.cut()
    const again = await server.accepted()
    await again.next('connect')
    slow.fail(fault)
    await quiet()
    again.send({ type: 'connack', sessionPresent: true, returnCode: 0 })
    await event(client, 'online')
    expect(server.attempts).toBe(2)
  })

  test.each<[string, 1 | 2, 'has come again' | 'has not come again', 'goes on' | 'ends']>([
    ['goes on if the message has not come again', 1, 'has not come again', 'goes on'],
    ['goes on if the message has not come again', 2, 'has not come again', 'goes on'],
    ['goes on if a copy has its own handler', 1, 'has come again', 'goes on'],
    ['ends if a copy waits for this handler', 2, 'has come again', 'ends'],
  ])("on a later connection, which %s (QoS %i, 'redeliver')", async (_, qos, copy, fate) => {
    const { client, connection, server } = await online({ ...persistent, onHandlerError: () => 'redeliver' })
    const first = gate()
    let calls = 0
    client.handle('a', () => {
      calls += 1
      return calls === 1 ? first.promise : undefined
    })
    connection.send(message('a', qos, 7))
    await quiet()
    connection.cut()
    const later = await server.admitted(true)
    const copies = message('a', qos, 7, true)
    if (copy === 'has come again') later.send(copies)
    await quiet()
    first.fail(fault)
    await quiet()
    expect(client.state).toBe(fate === 'ends' ? 'offline' : 'online')
    const last = fate === 'ends' ? await server.admitted(true) : later
    if (copy === 'has not come again' || fate === 'ends') last.send(copies)
    await last.next(qos === 1 ? 'puback' : 'pubrec')
    expect(calls).toBe(2)
  })

  test('as its connection ends for the failure of another ends the client for good', async () => {
    const onHandlerError: ClientOptions['onHandlerError'] = (_, { qos }) => (qos === 0 ? 'close' : 'redeliver')
    const { client, connection } = await online({ ...persistent, receiveWindow: 1, onHandlerError })
    const first = gate()
    client.handle('a', ({ qos }) => {
      if (qos === 0) throw fault
      return first.promise
    })
    const events: string[] = []
    client.on('offline', () => events.push('offline')).on('close', () => events.push('close'))
    connection.send(message('a', 1, 1))
    connection.send(message('a'))
    await quiet()
    first.fail(fault)
    expect(await rejectionOf(client.closed)).toMatchObject({ code: 'MQTT_HANDLER', topic: 'a' })
    await quiet()
    expect(client.state).toBe('closed')
    expect(events).toEqual(['close'])
  })

  test("at QoS 0 cannot come again: 'redeliver' leaves it at that", async () => {
    const { client, connection } = await online({ ...persistent, onHandlerError: () => 'redeliver' })
    client.handle('a', () => {
      throw fault
    })
    connection.send(message('a'), message('b', 1, 1))
    await connection.next('puback')
    expect(client.state).toBe('online')
  })

  test("'redeliver' needs a session that the server resumes: without one the client ends and says so", async () => {
    const { client, connection } = await online({ onHandlerError: () => 'redeliver' })
    client.handle('a', () => {
      throw fault
    })
    connection.send(message('a', 1, 1))
    expect(await rejectionOf(client.closed)).toMatchObject({ code: 'MQTT_USAGE', cause: fault })
  })

  test('and an onHandlerError that throws end the client with the second error', async () => {
    const second = new Error('and the logger too')
    const { client, connection } = await online({
      onHandlerError: (): HandlerErrorAction => {
        throw second
      },
    })
    client.handle('a', () => Promise.reject(fault))
    connection.send(message('a'))
    expect(await rejectionOf(client.closed)).toBe(second)
  })

  test.each<[string, () => unknown, string]>([
    ['another word', () => 'ack', 'not "ack"'],
    ['null', () => null, 'not null'],
    ['a promise', async () => 'acknowledge', 'not a promise'],
    ['a promise that rejects', () => Promise.reject(new Error('too late')), 'not a promise'],
  ])('and an onHandlerError that returns %s end the client, and the error says so', async (_, onHandlerError, text) => {
    const { client, connection }: Online = await Reflect.apply(online, undefined, [{ onHandlerError }])
    client.handle('a', async () => {
      throw fault
    })
    connection.send(message('a', 1, 1))
    const error = await rejectionOf(client.closed)
    expect(error).toMatchObject({ code: 'MQTT_USAGE', cause: fault })
    expect(String(error)).toContain(`onHandlerError has to return 'acknowledge', 'redeliver' or 'close', ${text}`)
    await connection.closed
    expect(connection.names).toEqual(['connect'])
  })

  test.each([
    ['has no text', Object.create(null)],
    ['answers no question', revoked()],
    ['is undefined', undefined],
  ])('with what %s ends the client with an Error that has it as its cause', async (_, thrown) => {
    for (const handler of [
      () => {
        throw thrown
      },
      async () => {
        throw thrown
      },
    ]) {
      const { client, connection } = await online()
      client.handle('a', handler)
      connection.send(message('a', 1, 1))
      const error = await rejectionOf(client.closed)
      if (!(error instanceof Error)) throw new Error('no Error came')
      expect(Object.is(error.cause, thrown)).toBe(true)
      await connection.closed
      expect(connection.names).toEqual(['connect'])
    }
  })

  test('is waited for together with the other handlers of its message', async () => {
    const { client, connection } = await online({ onHandlerError: () => 'acknowledge' })
    const slow = gate()
    client.handle('a', () => {
      throw fault
    })
    client.handle('a', () => slow.promise)
    connection.send(message('a', 1, 1))
    await quiet()
    expect(connection.names).toEqual(['connect'])
    slow.open()
    await connection.next('puback')
  })

  test.each([
    ['a throw counts before a rejection', ['rejects', 'throws'], 1],
    ['of throws, the first', ['throws', 'throws', 'rejects'], 0],
    ['a throw counts before several rejections', ['rejects', 'rejects', 'throws'], 2],
    ['of rejections, that of the first handler', ['ends well', 'rejects late', 'rejects'], 1],
  ] as const)('is told with one error: %s', async (_, ways, counts) => {
    const told: unknown[] = []
    const { client, connection } = await online({
      onHandlerError: (error) => {
        told.push(error)
        return 'acknowledge'
      },
    })
    const late = gate()
    for (const [index, way] of ways.entries()) {
      client.handle('a', () => {
        if (way === 'throws') throw index
        if (way === 'rejects') return Promise.reject(index)
        return way === 'rejects late' ? late.promise.then(() => Promise.reject(index)) : late.promise
      })
    }
    connection.send(message('a', 1, 1))
    await quiet()
    late.open()
    await connection.next('puback')
    expect(told).toEqual([counts])
  })
})
