/** What may still happen between a call of end() and DISCONNECT, and what may not. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { describe, expect, test } from 'vitest'
import type { ClientOptions, SessionStore } from '../../../src/index.js'
import { memoryStore } from '../../../src/store/index.js'
import { clientOf, fakeTime, gate, online, pass, quiet, rejectionOf, watch } from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'

const persistent: ClientOptions = { clientId: 'c', cleanSession: false }

/** The names of what the client sent after CONNECT and SUBSCRIBE. */
const sent = (names: readonly string[]) => names.filter((name) => name !== 'connect' && name !== 'subscribe')

describe('while a handler runs, end()', () => {
  test('lets it publish, and acknowledges its message behind that, before DISCONNECT', async () => {
    const { client, connection } = await online(persistent)
    connection.serve()
    const work = gate()
    await client.subscribe('ask', async () => {
      await work.promise
      await client.publish('answer', 'done', { qos: 1 })
    })
    connection.send(message('ask', 1, 1))
    await quiet()
    const ended = client.end()
    work.open()
    await ended
    expect(sent(connection.names)).toEqual(['publish', 'puback', 'disconnect'])
  })

  test('takes a publish and a subscribe from anybody, and nothing once it has ended', async () => {
    const { client, connection } = await online(persistent)
    connection.serve()
    const work = gate()
    client.handle('a', () => work.promise)
    connection.send(message('a', 1, 1))
    await quiet()
    const ended = client.end()
    await client.publish('b', 'x', { qos: 1 })
    await client.subscribe('c')
    work.open()
    await ended
    expect(await rejectionOf(client.publish('b', 'x'))).toMatchObject({ code: 'MQTT_CLOSED' })
  })

  test('starts no other, and acknowledges nothing that comes: the session brings it again', async () => {
    const { client, connection } = await online({ ...persistent, receiveWindow: 1 })
    const started: string[] = []
    const work = gate()
    client.handle('+', ({ topic }) => {
      started.push(topic)
      return work.promise
    })
    connection.send(message('a', 1, 1), message('waits', 1, 2))
    await quiet()
    const ended = client.end()
    connection.send(message('late', 1, 3), message('late', 2, 4))
    await quiet()
    work.open()
    await ended
    expect(started).toEqual(['a'])
    expect(connection.received.slice(1)).toEqual([{ type: 'puback', packetId: 1 }, { type: 'disconnect' }])
  })

  test('gives it no longer than timeoutMs: then the socket is destroyed, and the server publishes the will', async () => {
    fakeTime()
    const { client, connection } = await online(persistent)
    await pass(0)
    client.handle('a', () => new Promise(() => {}))
    connection.send(message('a', 1, 1))
    await quiet()
    const watched = watch(client.end({ timeoutMs: 2_000 }))
    await pass(1_999)
    expect(watched.state).toBe('pending')
    await pass(1)
    expect(watched.state).toBe('resolved')
    expect(connection.names).toEqual(['connect'])
    await connection.closed
  })
})

describe('end() called by a handler or a loop, after an await', () => {
  test('does not wait for it: no time passes', async () => {
    fakeTime()
    const { client, connection } = await online(persistent)
    await pass(0)
    const ended = gate()
    client.handle('stop', async () => {
      await Promise.resolve()
      await client.end()
      ended.open()
    })
    connection.send(message('stop', 1, 1))
    await ended.promise
    expect(connection.names).toEqual(['connect', 'disconnect'])
  })

  test('waits for none of several that call it: no time passes', async () => {
    fakeTime()
    const { client, connection } = await online(persistent)
    await pass(0)
    client.handle('stop', async () => {
      await Promise.resolve()
      await client.end()
    })
    connection.send(message('stop', 1, 1), message('stop', 1, 2))
    await quiet()
    expect(client.state).toBe('closed')
  })

  test('waits for the others all the same', async () => {
    const { client, connection } = await online(persistent)
    const work = gate()
    client.handle('work', () => work.promise)
    client.handle('stop', async () => {
      await Promise.resolve()
      await client.end()
    })
    connection.send(message('work', 1, 1), message('stop', 1, 2))
    await quiet()
    expect(connection.all('disconnect')).toEqual([])
    work.open()
    await client.closed
    expect(connection.names).toEqual(['connect', 'puback', 'disconnect'])
  })

  test('does not wait for the message in the hand of the loop', async () => {
    fakeTime()
    const { client, connection } = await online(persistent)
    await pass(0)
    connection.serve()
    const done = (async () => {
      for await (const { topic } of await client.messages('a')) {
        await Promise.resolve()
        if (topic === 'a') await client.end()
      }
    })()
    await quiet()
    connection.send(message('a', 1, 1))
    await done
    expect(client.state).toBe('closed')
  })

  test('is a call from elsewhere where the loop was started and not awaited: it waits for the message in the hand of the loop', async () => {
    const { client, connection } = await online(persistent)
    connection.serve()
    const messages = await client.messages('a')
    const work = gate()
    const done: string[] = []
    async function consume() {
      for await (const { topic } of messages) {
        await work.promise
        done.push(topic)
      }
    }
    const consuming = consume()
    connection.send(message('a', 1, 77))
    await quiet()
    const ended = client.end()
    await quiet()
    expect(connection.all('disconnect')).toEqual([])
    work.open()
    await Promise.all([ended, consuming])
    expect(done).toEqual(['a'])
    expect(connection.names.slice(-2)).toEqual(['puback', 'disconnect'])
  })

  test('is a call from elsewhere again behind the loop', async () => {
    const { client, connection } = await online(persistent)
    connection.serve()
    connection.onPacket = (packet) => {
      if (packet.type === 'subscribe') {
        connection.send({ type: 'suback', packetId: packet.packetId, returnCodes: [0] }, message('a', 1, 1))
      }
      if (packet.type === 'unsubscribe') connection.send({ type: 'unsuback', packetId: packet.packetId })
    }
    for await (const _ of await client.messages('a')) break
    const work = gate()
    client.handle('work', () => work.promise)
    connection.send(message('work', 1, 2))
    await quiet()
    const watched = watch(client.end())
    await quiet()
    expect(watched.state).toBe('pending')
    work.open()
  })
})

test('a loop ends with the message in hand; what waits for it is not acknowledged, and comes again', async () => {
  const { client, connection } = await online(persistent)
  connection.serve()
  const stream = await client.messages('a')
  connection.send(message('a', 1, 1), message('a', 1, 2))
  await quiet()
  const handled: string[] = []
  const begun = gate()
  // The loop itself must not call end(): that case has tests of its own.
  const ended = begun.promise.then(() => client.end())
  for await (const { topic } of stream) {
    handled.push(topic)
    begun.open()
    await quiet()
  }
  await ended
  expect(handled).toEqual(['a'])
  expect(connection.all('puback')).toEqual([{ type: 'puback', packetId: 1 }])
})

describe('before DISCONNECT, end()', () => {
  test('waits for the PUBREL of a message that it has acknowledged', async () => {
    fakeTime()
    const { client, connection } = await online(persistent)
    await pass(0)
    client.handle('a', () => {})
    connection.send(message('a', 2, 1))
    await quiet()
    const watched = watch(client.end())
    await pass(499)
    expect(watched.state).toBe('pending')
    connection.send({ type: 'pubrel', packetId: 1 })
    await quiet()
    expect(connection.names).toEqual(['connect', 'pubrec', 'pubcomp', 'disconnect'])
  })

  test('does so for no longer because something else comes meanwhile', async () => {
    fakeTime()
    const { client, connection } = await online(persistent)
    await pass(0)
    client.handle('a', () => {})
    connection.send(message('a', 2, 1))
    await quiet()
    client.end()
    await pass(300)
    connection.send(message('a', 0))
    await pass(199)
    expect(connection.names).toEqual(['connect', 'pubrec'])
    await pass(1)
    expect(connection.names).toEqual(['connect', 'pubrec', 'disconnect'])
  })

  test('does so for half a second', async () => {
    fakeTime()
    const { client, connection } = await online(persistent)
    await pass(0)
    client.handle('a', () => {})
    connection.send(message('a', 2, 1))
    await quiet()
    client.end()
    await pass(499)
    expect(connection.names).toEqual(['connect', 'pubrec'])
    await pass(1)
    expect(connection.names).toEqual(['connect', 'pubrec', 'disconnect'])
  })
})

describe('behind DISCONNECT, end()', () => {
  test('closes nothing while output leaves, however long that takes', async () => {
    fakeTime()
    const { client, connection } = await online(persistent, new FakeServer({ highWaterMark: 1 }))
    connection.stopReading()
    const payload = Buffer.alloc(1_000_000, 'x')
    client.publish('a', payload)
    const watched = watch(client.end({ timeoutMs: 60_000 }))
    while (watched.state === 'pending') {
      await pass(900)
      if (connection.names.includes('disconnect')) break
      await connection.readChunk()
    }
    connection.readOn()
    await pass(900)
    expect(connection.all('publish').map((packet) => packet.payload.byteLength)).toEqual([payload.byteLength])
    expect(connection.names.at(-1)).toBe('disconnect')
    expect(watched.state).toBe('resolved')
  })

  test('gives a server that takes nothing a second', async () => {
    fakeTime()
    const { client, connection } = await online({ ...persistent, keepAlive: 0 }, new FakeServer({ highWaterMark: 1 }))
    connection.stopReading()
    await quiet()
    const watched = watch(client.end({ timeoutMs: 60_000 }))
    await pass(999)
    expect(watched.state).toBe('pending')
    await pass(1)
    expect(watched.state).toBe('resolved')
  })
})

/** A memory store that opens and closes only when the promises resolve. */
function slowStore(opens: Promise<void>, closes: Promise<void>): SessionStore {
  const store = memoryStore()
  return {
    durable: true,
    async open(sessionId) {
      await opens
      return store.open(sessionId)
    },
    append: (records) => store.append(records),
    async close() {
      await closes
      await store.close()
    },
  }
}

describe('with a store, end()', () => {
  test('finishes what waits for it to open', async () => {
    const opening = gate()
    const server = new FakeServer()
    server.serve()
    const client = clientOf(server, { clientId: 'c', store: slowStore(opening.promise, Promise.resolve()) })
    const connected = client.connect()
    const published = client.publish('a', 'x', { qos: 1 })
    const ended = client.end()
    opening.open()
    const connection = await server.accepted()
    connection.send({ type: 'connack', sessionPresent: false, returnCode: 0 })
    await published
    await connected
    await ended
    expect(connection.names).toEqual(['connect', 'publish', 'disconnect'])
  })

  test('takes no longer than timeoutMs and a second, although the store never closes', async () => {
    fakeTime()
    const store = slowStore(Promise.resolve(), new Promise(() => {}))
    const { client } = await online({ clientId: 'c', store })
    const watched = watch(client.end({ timeoutMs: 2_000 }))
    await pass(2_999)
    expect(watched.state).toBe('pending')
    await pass(1)
    expect(watched.state).toBe('resolved')
  })
})

describe('AsyncLocalStorage', () => {
  test('finds in a handler, an event and credentials what was there when they were given, and not what a publish left', async () => {
    const storage = new AsyncLocalStorage<string>()
    const found: string[] = []
    const note = (where: string) => found.push(`${where}: ${storage.getStore()}`)
    const server = new FakeServer()
    server.serve()
    const client = clientOf(server, {
      ...persistent,
      reconnect: { minDelayMs: 1, maxDelayMs: 1 },
      ackTimeoutMs: 50,
      credentials: () => {
        note('credentials')
        return {}
      },
      on: { online: () => note('online'), offline: () => note('offline') },
    })
    const connected = storage.run('connect', () => client.connect())
    const first = await server.admitted()
    await connected
    await storage.run('subscribe', () => client.subscribe('a', () => note('handler')))
    // The server answers nothing now, so the time-out of this publish ends the connection.
    first.onPacket = undefined
    storage.run('publish', () => client.publish('b', 'x', { qos: 1 }).catch(() => {}))
    const second = await server.admitted()
    second.send(message('a'))
    await quiet()
    expect(found).toEqual([
      'credentials: connect',
      'online: connect',
      'offline: connect',
      'credentials: connect',
      'online: connect',
      'handler: subscribe',
    ])
  })
})
