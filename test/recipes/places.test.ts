/** A worker thread, and a function that is frozen between two calls. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { TestServer } from 'mqtt311/testing'
import { expect, onTestFinished, test } from 'vitest'
import { handler } from '../../docs/recipes/lambda.js'
import { builtProgram } from '../built-program.js'
import { recipeUrl } from './recipes.js'

async function broker(): Promise<TestServer> {
  const server = new TestServer()
  await server.start()
  onTestFinished(() => server.close())
  return server
}

test('a worker has its own client, tells the main thread what comes, and says goodbye at SIGTERM', async () => {
  const server = await broker()
  const env = { ...process.env, MQTT_URL: server.url }
  const child = spawn(process.execPath, [await builtProgram(recipeUrl('worker.ts'))], { env })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  expect((await lines.next()).value).toBe('subscribed')
  await server.publish('orders/7', 'two lamps', { qos: 1 })
  expect((await lines.next()).value).toBe('orders/7 two lamps')
  child.kill('SIGTERM')
  await server.receives('disconnect')
  expect(await once(child, 'close')).toEqual([0, null])
})

test('a function that was frozen publishes on a new connection within seconds, if the old one has died', async () => {
  const server = await broker()
  process.env.MQTT_URL = server.url
  onTestFinished(() => {
    delete process.env.MQTT_URL
  })
  expect(await handler({ id: '1' })).toEqual({ statusCode: 202 })
  const first = await server.accepts()
  await server.receives('publish', { topic: 'orders/1' })
  // The connection dies while the function is frozen: what is sent on it goes nowhere, and no end of it comes.
  first.stopReading()
  expect(await handler({ id: '2' })).toEqual({ statusCode: 202 })
  await server.receives('publish', { topic: 'orders/2' })
  const second = await server.accepts()
  expect(await handler({ id: '3' })).toEqual({ statusCode: 202 })
  await second.receives('publish', { topic: 'orders/3' })
  await server.close()
})
