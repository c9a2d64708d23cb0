/** Connects, works and ends. The program does not stop the process, so the process has to end by itself. */
import { connect, MqttClient } from '../../../src/index.js'

const [url = '', way = ''] = process.argv.slice(2)

const client = await connect(url, { keepAlive: 60, queue: { maxAgeMs: 3_600_000 }, pingTimeoutMs: 5_000 })
await client.subscribe('a', () => {})
await client.publish('a', 'x', { qos: 1 })

switch (way) {
  case 'end':
    await client.end()
    break
  case 'end-in-flight':
    client.publish('never-acknowledged', 'x', { qos: 1 }).catch(() => {})
    await client.end({ timeoutMs: 10 })
    break
  case 'destroy':
    client.publish('a', 'x', { qos: 1 }).catch(() => {})
    client.destroy()
    break
  case 'never-connected': {
    const idle = new MqttClient({ url, credentials: () => new Promise(() => {}) })
    idle.connect().catch(() => {})
    idle.publish('a', 'x', { qos: 1 }).catch(() => {})
    await idle.end({ timeoutMs: 10 })
    await client.end()
    break
  }
  default:
    throw new Error(`unknown way: ${way}`)
}
console.log('done')
