import { describe, expect, test } from 'vitest'
import type { MessageStream } from '../../../src/index.js'
import { collectGarbage } from '../../protocol/heap.js'
import { event, gate, type Online, online, quiet, rejectionOf, watch } from '../peers/client-on-pipe.js'
import { message } from '../peers/fake-server.js'

const persistent = { cleanSession: false, clientId: 'c', reconnect: { minDelayMs: 1, maxDelayMs: 1 } } as const

interface Iterating extends Online {
  readonly stream: MessageStream
}

async function iterating(options: Parameters<typeof online>[0] = {}, limit?: number): Promise<Iterating> {
  const pair = await online(options)
  pair.connection.serve()
  const stream = await pair.client.messages('a/#', { qos: 1, limit })
  return { ...pair, stream }
}

/** The topics of the next `count` messages of a stream. */
async function topicsOf(stream: MessageStream, count: number): Promise<string[]> {
  const topics: string[] = []
  for (let n = 0; n < count; n++) {
    const { value } = await stream.next()
    topics.push(value === undefined ? 'done' : value.topic)
  }
  return topics
}

describe('messages()', () => {
  test('subscribes, and iterates over what comes', async () => {
    const { connection, stream } = await iterating()
    expect(stream.granted).toEqual([{ filter: 'a/#', qos: 1 }])
    connection.send(message('a/1'), message('a/2'))
    const topics: string[] = []
    for await (const { topic } of stream) {
      topics.push(topic)
      if (topics.length === 2) connection.send(message('a/3'))
      if (topics.length === 3) break
    }
    expect(topics).toEqual(['a/1', 'a/2', 'a/3'])
  })

  test('acknowledges a message with the next next(), and not before', async () => {
    const { connection, stream } = await iterating()
    connection.send(message('a/1', 1, 1), message('a/2', 1, 2))
    await stream.next()
    await quiet()
    expect(connection.all('puback')).toEqual([])
    const second = stream.next()
    await quiet()
    expect(connection.all('puback')).toEqual([{ type: 'puback', packetId: 1 }])
    await second
  })

  test('holds at most `limit` messages; those behind them start when the loop goes on', async () => {
    const { client, connection, stream } = await iterating({}, 2)
    connection.send(...[1, 2, 3, 4, 5].map((id) => message(`a/${id}`, 1, id)))
    await quiet()
    expect(client.stats.running).toBe(2)
    expect(client.stats.backlogBytes).toBeGreaterThan(0)
    expect(await topicsOf(stream, 5)).toEqual(['a/1', 'a/2', 'a/3', 'a/4', 'a/5'])
    await quiet()
    expect(client.stats.backlogBytes).toBe(0)
  })

  test('hands out thousands of messages in their order: those that wait, and those that calls of next() wait for', async () => {
    const { connection, stream } = await iterating({ receiveWindow: 10_000 }, 10_000)
    const sent = Array.from({ length: 3_000 }, (_, n) => `a/${n}`)
    connection.send(...sent.map((topic) => message(topic)))
    await quiet()
    expect(await topicsOf(stream, sent.length)).toEqual(sent)
    const ahead = sent.map(() => stream.next())
    connection.send(...sent.map((topic) => message(topic)))
    expect((await Promise.all(ahead)).map(({ value }) => value?.topic)).toEqual(sent)
  })

  test('with limit 1 hands out one message at a time', async () => {
    const { client, connection, stream } = await iterating({}, 1)
    connection.send(message('a/1', 1, 1), message('a/2', 1, 2))
    await stream.next()
    await quiet()
    expect(client.stats.running).toBe(1)
    expect(await topicsOf(stream, 1)).toEqual(['a/2'])
  })

  test('goes on although another handler of the message before still runs', async () => {
    const { client, connection, stream } = await iterating({}, 1)
    const slow = gate()
    client.handle('a/1', () => slow.promise)
    connection.send(message('a/1', 1, 1), message('a/2', 1, 2))
    expect(await topicsOf(stream, 2)).toEqual(['a/1', 'a/2'])
    expect(client.stats.running).toBe(2)
    slow.open()
  })

  test('answers calls of next() that do not wait for one another in their order', async () => {
    const { connection, stream } = await iterating()
    const both = Promise.all([stream.next(), stream.next()])
    connection.send(message('a/1', 1, 1), message('a/2', 1, 2))
    expect((await both).map(({ value }) => value?.topic)).toEqual(['a/1', 'a/2'])
  })

  test.each([
    ['limit', { limit: 1, receiveWindow: 64 }],
    ['receiveWindow', { limit: 64, receiveWindow: 1 }],
  ])('gives every next() that was called ahead its message, beyond %s too', async (_, { limit, receiveWindow }) => {
    const { connection, stream } = await iterating({ receiveWindow }, limit)
    const ahead = Promise.all([stream.next(), stream.next(), stream.next()])
    connection.send(...[1, 2, 3, 4].map((id) => message(`a/${id}`, 1, id)))
    expect((await ahead).map(({ value }) => value?.topic)).toEqual(['a/1', 'a/2', 'a/3'])
    await quiet()
    expect(connection.all('puback').map(({ packetId }) => packetId)).toEqual([1, 2])
    expect(await topicsOf(stream, 1)).toEqual(['a/4'])
  })

  test('rejects when the server refuses', async () => {
    const { client, connection } = await online()
    const subscribed = client.messages('a')
    const { packetId } = await connection.next('subscribe')
    connection.send({ type: 'suback', packetId, returnCodes: [0x80] })
    expect(await rejectionOf(subscribed)).toMatchObject({ code: 'MQTT_SUBSCRIBE_REFUSED' })
  })
})

describe('leaving the loop', () => {
  test('by client.unsubscribe() whose UNSUBACK comes with SUBACK leaves nothing of it behind', async () => {
    const { client, connection } = await online()
    async function openAndEnd(): Promise<WeakRef<object>> {
      const opened = client.messages('a')
      const ended = client.unsubscribe('a')
      const [subscribe, unsubscribe] = [await connection.next('subscribe'), await connection.next('unsubscribe')]
      const { packetId } = subscribe
      connection.send(
        { type: 'suback', packetId, returnCodes: [0] },
        { type: 'unsuback', packetId: unsubscribe.packetId },
      )
      await ended
      return new WeakRef(await opened)
    }
    const stream = await openAndEnd()
    // The client remembers what it made last.
    await openAndEnd()
    for (let turn = 0; turn < 20; turn += 1) await collectGarbage()
    expect(stream.deref()).toBeUndefined()
  })

  test('by break acknowledges the message in hand, and unsubscribes', async () => {
    const { connection, stream } = await iterating()
    connection.send(message('a/1', 1, 1))
    for await (const { topic } of stream) {
      expect(topic).toBe('a/1')
      break
    }
    expect(connection.all('puback')).toEqual([{ type: 'puback', packetId: 1 }])
    expect(connection.all('unsubscribe').map(({ filters }) => filters)).toEqual([['a/#']])
  })

  test('by an exception does the same', async () => {
    const { connection, stream } = await iterating()
    connection.send(message('a/1', 1, 1))
    const fault = new Error('in the body of the loop')
    const loop = async () => {
      for await (const _ of stream) throw fault
    }
    expect(await rejectionOf(loop())).toBe(fault)
    expect(connection.all('puback')).toHaveLength(1)
    expect(connection.all('unsubscribe')).toHaveLength(1)
  })

  test('by return(), throw() and unsubscribe() does the same; next() is done from then on', async () => {
    for (const leave of [
      (stream: MessageStream) => stream.return?.(),
      (stream: MessageStream) => stream.throw?.(new Error('leave')).catch(() => {}),
      (stream: MessageStream) => stream.unsubscribe(),
      (stream: MessageStream) => stream[Symbol.asyncDispose](),
    ]) {
      const { connection, stream } = await iterating()
      connection.send(message('a/1', 1, 1))
      await stream.next()
      await leave(stream)
      expect(await stream.next()).toEqual({ done: true, value: undefined })
      expect(connection.all('puback')).toHaveLength(1)
      expect(connection.all('unsubscribe')).toHaveLength(1)
    }
  })

  test('finishes a next() that waits', async () => {
    const { stream } = await iterating()
    const next = stream.next()
    await stream.unsubscribe()
    expect(await next).toEqual({ done: true, value: undefined })
  })

  test('lets go of what was not read, so that nothing behind it waits for ever', async () => {
    const { client, connection, stream } = await iterating({ receiveWindow: 2, onMessage: () => {} }, 2)
    connection.send(...[1, 2, 3, 4].map((id) => message(`a/${id}`, 1, id)))
    await stream.next()
    await stream.unsubscribe()
    await quiet()
    expect(client.stats).toMatchObject({ running: 0, backlogBytes: 0 })
    expect(connection.all('puback')).toHaveLength(4)
  })

  test('after the client has ended settles', async () => {
    const { client, connection, stream } = await iterating()
    connection.send(message('a/1', 1, 1))
    for await (const _ of stream) {
      await client.end({ timeoutMs: 1 })
      break
    }
    expect(client.state).toBe('closed')
  })

  test('while the client is offline waits for UNSUBACK, but no longer than for the end', async () => {
    const { client, connection, stream } = await iterating({ reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 } })
    connection.cut()
    await event(client, 'offline')
    const left = stream.unsubscribe()
    const watched = watch(left)
    await quiet()
    expect(watched.state).toBe('pending')
    await client.end({ timeoutMs: 1 })
    await left
  })
})

describe('a loop', () => {
  test('lives through reconnections', async () => {
    const { connection, server, stream } = await iterating(persistent)
    connection.send(message('a/1', 1, 1))
    expect(await topicsOf(stream, 1)).toEqual(['a/1'])
    const next = topicsOf(stream, 2)
    await connection.until('puback')
    connection.cut()
    const again = await server.admitted(true)
    again.send(message('a/2', 1, 2), message('a/3', 1, 3))
    expect(await next).toEqual(['a/2', 'a/3'])
  })

  test('acknowledges nothing on a connection that did not carry the message', async () => {
    const { connection, server, stream } = await iterating(persistent)
    connection.send(message('a/1', 1, 1))
    await stream.next()
    connection.cut()
    const again = await server.admitted(true)
    stream.next()
    await quiet()
    expect(again.names).toEqual(['connect'])
  })

  test('finishes after end(): what has arrived has not started, and comes again', async () => {
    const { client, connection, stream } = await iterating()
    connection.send(message('a/1', 1, 1), message('a/2', 1, 2))
    await quiet()
    await client.end()
    expect(await stream.next()).toEqual({ done: true, value: undefined })
    expect(connection.all('puback')).toEqual([])
  })

  test('that waits for a message finishes after end()', async () => {
    const { client, stream } = await iterating()
    const next = stream.next()
    await client.end()
    expect(await next).toEqual({ done: true, value: undefined })
  })

  test('throws after a terminal error, and the error is that one', async () => {
    const { client, stream } = await iterating()
    const next = stream.next()
    const fault = new Error('power is going')
    client.destroy(fault)
    expect(await rejectionOf(next)).toBe(fault)
    expect(await rejectionOf(stream.next())).toBe(fault)
  })

  test('beside a handler of the same filter gets each message too', async () => {
    const { client, connection, stream } = await iterating()
    const handled: string[] = []
    client.handle('a/+', ({ topic }) => handled.push(topic))
    connection.send(message('a/1'))
    expect(await topicsOf(stream, 1)).toEqual(['a/1'])
    expect(handled).toEqual(['a/1'])
  })

  test('and another loop of the same filter get each message', async () => {
    const { client, connection, stream } = await iterating()
    const other = await client.messages('a/#')
    connection.send(message('a/1'))
    expect([await topicsOf(stream, 1), await topicsOf(other, 1)]).toEqual([['a/1'], ['a/1']])
    await stream.unsubscribe()
    expect(connection.all('unsubscribe')).toHaveLength(0)
    connection.send(message('a/2'))
    expect(await topicsOf(other, 1)).toEqual(['a/2'])
  })
})
