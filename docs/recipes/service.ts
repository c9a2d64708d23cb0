import { createServer } from 'node:http'
import { isMqttError, MqttClient } from 'mqtt311'
import { fileStore } from 'mqtt311/store'

const { MQTT_URL = 'mqtt://[::1]', CLIENT_ID = 'orders', SESSION = './session', PORT = '8080' } = process.env

const client = new MqttClient({
  url: MQTT_URL,
  clientId: CLIENT_ID,
  store: fileStore(SESSION),
  // A server that is away at the start is no reason to end: the platform would only start the container again.
  reconnect: { retryInitial: true },
})

// As pid 1 a process ends by SIGTERM only if it listens for it: without this line, every stop takes the whole grace period.
process.once('SIGTERM', () => client.end({ timeoutMs: 8_000 }))

const health = createServer((request, response) => {
  // Alive until the client has ended; ready while it is online. A restart mends no server that is away, so `/alive` does not ask it.
  const isWell = request.url === '/ready' ? client.state === 'online' : client.state !== 'closed'
  response.writeHead(isWell ? 200 : 503).end(client.state)
})
health.listen(Number(PORT))

try {
  await client.connect()
  await client.subscribe('orders/#', { qos: 1 }, async (message) => {
    console.log(`handled ${message.text()}`)
  })
  await client.closed
} catch (error) {
  // SIGTERM before the first connection: connect() rejects with a ClosedError.
  if (!isMqttError(error) || error.code !== 'MQTT_CLOSED') throw error
} finally {
  health.close()
}
