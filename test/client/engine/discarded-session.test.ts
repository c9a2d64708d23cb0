import { expect, test } from 'vitest'
import { clientOf, event } from '../peers/client-on-pipe.js'
import { FakeServer } from '../peers/fake-server.js'

const reconnect = { minDelayMs: 1, maxDelayMs: 1, retryInitial: true }

test('a clean session is asked for at every attempt, until a server has accepted one [3.1.2.4 discarding state]', async () => {
  const server = new FakeServer()
  const client = clientOf(server, { cleanSession: true, clientId: 'c', reconnect })
  client.connect().catch(() => {})
  const asked: boolean[] = []
  for (let attempt = 1; attempt <= 3; attempt += 1) {
    const connection = await server.accepted()
    asked.push((await connection.next('connect')).cleanSession)
    connection.cut()
  }
  const online = event(client, 'online')
  asked.push((await (await server.accepted()).admit()).cleanSession)
  await online
  expect(asked).toEqual([true, true, true, true])
})
