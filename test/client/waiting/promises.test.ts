import { expect, test } from 'vitest'
import type { MqttClient } from '../../../src/index.js'
import { event, online } from '../peers/client-on-pipe.js'

const patient = { reconnect: { minDelayMs: 60_000, maxDelayMs: 60_000 } }

/** A client that is offline, and one that has ended, reject these at once. */
const calls: [string, (client: MqttClient) => Promise<unknown>][] = [
  ['publish() while offline', (client) => client.publish('a', '')],
  ['ping() while offline', (client) => client.ping()],
  ['publish() of a wrong topic', (client) => client.publish('a#', '', { qos: 1 })],
  ['subscribe() of a wrong filter', (client) => client.subscribe('a#')],
  ['messages() of a wrong filter', (client) => client.messages('a#')],
  ['unsubscribe() of a wrong filter', (client) => client.unsubscribe('a#')],
  ['a second connect()', (client) => client.connect()],
]

test.each(calls)('%s, tried again and again in a loop, leaves the event loop its turns', async (_, call) => {
  const { client, connection } = await online(patient)
  connection.cut()
  await event(client, 'offline')
  let turns = 0
  const timer = setInterval(() => {
    turns += 1
  }, 0)
  let rejections = 0
  while (turns < 2 && rejections < 50_000) {
    await call(client).catch(() => {})
    rejections += 1
  }
  clearInterval(timer)
  expect(turns).toBe(2)
})
