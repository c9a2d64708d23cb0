/** A server may send more at once than one turn of the event loop should take. */
import { expect, onTestFinished, test, vi } from 'vitest'
import { encodePacket } from '../../../src/codec/index.js'
import { MalformedPacketError } from '../../../src/index.js'
import { event, gate, online, rejectionOf } from '../peers/client-on-pipe.js'

const count = 400
const topics = Array.from({ length: count }, (_, index) => `in/${index}`)
const messages = topics.map((topic) =>
  encodePacket({ type: 'publish', topic, payload: Buffer.alloc(0), qos: 0, retain: false }),
)

/** From now on the clock of the client is `worked.ms` ahead: so a handler can work for a millisecond without taking it. */
function aheadBy(): { ms: number } {
  const worked = { ms: 0 }
  const real = performance.now.bind(performance)
  const ahead = vi.spyOn(performance, 'now').mockImplementation(() => real() + worked.ms)
  onTestFinished(() => ahead.mockRestore())
  return worked
}

/** Together, the calls of the handler take longer than a turn may. */
function workingHandler() {
  const worked = aheadBy()
  const handled: string[] = []
  const all = gate()
  const handle = ({ topic }: { readonly topic: string }) => {
    worked.ms += 1
    if (handled.push(topic) === count) all.open()
  }
  return { handled, all: all.promise, handle }
}

test('a long read lets the program have its turns, and keeps the order of the messages', async () => {
  const { handled, all, handle } = workingHandler()
  let inOneTurn = count
  const { connection } = await online({
    onMessage: (message) => {
      if (handled.length === 0) setImmediate(() => (inOneTurn = handled.length))
      handle(message)
    },
  })
  connection.sendBytes(Buffer.concat(messages))
  await all
  expect(inOneTurn).toBeLessThan(count)
  expect(handled).toEqual(topics)
})

test('bytes that are no packet end the connection when the messages before them are handled', async () => {
  const { handled, handle } = workingHandler()
  const { client, connection } = await online({ onMessage: handle, reconnect: false })
  connection.sendBytes(Buffer.concat([...messages, Buffer.from([0])]))
  expect(await rejectionOf(client.closed)).toBeInstanceOf(MalformedPacketError)
  expect(handled).toEqual(topics)
})

test('a connection that the server closes behind a long read has ended when the messages are handled', async () => {
  const { handled, handle } = workingHandler()
  const { client, connection } = await online({ onMessage: handle })
  connection.sendBytes(Buffer.concat(messages))
  connection.close()
  await event(client, 'offline')
  expect(handled).toEqual(topics)
})

test('what was read before the connection was cut is handled', async () => {
  const { handled, handle } = workingHandler()
  const { client, connection } = await online({
    onMessage: (message) => {
      if (handled.length === 0) connection.cut()
      handle(message)
    },
  })
  const offline = event(client, 'offline')
  connection.sendBytes(Buffer.concat(messages))
  await offline
  expect(handled).toEqual(topics)
})

test('destroy() by a handler is the end: no message behind it is handled', async () => {
  const { handled, handle } = workingHandler()
  const { client, connection } = await online({
    onMessage: (message) => {
      handle(message)
      if (handled.length === 100) client.destroy()
    },
  })
  const closed = event(client, 'close')
  connection.sendBytes(Buffer.concat(messages))
  await closed
  await new Promise((resolve) => setImmediate(resolve))
  expect(handled).toEqual(topics.slice(0, 100))
})

test('an acknowledgement that waits behind a long read is in time', async () => {
  const { handled, all, handle } = workingHandler()
  const published: Promise<void>[] = []
  const { client, connection } = await online({
    ackTimeoutMs: 100,
    onMessage: (message) => {
      if (handled.length === 0) published.push(client.publish('out', '', { qos: 1 }))
      handle(message)
      // A timer is set for real time, so here the work has to take it.
      const end = Date.now() + 1
      while (Date.now() < end);
    },
  })
  connection.sendBytes(Buffer.concat([...messages, encodePacket({ type: 'puback', packetId: 1 })]))
  await all
  await Promise.all(published)
  expect(client.stats).toMatchObject({ reconnects: 0, resent: 0 })
  expect(client.state).toBe('online')
})
