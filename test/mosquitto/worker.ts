/**
 * One of several processes that share a subscription: `worker.ts <url> <filter> <clientId>`. It tells its parent 'ready', then
 * the text of each message that it has handled, and ends when it is told to.
 */
import { connect } from 'mqtt311'

const [, , url = '', filter = '', clientId = ''] = process.argv
const client = await connect(url, { clientId, cleanSession: false })
await client.subscribe(filter, { qos: 2 }, async (message) => {
  // Work that takes a turn, so that the processes do share it.
  await new Promise((resolve) => setImmediate(resolve))
  process.send?.(message.text())
})
process.send?.('ready')
process.once('message', async () => {
  await client.end()
  process.disconnect()
})
