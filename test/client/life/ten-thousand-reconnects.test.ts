import { getEventListeners } from 'node:events'
import { expect, onTestFinished, test, vi } from 'vitest'
import { garbageCollector } from '../../garbage-collector.js'
import { fakeTime, online, outcomeOf, quiet } from '../peers/client-on-pipe.js'
import { FakeServer } from '../peers/fake-server.js'

/** A session, a queue and a back-off take a few kilobytes. Ten thousand objects of any kind take more than this bound. */
const growthBytesMax = 1_000_000

test('after ten thousand reconnects there are as many timers and listeners as after one, and the heap has not grown', async () => {
  const collect = garbageCollector()
  const { signal } = new AbortController()
  fakeTime()
  // A spy would remember every call.
  const { random } = Math
  Math.random = () => 0
  onTestFinished(() => {
    Math.random = random
  })
  const server = new FakeServer()
  const reconnect = { minDelayMs: 1, maxDelayMs: 1 }
  const { client, connection } = await online(
    { cleanSession: false, clientId: 'c', keepAlive: 60, signal, reconnect },
    server,
  )
  connection.serve()
  await client.subscribe('a', () => {})
  server.serve()
  let current = connection
  /** Connects once more. A message at QoS 1 waits for the connection, and the end of the connection interrupts one at QoS 2. */
  async function again(): Promise<void> {
    current.cut()
    while (client.state === 'online') await quiet()
    const published = client.publish('b', 'x', { qos: 1 })
    while (server.connections.length < 2) {
      vi.advanceTimersByTime(1)
      await quiet()
    }
    current = await server.admitted(true)
    // Otherwise the memory of old connections in this test would count.
    server.connections.shift()
    await published
    // After short connections the next one would be quiet at first.
    vi.advanceTimersByTime(30_000)
    client.publish('c', 'x', { qos: 2 })
  }
  const counts = () => [
    vi.getTimerCount(),
    client.eventNames().map((name) => client.listenerCount(name)),
    getEventListeners(signal, 'abort').length,
    process.eventNames().map((name) => process.listenerCount(name)),
  ]
  const heapBytes = () => {
    collect()
    collect()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    return heapUsed + arrayBuffers
  }
  // In the first turn after CONNACK nothing is delivered. It has to be over.
  vi.advanceTimersByTime(1)
  await again()
  const afterOne = counts()
  // Node 22 compiles code during the first ten thousand, which adds a megabyte. Two thirds of that come in the first four
  // thousand.
  while (client.stats.reconnects < 4_000) await again()
  const early = heapBytes()
  while (client.stats.reconnects < 14_000) await again()
  const grown = heapBytes() - early
  expect(counts()).toEqual(afterOne)
  expect(grown).toBeLessThan(growthBytesMax)
  expect(await outcomeOf(client.end())).toEqual({ value: undefined })
  expect(vi.getTimerCount()).toBe(0)
}, 60_000)
