#!/usr/bin/env bash
# mosquitto 2.0.11 (Debian 12, as it ships): the server uses a Packet Identifier again while its exchange is open. It counts up from 1 to
# 65535, and then begins at 1 again without a look at what is unanswered. A subscriber gets one message at QoS 2 and has not sent PUBREC yet;
# of the messages at QoS 1 that come meanwhile, each acknowledged at once, the 65535th has the same identifier, with DUP 0 [MQTT-2.3.1-4].
# The server then takes the PUBACK of this message for a wrong answer to the other one, and closes the connection.
# Printed: the identifier of the held message, which message at QoS 1 has it again, with which DUP, and what the server does at its PUBACK.
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
chmod 755 .
apt-get download -qq -o APT::Sandbox::User=root mosquitto=2.0.11-1.2+deb12u2 libdlt2 libwrap0 libnsl2 libtirpc3 >/dev/null
for package in *.deb; do dpkg -x "$package" debian; done
npm init -y >/dev/null
npm install --silent --no-audit --no-fund mqtt-packet@9.0.2 >/dev/null

cat >finding.mjs <<'JS'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import mqtt from 'mqtt-packet'

setTimeout(() => {
  console.error('no answer within 60 s: the behaviour has changed')
  process.exit(1)
}, 60_000)

const placeholder = net.createServer().listen(0, '::1')
await once(placeholder, 'listening')
const { port } = placeholder.address()
placeholder.close()
await once(placeholder, 'close')
writeFileSync('mosquitto.conf', `listener ${port} ::1\nallow_anonymous true\n`)
const library = `${process.cwd()}/debian/usr/lib/x86_64-linux-gnu:${process.cwd()}/debian/lib/x86_64-linux-gnu`
const broker = spawn('debian/usr/sbin/mosquitto', ['-c', 'mosquitto.conf'], {
  stdio: ['ignore', 'ignore', 'pipe'],
  env: { ...process.env, LD_LIBRARY_PATH: library },
})
process.on('exit', () => broker.kill())
let log = ''
await new Promise((resolve) => {
  broker.stderr.on('data', (text) => {
    log += text
    if (log.includes(' running')) resolve()
  })
})
assert.match(log, /mosquitto version 2\.0\.11/)

async function connected(clientId) {
  const socket = net.connect({ port, host: '::1', noDelay: true })
  const parser = mqtt.parser({ protocolVersion: 4 })
  const seen = []
  let wake = () => {}
  parser.on('packet', (packet) => {
    seen.push(packet)
    wake()
  })
  socket.on('data', (bytes) => parser.parse(bytes))
  socket.on('error', () => {})
  const peer = {
    seen,
    closed: once(socket, 'close'),
    send: (packet) => socket.write(mqtt.generate(packet)),
    count: (cmd) => seen.filter((packet) => packet.cmd === cmd).length,
    async until(condition) {
      while (!condition()) await new Promise((resolve) => (wake = resolve))
    },
  }
  peer.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, clean: true, keepalive: 0 })
  await peer.until(() => peer.count('connack') === 1)
  return peer
}

const subscriber = await connected('subscriber')
subscriber.send({
  cmd: 'subscribe',
  messageId: 1,
  subscriptions: [
    { topic: 'held', qos: 2 },
    { topic: 'a', qos: 1 },
  ],
})
await subscriber.until(() => subscriber.count('suback') === 1)
const publisher = await connected('publisher')
publisher.send({ cmd: 'publish', topic: 'held', payload: 'x', qos: 2, messageId: 65_000 })
await publisher.until(() => publisher.count('pubrec') === 1)
publisher.send({ cmd: 'pubrel', messageId: 65_000 })
await publisher.until(() => publisher.count('pubcomp') === 1)
await subscriber.until(() => subscriber.count('publish') === 1)
const [held] = subscriber.seen.splice(0).filter(({ cmd }) => cmd === 'publish')

let published = 0
function publish() {
  published += 1
  publisher.send({ cmd: 'publish', topic: 'a', payload: 'x', qos: 1, messageId: ((published - 1) % 60_000) + 1 })
}
for (let ahead = 0; ahead < 10; ahead += 1) publish()
let received = 0
let again
while (again === undefined && received < 66_000) {
  await subscriber.until(() => subscriber.seen.length > 0)
  for (const packet of subscriber.seen.splice(0)) {
    assert.deepEqual([packet.cmd, packet.qos], ['publish', 1])
    received += 1
    if (packet.messageId === held.messageId) {
      again = packet
      break
    }
    subscriber.send({ cmd: 'puback', messageId: packet.messageId })
    publisher.seen.length = 0
    publish()
  }
}
subscriber.send({ cmd: 'puback', messageId: again.messageId })
subscriber.send({ cmd: 'pingreq' })
const end = await Promise.race([
  subscriber.closed.then(() => 'the server closes the connection'),
  subscriber.until(() => subscriber.count('pingresp') === 1).then(() => 'the server goes on'),
])
console.log(`held: ${held.messageId}; again: message ${received}, DUP ${Number(again.dup)}; at its PUBACK ${end}`)
assert.deepEqual([held.messageId, received, again.dup], [1, 65_535, false])
assert.equal(end, 'the server closes the connection')
process.exit(0)
JS
node finding.mjs
