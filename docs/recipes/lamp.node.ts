import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, type MqttClient } from 'mqtt311'
import { testServer } from 'mqtt311/testing'

/** The program under test. */
async function obey(client: MqttClient): Promise<void> {
  await client.subscribe('lamp/set', { qos: 1 }, async (message) => {
    await client.publish('lamp/state', message.payload, { qos: 1, retain: true })
  })
}

test('the lamp says what it was told, also after its connection was cut', async (context) => {
  const server = await testServer()
  const client = await connect(server.url, { reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
  // Until both are closed, the test file does not end.
  context.after(async () => {
    await client.end()
    await server.close()
  })
  await obey(client)
  await server.receives('subscribe')
  server.cut()
  // The client comes back, and subscribes again by itself.
  await server.receives('subscribe')
  // Resolves when the handler has ended.
  await server.publish('lamp/set', 'on', { qos: 1 })
  assert.equal(server.retained.get('lamp/state')?.toString(), 'on')
})
