import { describe, expect, test } from 'vitest'
import { event, fakeTime, gate, online, pass, quiet } from '../peers/client-on-pipe.js'
import { message } from '../peers/fake-server.js'

const persistent = { cleanSession: false, clientId: 'c', reconnect: { minDelayMs: 1, maxDelayMs: 1 } } as const

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
