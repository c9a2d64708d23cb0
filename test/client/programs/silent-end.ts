/**
 * A client that ends in one of several ways. The process ends with the error only if the program neither asked for it nor
 * hears of it.
 */
import { connect, MqttClient } from '../../../src/index.js'

const [url = '', way = ''] = process.argv.slice(2)
const client = (options = {}) => connect(url, { reconnect: false, ...options })

switch (way) {
  case 'connect() failed, and that was caught':
    await new MqttClient({ url: 'mqtt://127.0.0.1:1', reconnect: false }).connect().catch(() => {})
    break
  case 'the signal was aborted': {
    const shutdown = new AbortController()
    await client({ signal: shutdown.signal })
    shutdown.abort()
    break
  }
  case 'destroy() was given an error': {
    const destroyed = await client()
    destroyed.destroy(new Error('on purpose'))
    break
  }
  case 'a loop caught the error': {
    const looping = await client()
    try {
      for await (const message of await looping.messages('cut')) console.log(message.topic)
    } catch {}
    break
  }
  case 'await using was left': {
    await using scoped = await client()
    await scoped.publish('a', 'x', { qos: 1 })
    break
  }
  case 'a listener for close heard it':
    await client({ on: { close() {} } }).then((listened) => listened.subscribe('cut').catch(() => {}))
    break
  case 'nobody heard it': {
    const unheard = await client()
    await unheard.subscribe('message', () => {
      throw new Error('the database is away')
    })
    break
  }
}
console.log('done')
