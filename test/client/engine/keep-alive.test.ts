import { describe, expect, test, vi } from 'vitest'
import { event, fakeTime, gate, online, pass, quiet } from '../peers/client-on-pipe.js'
import { message } from '../peers/fake-server.js'

describe('keep alive', () => {
  test('sends PINGREQ before Keep Alive has passed without a packet of ours [MQTT-3.1.2-23]', async () => {
    fakeTime()
    const { connection } = await online({ keepAlive: 10 })
    connection.serve()
    await pass(8_999)
    expect(connection.names).toEqual(['connect'])
    await pass(1_000)
    expect(connection.names).toEqual(['connect', 'pingreq'])
    await pass(9_999)
    expect(connection.all('pingreq')).toHaveLength(2)
  })

  test('is not postponed by what the server sends', async () => {
    fakeTime()
    const { client, connection } = await online({ keepAlive: 10 })
    connection.serve()
    client.handle('a', () => {})
    for (let second = 0; second < 10; second++) {
      connection.send(message('a'))
      await pass(1_000)
    }
    expect(connection.all('pingreq')).toHaveLength(1)
  })

  test('sends nothing while we publish often enough, and the server is heard', async () => {
    fakeTime()
    const { client, connection } = await online({ keepAlive: 10 })
    connection.serve()
    for (let second = 0; second < 30; second++) {
      await client.publish('a', 'x', { qos: 1 })
      await pass(1_000)
    }
    expect(connection.all('pingreq')).toEqual([])
  })

  test('of 0 is off', async () => {
    fakeTime()
    const { connection } = await online({ keepAlive: 0 })
    await pass(24 * 3_600_000)
    expect(connection.names).toEqual(['connect'])
  })

  test('notices a half-open connection within Keep Alive and the ping time-out', async () => {
    fakeTime()
    const { client, connection } = await online({ keepAlive: 10, pingTimeoutMs: 2_000 })
    const offline = event(client, 'offline')
    await pass(9_001)
    expect(connection.names.at(-1)).toBe('pingreq')
    await pass(1_998)
    expect(client.state).toBe('online')
    await pass(3)
    expect((await offline).error).toMatchObject({ code: 'MQTT_TIMEOUT', operation: 'ping', timeoutMs: 2_000 })
    await connection.closed
    expect(connection.all('disconnect')).toEqual([])
  })

  test('notices a dead peer although a steady publisher never falls silent', async () => {
    fakeTime()
    const { client, connection } = await online({ keepAlive: 10, pingTimeoutMs: 2_000 })
    const offline = event(client, 'offline')
    for (let second = 0; second < 13; second++) {
      client.publish('a', 'x')
      await pass(1_000)
    }
    expect((await offline).error).toMatchObject({ operation: 'ping' })
    expect(connection.all('pingreq').length).toBeGreaterThan(0)
  })

  test('takes any byte for a sign of life, also from the middle of a packet', async () => {
    fakeTime()
    const { client, connection } = await online({ keepAlive: 10, pingTimeoutMs: 2_000 })
    await pass(9_001)
    connection.sendBytes(Buffer.from([0x30, 100, 0]))
    await pass(3_000)
    expect(client.state).toBe('online')
  })

  test('goes on while a handler runs for longer than it: the healthy connection stays', async () => {
    fakeTime()
    const { client, connection } = await online({ keepAlive: 10, pingTimeoutMs: 2_000, receiveWindow: 1 })
    connection.serve()
    const slow = gate()
    client.handle('a', () => slow.promise)
    connection.send(message('a', 1, 1), message('a', 1, 2))
    await pass(60_000)
    expect(client.state).toBe('online')
    expect(connection.all('pingreq').length).toBeGreaterThan(5)
    slow.open()
    await quiet()
    expect(connection.all('puback')).toHaveLength(2)
  })

  test('holds its verdict while a full backlog keeps the socket from being read', async () => {
    fakeTime()
    const { client, connection } = await online({
      keepAlive: 10,
      pingTimeoutMs: 2_000,
      receiveWindow: 1,
      receiveBufferBytes: 200,
    })
    connection.serve()
    const slow = gate()
    client.handle('a', () => slow.promise)
    for (let id = 1; id <= 10; id++) connection.send(message('a', 1, id))
    await pass(60_000)
    expect(client.stats.packetsIn.pingresp).toBe(0)
    expect(client.state).toBe('online')
    slow.open()
    await pass(10_000)
    expect(connection.all('puback')).toHaveLength(10)
    expect(client.state).toBe('online')
  })
})

test('a peer that died while the socket was not read is noticed after reading has gone on', async () => {
  fakeTime()
  const { client, connection } = await online({
    keepAlive: 10,
    pingTimeoutMs: 2_000,
    receiveWindow: 1,
    receiveBufferBytes: 200,
  })
  const slow = gate()
  client.handle('a', () => slow.promise)
  // One chunk has all messages, so no later read can prove that the server lives.
  connection.send(message('a'), message('a'), message('a'), message('a'))
  await pass(20_000)
  expect(client.state).toBe('online')
  const offline = event(client, 'offline')
  slow.open()
  await pass(2_010)
  expect((await offline).error).toMatchObject({ operation: 'ping' })
})

describe('a process that slept', () => {
  /** The machine sleeps: the time of day goes on, the monotonic clock and the timers stand still. Then ten seconds pass. */
  async function sleep(ms: number, keepAlive = 600) {
    fakeTime()
    const found = await online({ keepAlive })
    await pass(20_000)
    vi.setSystemTime(Date.now() + ms)
    await pass(10_001)
    return found
  }

  test('asks the server at once with PINGREQ, and gives a dead connection up after the ping time-out', async () => {
    const { client, connection } = await sleep(60_000)
    expect(connection.names).toEqual(['connect', 'pingreq'])
    const offline = event(client, 'offline')
    await pass(9_999)
    expect((await offline).error).toMatchObject({ code: 'MQTT_TIMEOUT', operation: 'ping', timeoutMs: 10_000 })
  })

  test('keeps a connection on which the server answers, and asks once', async () => {
    const { client, connection } = await sleep(60_000)
    connection.send({ type: 'pingresp' })
    await pass(60_000)
    expect(client.state).toBe('online')
    expect(connection.names).toEqual(['connect', 'pingreq'])
  })

  test.each([
    ['for a moment only', 5_000, 600],
    ['in no other way than that the time of day was set back', -3_600_000, 600],
    ['while Keep Alive is off', 3_600_000, 0],
  ])('%s sends nothing', async (_, ms, keepAlive) => {
    const { connection } = await sleep(ms, keepAlive)
    expect(connection.names).toEqual(['connect'])
  })
})

test('an acknowledgement that does not come within ackTimeoutMs ends the connection, and the message is sent again', async () => {
  fakeTime()
  const { client, connection, server } = await online({
    ackTimeoutMs: 5_000,
    cleanSession: false,
    clientId: 'c',
    reconnect: { minDelayMs: 1, maxDelayMs: 1 },
  })
  const published = client.publish('a', 'x', { qos: 1 })
  await connection.next('publish')
  const offline = event(client, 'offline')
  await pass(4_999)
  expect(client.state).toBe('online')
  await pass(2)
  expect((await offline).error).toMatchObject({ code: 'MQTT_TIMEOUT', operation: 'acknowledgement' })
  server.serve()
  await pass(2)
  const again = await server.admitted(true)
  await published
  expect(again.all('publish')).toMatchObject([{ dup: true }])
})
