import { expect, test } from 'vitest'
import { fakeTime, gate, online, quiet } from '../peers/client-on-pipe.js'
import { message } from '../peers/fake-server.js'

test('after DISCONNECT the client closes its side at once, and does not wait for the server to [MQTT-3.14.4-1]', async () => {
  // No time passes here, so it is no time-out that closes.
  fakeTime()
  const { client, connection } = await online()
  const ended = client.end()
  await connection.next('disconnect')
  await connection.ended
  await ended
  expect(connection.names).toEqual(['connect', 'disconnect'])
})

test('nothing follows DISCONNECT: what still arrives is not acknowledged, what ends late is not either [MQTT-3.14.4-2]', async () => {
  const handler = gate()
  const ending = gate<Promise<void>>()
  const onMessage = () => {
    ending.open(client.end())
    return handler.promise
  }
  const { client, connection } = await online({ onMessage })
  connection.send(message('slow', 1, 7))
  const ended = ending.promise
  await connection.next('disconnect')
  connection.send(message('late', 1, 8))
  handler.open()
  await ended
  await quiet()
  expect(connection.names).toEqual(['connect', 'disconnect'])
})
