const { expect, test } = require('@jest/globals')
const { connect } = require('mqtt311')
const { testServer } = require('mqtt311/testing')

/** The program under test. */
async function obey(client) {
  await client.subscribe('lamp/set', { qos: 1 }, async (message) => {
    await client.publish('lamp/state', message.payload, { qos: 1, retain: true })
  })
}

test('the lamp says what it was told, also after its connection was cut', async () => {
  const server = await testServer()
  const client = await connect(server.url, { reconnect: { minDelayMs: 1, maxDelayMs: 1 } })
  try {
    await obey(client)
    await server.receives('subscribe')
    server.cut()
    // The client comes back, and subscribes again by itself.
    await server.receives('subscribe')
    // Resolves when the handler has ended.
    await server.publish('lamp/set', 'on', { qos: 1 })
    expect(server.retained.get('lamp/state')?.toString()).toBe('on')
  } finally {
    // What stays open keeps jest waiting: see `jest --detectOpenHandles`.
    await client.end()
    await server.close()
  }
})
