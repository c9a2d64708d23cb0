/** Asks for many things that are refused or fail, and awaits none of them: the process has to live on, and end well. */
import { connect, MqttClient } from '../../../src/index.js'

const [url = ''] = process.argv.slice(2)

const offline = new MqttClient({ url, queue: { maxMessages: 1 } })
offline.publish('a/#', 'a wildcard')
offline.publish('a', 'in the queue', { qos: 1 })
offline.publish('a', 'one too many', { qos: 1 })
offline.publish('a', 'aborted', { qos: 1, signal: AbortSignal.abort() })
offline.subscribe('a#')
offline.subscribe('a', { signal: AbortSignal.abort() })
offline.messages('a#')
offline.messages('waits for a connection')
offline.unsubscribe([])
offline.unsubscribe('waits too')
offline.end({ timeoutMs: -1 })
offline.destroy()
offline.connect()
offline.publish('a', 'closed')

new MqttClient({ url: 'mqtt://127.0.0.1:1' }).connect()
new MqttClient({ url: 'mqtt://127.0.0.1:1' }).connect({ signal: AbortSignal.abort() })

const client = await connect(url, { reconnect: false })
const subscription = await client.subscribe('a')
const stream = await client.messages('b')
client.publish('a', 'never acknowledged', { qos: 1 })
client.publish('a', 'never acknowledged', { qos: 2 })
stream.next()
stream.return?.()
const other = await client.messages('d')
other.next()
subscription.unsubscribe()
client.unsubscribe('c')
client.connect()
client.closed
client.destroy(new Error('on purpose'))
other.next()
other.throw?.(new Error('into the loop'))
// Rejections that nobody handles are reported when the promises of this turn are through.
setImmediate(() => console.log('alive'))
