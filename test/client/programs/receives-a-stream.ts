/** Receives until the server ends the connection. Its clock is so slow that every read seems to follow the last one at once. */
import { Socket } from 'node:net'
import { MqttClient } from '../../../src/index.js'

const [url = ''] = process.argv.slice(2)

let now = 0
performance.now = () => {
  now += 0.05
  return now
}

/** Only a rest pauses the socket of a client that handles each message at once. */
let isRested = false
const { pause } = Socket.prototype
Socket.prototype.pause = function (this: Socket) {
  isRested = true
  return pause.call(this)
}

let messages = 0
const client = new MqttClient({
  url,
  keepAlive: 0,
  reconnect: false,
  onMessage() {
    messages += 1
  },
  on: {
    close: () => console.log(isRested ? `rested, ${messages} messages` : `${messages} messages`),
  },
})
client.closed.catch(() => {})
await client.connect()
