import { expect, test } from 'vitest'
import type { Message, SessionStore } from '../../../src/index.js'
import type { JournalRecord } from '../../../src/protocol/index.js'
import { memoryStore } from '../../../src/store/index.js'
import { fakeTime, gate, online, pass, quiet, watch } from '../peers/client-on-pipe.js'
import { encode, FakeServer, message } from '../peers/fake-server.js'

/** A store whose appends wait for `appending`. */
class SlowStore implements SessionStore {
  readonly durable = true
  readonly #inner = memoryStore()
  appending: Promise<void> = Promise.resolve()

  open(sessionId: string) {
    return this.#inner.open(sessionId)
  }

  async append(records: readonly JournalRecord[]) {
    const done = this.#inner.append(records)
    await this.appending
    await done
  }

  close() {
    return this.#inner.close()
  }
}

test('a client that stopped reading because its acknowledgements wait for the store reads on when the store has answered', async () => {
  const store = new SlowStore()
  let latest = ''
  const onMessage = ({ topic }: Message) => {
    latest = topic
  }
  // The pipe takes everything at once, so that nothing but the store tells the client to go on.
  const server = new FakeServer({ highWaterMark: 8_388_608 })
  const { client, connection } = await online({ clientId: 'c', store, onMessage }, server)
  const writing = gate()
  store.appending = writing.promise
  const published = watch(client.publish('a', 'x', { qos: 1 }))
  connection.stopReading()
  // Four bytes of PUBACK for each message: together more than a client keeps.
  const [arrival, count] = [encode(message('m', 1)), 263_000]
  connection.sendBytes(Buffer.alloc(arrival.byteLength * count, arrival))
  connection.send(message('after'))
  while (client.stats.packetsIn.publish < count) await quiet()
  expect(latest).toBe('m')
  writing.open()
  await quiet()
  expect(latest).toBe('after')
  expect(published.state).toBe('pending')
})

test('a socket that has room again lets no message pass while much still waits for the store', async () => {
  const store = new SlowStore()
  const { client, connection } = await online(
    { clientId: 'c', store, handlers: { '#': () => {} } },
    new FakeServer({ highWaterMark: 1 }),
  )
  connection.serve()
  connection.stopReading()
  const [first, second] = [gate(), gate()]
  store.appending = first.promise
  connection.send(message('its PUBREC goes before', 2))
  await quiet()
  store.appending = second.promise
  const published = [client.publish('large', Buffer.alloc(500_000), { qos: 1 })]
  await quiet()
  published.push(client.publish('behind', 'x', { qos: 1 }))
  first.open()
  await quiet()
  await connection.readChunk()
  await quiet()
  expect(client.stats).toMatchObject({ inFlight: 1, queued: 1 })
  connection.readOn()
  second.open()
  await Promise.all(published)
})

test('a large message that still waits for the store when what was before it has left may take its time all the same', async () => {
  fakeTime()
  const store = new SlowStore()
  const server = new FakeServer({ highWaterMark: 1 })
  const handlers = { '#': () => {} }
  const { client, connection } = await online({ clientId: 'c', store, handlers, ackTimeoutMs: 2_000 }, server)
  connection.serve()
  await pass(0)
  connection.stopReading()
  const [first, second] = [gate(), gate()]
  store.appending = first.promise
  connection.send(message('its PUBREC goes before', 2))
  await quiet()
  store.appending = second.promise
  const large = client.publish('large', Buffer.alloc(500_000), { qos: 1 })
  await quiet()
  first.open()
  await pass(500)
  await connection.readChunk()
  await quiet()
  second.open()
  for (let piece = 0; piece < 5; piece++) {
    await pass(1_500)
    await connection.readChunk()
  }
  connection.readOn()
  await large
  expect(server.attempts).toBe(1)
})
