import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ClientOptions, MqttClient } from '../../../src/index.js'
import { event, fakeTime, gate, online, pass, quiet } from '../peers/client-on-pipe.js'
import { message } from '../peers/fake-server.js'

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

  test('when it is full, no later connection adds to it; what comes with CONNACK is handled when there is room again', async () => {
    const reconnect = { minDelayMs: 1, maxDelayMs: 1 }
    const { server, client, connection } = await online({ receiveWindow: 1, receiveBufferBytes: 1_000, reconnect })
    const gates: (() => void)[] = []
    client.handle('a', () => {
      const { promise, open } = gate()
      gates.push(open)
      return promise
    })
    connection.send(big(1), big(2))
    await quiet()
    const { backlogBytes } = client.stats
    let next = connection
    for (let connections = 0; connections < 3; connections += 1) {
      next.cut()
      next = await server.accepted()
      await next.next('connect')
      next.send({ type: 'connack', sessionPresent: false, returnCode: 0 }, big(3), big(4))
      await event(client, 'online')
      await quiet()
      expect(client.stats).toMatchObject({ backlogBytes })
    }
    for (let handled = 0; handled < 4; handled += 1) {
      gates[handled]?.()
      await quiet()
      await quiet()
    }
    expect(next.all('puback').map(({ packetId }) => packetId)).toEqual([3, 4])
  })

  test.each([
    ['a publish at QoS 1', (client) => client.publish('b', 'x', { qos: 1 })],
    ['a publish at QoS 2', (client) => client.publish('b', 'x', { qos: 2 })],
    ['a subscribe', (client) => client.subscribe('b')],
    ['a ping', (client) => client.ping()],
    ['a large publish at QoS 0', (client) => client.publish('b', Buffer.alloc(300_000))],
  ] as readonly (readonly [string, (client: MqttClient) => Promise<unknown>])[])(
    'does not keep a handler from the answer that it awaits, which stands behind it: %s',
    async (_, ask) => {
      const { client, connection } = await online({ receiveWindow: 1, receiveBufferBytes: 20_000 })
      connection.serve()
      let handled = 0
      client.handle('a', async () => {
        await ask(client)
        handled += 1
      })
      for (let id = 1; id <= 100; id += 1) connection.send(big(id))
      await vi.waitFor(() => expect(handled).toBe(100), { timeout: 20_000 })
      expect(connection.all('puback').filter(({ packetId }) => packetId <= 100)).toHaveLength(100)
      expect(client.stats).toMatchObject({ dropped: 0, reconnects: 0 })
    },
  )

  test.each([
    ['is lost, in a clean session', {}, 10_000, 'it is lost'],
    [
      'comes again, in a session that is kept',
      { cleanSession: false, clientId: 'c' },
      1_000,
      'the server sends it again',
    ],
  ] as readonly (readonly [string, ClientOptions, number, string])[])(
    'without room for a message, after a standstill: it %s, each is counted, and one warning tells',
    async (_, session, standstillMs, fate) => {
      fakeTime()
      const warned = vi.spyOn(process, 'emitWarning').mockReturnValue()
      onTestFinished(() => warned.mockRestore())
      const bounds = { receiveWindow: 1, receiveBufferBytes: 20_000, receiveBufferMaxBytes: 40_000 }
      const { client, connection } = await online({ ...bounds, ...session })
      client.handle('a', () => client.publish('b', 'unanswered', { qos: 1 }))
      for (let id = 1; id <= 100; id += 1) connection.send(big(id))
      for (let second = 0; second <= standstillMs; second += 500) await pass(500)
      expect(client.stats.dropped).toBeGreaterThan(1)
      expect(client.stats.packetsIn.publish).toBe(100)
      expect(warned.mock.calls.map(([text]) => String(text))).toEqual([
        expect.stringMatching(`"a" was not kept \\(${fate}\\): receiveBufferMaxBytes`),
      ])
    },
  )
})
