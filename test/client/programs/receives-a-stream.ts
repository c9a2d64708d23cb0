/**
 * Receives until the server ends the connection, and publishes once after the first rest of its socket. Its clock is so slow that every
 * read seems to follow the last one at once.
 */
import { Socket } from 'node:net'
import { MqttClient } from '../../../src/index.js'

const [url = ''] = process.argv.slice(2)

let now = 0
performance.now = () => {
  now += 0.01
  return now
}

/** Only a rest pauses the socket of a client that handles each message at once. */
let hasRested = false
const { pause } = Socket.prototype
Socket.prototype.pause = function (this: Socket) {
  hasRested = true
  return pause.call(this)
}

let messages = 0
let hasTold = false
const client = new MqttClient({
  url,
  keepAlive: 0,
  reconnect: false,
  onMessage() {
    messages += 1
    if (!hasRested || hasTold) return
    hasTold = true
    client.publish('rested', '').catch(() => {})
  },
  on: {
    close: () => console.log(hasRested ? `rested, ${messages} messages` : `${messages} messages`),
  },
})
client.closed.catch(() => {})
await client.connect()
