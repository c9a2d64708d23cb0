import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ClientOptions, HandlerErrorAction } from '../../src/index.js'
import { clientOf, event, fakeTime, gate, online, pass, quiet, rejectionOf } from './client-on-pipe.js'
import { FakeServer, message } from './fake-server.js'

const persistent = { cleanSession: false, clientId: 'c', reconnect: { minDelayMs: 1, maxDelayMs: 1 } } as const

describe('a message', () => {
  test('goes once to each handler whose filter matches, for each PUBLISH', async () => {
    const got: string[] = []
    const { client, connection } = await online({ handlers: { 'a/b': () => got.push('option') } })
    const wide = () => got.push('wide')
    client.handle('a/+', wide)
    client.handle('#', wide)
    client.handle('a/b', () => got.push('exact'))
    client.handle('a/c', () => got.push('other'))
    connection.send(message('a/b'))
    await quiet()
    expect(got.sort()).toEqual(['exact', 'option', 'wide'])
  })

  test('does not reach a wildcard at the first level when its topic begins with $ [MQTT-4.7.2-1]', async () => {
    const got: string[] = []
    const { client, connection } = await online({ onMessage: () => got.push('rest') })
    client.handle('#', () => got.push('all'))
    client.handle('+/x', () => got.push('level'))
    client.handle('$SYS/#', () => got.push('system'))
    connection.send(message('$SYS/x'))
    await quiet()
    expect(got).toEqual(['system'])
  })

  test('carries what PUBLISH says, and owns its payload', async () => {
    const got: unknown[] = []
    const { client, connection } = await online()
    client.handle('#', (message) => got.push(message))
    connection.send({
      type: 'publish',
      topic: 'a',
      payload: Buffer.from('{"n":1}'),
      retain: true,
      qos: 1,
      packetId: 3,
      dup: true,
    })
    await connection.next('puback')
    expect(got).toMatchObject([{ topic: 'a', qos: 1, retain: true, dup: true }])
    const [received] = got
    if (typeof received !== 'object' || received === null || !('payload' in received)) throw new Error('no message')
    expect(Buffer.isBuffer(received.payload) && received.payload.buffer.byteLength).toBeLessThan(65_536)
  })

  test('of a resumed session finds options.handlers right behind CONNACK', async () => {
    const server = new FakeServer()
    const got: string[] = []
    const client = clientOf(server, { ...persistent, handlers: { 'a/#': ({ topic }) => got.push(topic) } })
    const connected = client.connect()
    const connection = await server.accepted()
    await connection.next('connect')
    connection.send({ type: 'connack', sessionPresent: true, returnCode: 0 }, message('a/b', 1, 5))
    await connected
    expect(await connection.next('puback')).toEqual({ type: 'puback', packetId: 5 })
    expect(got).toEqual(['a/b'])
  })

  test('that nobody claims goes to onMessage', async () => {
    const got: string[] = []
    const { client, connection } = await online({ onMessage: ({ topic }) => got.push(topic) })
    client.handle('a', () => {})
    connection.send(message('a'), message('b', 1))
    await connection.next('puback')
    expect(got).toEqual(['b'])
    expect(client.stats.unclaimed).toBe(0)
  })

  test('that nobody claims at all is acknowledged, counted, and warned of once [MQTT-4.5.0-2] [4.5 unasked messages]', async () => {
    const warnings = watchWarnings()
    const { client, connection } = await online()
    connection.send(message('a', 1, 1), message('b', 2, 2), message('c'))
    await connection.next('puback')
    await connection.next('pubrec')
    await quiet()
    expect(client.stats.unclaimed).toBe(3)
    expect(warnings).toHaveLength(1)
    expect(String(warnings[0])).toContain('"a"')
  })
})

describe('an acknowledgement', () => {
  test('follows the end of the handlers, all of them', async () => {
    const { client, connection } = await online()
    const [slow, slower] = [gate(), gate()]
    client.handle('a', () => slow.promise)
    client.handle('a', () => slower.promise)
    connection.send(message('a', 1, 1))
    await quiet()
    expect(client.stats.running).toBe(1)
    slow.open()
    await quiet()
    expect(connection.names).toEqual(['connect'])
    slower.open()
    expect(await connection.next('puback')).toEqual({ type: 'puback', packetId: 1 })
    expect(client.stats.running).toBe(0)
  })

  test('leaves in the order of arrival, whichever handler ends first [MQTT-4.6.0-2] [MQTT-4.6.0-3]', async () => {
    const { client, connection } = await online()
    const gates = [gate(), gate(), gate(), gate()]
    let next = 0
    client.handle('a', () => gates[next++]?.promise)
    connection.send(message('a', 1, 1), message('a', 2, 2), message('a', 1, 3), message('a', 2, 4))
    await quiet()
    for (const index of [3, 1, 2]) gates[index]?.open()
    await quiet()
    expect(connection.names).toEqual(['connect'])
    gates[0]?.open()
    await quiet()
    expect(connection.received.slice(1)).toEqual([
      { type: 'puback', packetId: 1 },
      { type: 'pubrec', packetId: 2 },
      { type: 'puback', packetId: 3 },
      { type: 'pubrec', packetId: 4 },
    ])
  })

  test('of QoS 2 is PUBREC after the handler, PUBCOMP after PUBREL, and a copy is not delivered [MQTT-4.3.3-2]', async () => {
    const { client, connection } = await online()
    let calls = 0
    client.handle('a', () => {
      calls += 1
    })
    connection.send(message('a', 2, 7))
    await connection.next('pubrec')
    connection.send(message('a', 2, 7, true))
    await connection.next('pubrec')
    connection.send({ type: 'pubrel', packetId: 7 })
    expect(await connection.next('pubcomp')).toEqual({ type: 'pubcomp', packetId: 7 })
    expect(calls).toBe(1)
  })

  test('is not sent on a connection that did not carry the PUBLISH', async () => {
    const { client, connection, server } = await online(persistent)
    const slow = gate()
    let calls = 0
    client.handle('a', () => {
      calls += 1
      return slow.promise
    })
    connection.send(message('a', 1, 1))
    await quiet()
    connection.cut()
    const again = await server.admitted(true)
    await quiet()
    slow.open()
    await quiet()
    expect(again.names).toEqual(['connect'])
    expect(calls).toBe(1)
  })

  test('is one for a copy that joins a running handler, across a resumed connection too', async () => {
    const { client, connection, server } = await online(persistent)
    const slow = gate()
    let calls = 0
    client.handle('a', () => {
      calls += 1
      return slow.promise
    })
    connection.send(message('a', 2, 7))
    connection.send(message('a', 2, 7, true))
    await quiet()
    expect(calls).toBe(1)
    connection.cut()
    const again = await server.admitted(true)
    again.send(message('a', 2, 7, true))
    await quiet()
    expect(again.names).toEqual(['connect'])
    slow.open()
    expect(await again.next('pubrec')).toEqual({ type: 'pubrec', packetId: 7 })
    await quiet()
    expect(again.all('pubrec')).toHaveLength(1)
    expect(calls).toBe(1)
  })

  test('PUBREL that is unknown is answered with PUBCOMP, and never closes the connection [MQTT-4.3.3-2]', async () => {
    const { client, connection } = await online()
    connection.send({ type: 'pubrel', packetId: 99 })
    expect(await connection.next('pubcomp')).toEqual({ type: 'pubcomp', packetId: 99 })
    expect(client.state).toBe('online')
    expect(client.stats.anomalies).toBe(1)
  })
})

describe('the receive window', () => {
  test('bounds how many handlers run; they start in the order of arrival', async () => {
    const { client, connection } = await online({ receiveWindow: 2 })
    const started: string[] = []
    const gates = new Map<string, () => void>()
    client.handle('+', ({ topic }) => {
      started.push(topic)
      const { promise, open } = gate()
      gates.set(topic, open)
      return promise
    })
    connection.send(message('a', 1, 1), message('b'), message('c', 2, 2), message('d', 1, 3))
    await quiet()
    expect(started).toEqual(['a', 'b'])
    expect(client.stats).toMatchObject({ running: 2 })
    expect(client.stats.backlogBytes).toBeGreaterThan(0)
    gates.get('b')?.()
    await quiet()
    expect(started).toEqual(['a', 'b', 'c'])
    gates.get('a')?.()
    await quiet()
    expect(started).toEqual(['a', 'b', 'c', 'd'])
    expect(client.stats.backlogBytes).toBe(0)
  })

  test('full of messages does not hold up control packets', async () => {
    const { client, connection } = await online({ receiveWindow: 1 })
    connection.serve()
    client.handle('a', () => new Promise(() => {}))
    connection.send(message('a', 1, 1), message('a', 1, 2))
    await client.publish('b', 'x', { qos: 2 })
    await client.subscribe('c')
  })

  test('handlers that await our own publishes do not deadlock', async () => {
    const { client, connection } = await online({ receiveWindow: 1, maxInFlight: 1 })
    connection.serve()
    let answered = 0
    client.handle('question', async () => {
      await client.publish('answer', 'x', { qos: 2 })
      answered += 1
    })
    for (let id = 1; id <= 20; id++) connection.send(message('question', 1, id))
    await quiet()
    await quiet()
    expect(answered).toBe(20)
    expect(connection.all('puback')).toHaveLength(20)
  })
})

describe('the backlog', () => {
  const block = Buffer.alloc(4_000)
  const big = (packetId: number) =>
    ({ type: 'publish', topic: 'a', payload: block, retain: false, qos: 1, packetId, dup: false }) as const

  test('when it is full, the socket is not read; when there is room again, it is', async () => {
    const { client, connection } = await online({ receiveWindow: 1, receiveBufferBytes: 20_000 })
    const gates: (() => void)[] = []
    client.handle('a', () => {
      const { promise, open } = gate()
      gates.push(open)
      return promise
    })
    for (let id = 1; id <= 200; id++) connection.send(big(id))
    for (let turn = 0; turn < 10; turn++) await quiet()
    const taken = client.stats.packetsIn.publish
    expect(taken).toBeLessThan(30)
    expect(client.stats.backlogBytes).toBeLessThan(100_000)
    let handled = 0
    while (handled < 200) {
      gates[handled]?.()
      handled += 1
      await quiet()
    }
    expect(connection.all('puback').map(({ packetId }) => packetId)).toEqual(
      Array.from({ length: 200 }, (_, n) => n + 1),
    )
  })

  test('handlers that wait for our own publishes behind a full backlog: the connection is dropped and resumed', async () => {
    fakeTime()
    const { client, connection, server } = await online({
      ...persistent,
      receiveWindow: 1,
      receiveBufferBytes: 10_000,
      ackTimeoutMs: 1_000,
    })
    const done = gate()
    client.handle('a', async () => {
      await client.publish('b', 'x', { qos: 1 })
      done.open()
    })
    server.serve()
    // The acknowledgement stands behind more than the backlog takes, so it is never read.
    connection.onPacket = (packet) => {
      if (packet.type !== 'publish' || packet.qos === 0) return
      for (let id = 2; id < 40; id++) connection.send(big(id))
      connection.send({ type: 'puback', packetId: packet.packetId })
    }
    connection.send(big(1))
    await pass(999)
    expect(client.state).toBe('online')
    const offline = event(client, 'offline')
    await pass(2)
    expect((await offline).error).toMatchObject({ code: 'MQTT_TIMEOUT', operation: 'acknowledgement' })
    await pass(2)
    await server.admitted(true)
    await done.promise
  })
})

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
    expect(await rejectionOf(client.closed)).toBe(fault)
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
})

/** The warnings of the process from here to the end of the test. */
function watchWarnings(): (string | Error)[] {
  const warnings: (string | Error)[] = []
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation((warning) => void warnings.push(warning))
  onTestFinished(() => spy.mockRestore())
  return warnings
}
