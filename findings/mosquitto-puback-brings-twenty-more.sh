#!/usr/bin/env bash
# mosquitto 2.0.11 (Debian 12, as it ships: max_inflight_messages 20): a subscriber that acknowledges the oldest of 20 unanswered messages
# gets 20 more, not one. So the number of messages that it has not acknowledged grows by 19 with each PUBACK, without a bound but its queue.
# 500 retained messages at QoS 1; one PUBACK at a time, in the order of the messages; a PINGREQ behind each shows that all has come.
# Printed: how many PUBLISH the subscriber has got after 0, 1, 2, 3, 4 and 5 PUBACKs.
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
  console.error('no answer within 30 s: the behaviour has changed')
  process.exit(1)
}, 30_000)

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
  const peer = {
    seen,
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

const publisher = await connected('publisher')
for (let number = 1; number <= 500; number += 1)
  publisher.send({ cmd: 'publish', topic: `a/${number}`, payload: 'x', qos: 1, messageId: number, retain: true })
await publisher.until(() => publisher.count('puback') === 500)

const subscriber = await connected('subscriber')
subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/#', qos: 1 }] })
async function received() {
  const pings = subscriber.count('pingresp')
  subscriber.send({ cmd: 'pingreq' })
  await subscriber.until(() => subscriber.count('pingresp') > pings)
  return subscriber.count('publish')
}
const counts = [await received()]
for (let acknowledged = 0; acknowledged < 5; acknowledged += 1) {
  const oldest = subscriber.seen.filter(({ cmd }) => cmd === 'publish')[acknowledged]
  subscriber.send({ cmd: 'puback', messageId: oldest.messageId })
  counts.push(await received())
}
console.log(counts.join(' '))
assert.deepEqual(counts, [20, 40, 60, 80, 100, 120])
process.exit(0)
JS
node finding.mjs
