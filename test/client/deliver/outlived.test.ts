import { once } from 'node:events'
import { expect, test, vi } from 'vitest'
import { memoryStore, type SessionStore } from '../../../src/store/index.js'
import { fakeTime, online, pass, watch } from '../peers/client-on-pipe.js'
import { FakeServer } from '../peers/fake-server.js'

test('a loop over messages() ends when its filter is unsubscribed from outside', async () => {
  const { client, connection } = await online()
  connection.serve()
  const stream = await client.messages('a/#')
  const next = stream.next()
  await client.unsubscribe('a/#')
  expect(await next).toEqual({ done: true, value: undefined })
})

test('end() resolves although the session store never closes, and says so in its close event', async () => {
  fakeTime()
  const inner = memoryStore()
  const stuck: SessionStore = {
    durable: true,
    open: (sessionId) => inner.open(sessionId),
    append: (records) => inner.append(records),
    close: () => new Promise(() => {}),
  }
  const server = new FakeServer()
  server.serve()
  const { client } = await online({ store: stuck, clientId: 'c' }, server)
  const told: unknown[] = []
  client.on('close', (event) => told.push(event))
  const ended = watch(client.end())
  await pass(20_000)
  expect(ended.state).toBe('resolved')
  expect(told).toMatchObject([{ error: { code: 'MQTT_STORE' } }])
})

test("waiting with once() of node:events is no habit that needs a warning, though it listens for 'error' too", async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  const { client } = await online()
  const closed = once(client, 'close')
  await client.end({ timeoutMs: 1 })
  await closed
  expect(warned).not.toHaveBeenCalled()
})
