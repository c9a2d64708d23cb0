import { describe, expect, test } from 'vitest'
import { encodePacket } from '../../../src/codec/index.js'
import type { ClientOptions } from '../../../src/index.js'
import { event, fakeTime, type Online, online, pass, quiet, watch } from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'

/** Eleven pieces. */
const large = Buffer.alloc(1_000_000, 'x')

/** A client whose server does not read. The pipe between them has room for one chunk only. */
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

describe('a server that reads nothing', () => {
  test('can make the client pile up a bounded number of acknowledgements', async () => {
    const slow = await clogged({ keepAlive: 0 })
    slow.client.handle('#', () => {})
    const identifiers = Array.from({ length: 10_000 }, (_, index) => index + 1)
    const copies = Buffer.concat(identifiers.map((packetId) => encodePacket(message('in', 1, packetId))))
    const rounds = 40
    for (let round = 0; round < rounds; round += 1) slow.connection.sendBytes(copies)
    await pass(1_000)
    // The client reads on until a megabyte of acknowledgements waits. Each has four bytes.
    expect(slow.client.stats.packetsIn.publish).toBeLessThan(300_000)
    slow.connection.readOn()
    await pass(1_000)
    expect(slow.client.stats.packetsIn.publish).toBe(rounds * identifiers.length)
  })

  test('is still read while a large message of ours has not left: its acknowledgement may be on the way', async () => {
    const slow = await clogged({ keepAlive: 3, pingTimeoutMs: 2_000 })
    slow.client.publish('a', Buffer.alloc(3_000_000))
    await quiet()
    slow.connection.send(message('first'), message('second'))
    await quiet()
    expect(slow.client.stats.packetsIn.publish).toBe(2)
  })

  test('is not taken for alive because of that', async () => {
    const { client, connection } = await clogged({ keepAlive: 3, pingTimeoutMs: 2_000 })
    client.publish('a', Buffer.alloc(2_000_000))
    await quiet()
    connection.send(message('in'))
    await quiet()
    const offline = event(client, 'offline')
    await pass(4_699)
    expect(client.state).toBe('online')
    await pass(3)
    expect((await offline).error).toMatchObject({ operation: 'ping' })
  })
})
