import { expect, test } from 'vitest'
import type { Message, SessionStore } from '../../src/index.js'
import type { JournalRecord } from '../../src/protocol/index.js'
import { memoryStore } from '../../src/store/index.js'
import { gate, online, quiet } from './client-on-pipe.js'
import { FakeServer, message } from './fake-server.js'

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

test('a client that stopped reading while much waited for the store reads on once it is written, without a drain', async () => {
  const store = new SlowStore()
  const seen: string[] = []
  const handlers = { '#': (received: Message) => seen.push(received.topic) }
  // The pipe takes everything at once, so that nothing but the store tells the client to go on.
  const server = new FakeServer({ highWaterMark: 8_388_608 })
  const { client, connection } = await online({ clientId: 'c', store, handlers }, server)
  const writing = gate()
  store.appending = writing.promise
  const published = client.publish('a', Buffer.alloc(1_500_000), { qos: 1 })
  await quiet()
  connection.send(message('before'))
  await quiet()
  writing.open()
  await quiet()
  await connection.next('publish')
  connection.send(message('after'), { type: 'puback', packetId: 1 })
  await published
  expect(seen).toEqual(['before', 'after'])
})
