import { describe, expect, test } from 'vitest'
import type { ClientOptions } from '../../../src/index.js'
import { event, fakeTime, gate, type Online, online, pass, quiet, watch } from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'

/** Eleven pieces. */
const large = Buffer.alloc(1_000_000, 'x')

/** A client whose server reads nothing for now, and whose pipe holds no more than the chunk on its way. */
async function clogged(options: ClientOptions): Promise<Online> {
  fakeTime()
  const given = await online({ clientId: 'c', cleanSession: false, ...options }, new FakeServer({ highWaterMark: 1 }))
  given.connection.serve()
  given.connection.stopReading()
  return given
}

/** The server takes a piece every 1.5 s. */
async function readSlowly({ connection }: Online, pieces: number): Promise<void> {
  for (let piece = 0; piece < pieces; piece++) {
    await pass(1_500)
    await connection.readChunk()
  }
}

describe('a payload that takes long to upload', () => {
  test('gets through, although it takes longer than ackTimeoutMs', async () => {
    const slow = await clogged({ ackTimeoutMs: 2_000 })
    const published = slow.client.publish('a', large, { qos: 1 })
    await readSlowly(slow, 10)
    expect(slow.client.state).toBe('online')
    slow.connection.readOn()
    await published
    expect(slow.connection.all('publish').map(({ payload }) => large.equals(payload))).toEqual([true])
    expect(slow.server.attempts).toBe(1)
  })

  test('gets through, although the PINGREQ behind it is not answered within pingTimeoutMs', async () => {
    const slow = await clogged({ keepAlive: 3, pingTimeoutMs: 2_000 })
    const published = watch(slow.client.publish('a', large))
    await readSlowly(slow, 10)
    expect(slow.client.stats.packetsOut.pingreq).toBeGreaterThan(2)
    expect(slow.client.state).toBe('online')
    slow.connection.readOn()
    await quiet()
    expect(slow.connection.names).toContain('pingreq')
    await pass(10_000)
    expect(slow.client.state).toBe('online')
    expect(published.state).toBe('resolved')
  })

  test.each([
    ['ackTimeoutMs', { ackTimeoutMs: 2_000 }, 'acknowledgement'],
    ['pingTimeoutMs', { keepAlive: 3, pingTimeoutMs: 2_000 }, 'ping'],
  ])('ends the connection %s after the server has taken the last of it', async (_, options, operation) => {
    const slow = await clogged(options)
    slow.client.publish('a', large, { qos: 1 }).catch(() => {})
    await readSlowly(slow, 5)
    const offline = event(slow.client, 'offline')
    await pass(1_999)
    expect(slow.client.state).toBe('online')
    await pass(2)
    expect((await offline).error).toMatchObject({ code: 'MQTT_TIMEOUT', operation, timeoutMs: 2_000 })
  })

  test('and is not acknowledged once it is there ends the connection ackTimeoutMs later, whatever else leaves', async () => {
    const slow = await clogged({ ackTimeoutMs: 2_000 })
    slow.connection.onPacket = undefined
    slow.client.publish('a', large, { qos: 1 }).catch(() => {})
    await readSlowly(slow, 11)
    const offline = event(slow.client, 'offline')
    for (let half = 0; half < 3; half++) {
      slow.client.publish('b', Buffer.alloc(50_000))
      await pass(500)
      await slow.connection.readChunk()
    }
    await pass(498)
    expect(slow.client.state).toBe('online')
    await pass(3)
    expect((await offline).error).toMatchObject({ operation: 'acknowledgement' })
  })
})

describe('reading that stops because too much is unsent', () => {
  const moreThanMayBeUnsent = Buffer.alloc(2_000_000)

  test('does not make the client deaf to the death of its peer', async () => {
    const { client, connection } = await clogged({ keepAlive: 3, pingTimeoutMs: 2_000 })
    client.publish('a', moreThanMayBeUnsent)
    await quiet()
    connection.send(message('in'))
    await quiet()
    connection.send(message('unread'))
    const offline = event(client, 'offline')
    await pass(4_699)
    expect(client.state).toBe('online')
    expect(client.stats.packetsIn.publish).toBe(1)
    await pass(3)
    expect((await offline).error).toMatchObject({ operation: 'ping' })
  })

  test('goes on when that has left, and with a full backlog only when there is room', async () => {
    const slow = await clogged({ keepAlive: 3, pingTimeoutMs: 2_000, receiveWindow: 1, receiveBufferBytes: 1 })
    const busy = gate()
    const handled: string[] = []
    slow.client.handle('#', async ({ topic }) => {
      handled.push(topic)
      await busy.promise
    })
    slow.client.publish('a', moreThanMayBeUnsent)
    await quiet()
    slow.connection.send(message('first'), message('second'), message('third'))
    // A server that writes to us and waits for us to read may read nothing itself.
    await pass(20_000)
    expect(slow.client.state).toBe('online')
    slow.connection.readOn()
    await pass(10_000)
    expect(slow.client.state).toBe('online')
    slow.connection.send(message('fourth'))
    busy.open()
    await quiet()
    expect(handled).toEqual(['first', 'second', 'third', 'fourth'])
  })
})
