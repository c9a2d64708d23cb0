#!/usr/bin/env bash
# NATS server 2.9.10 (Debian 12): on a resumed Session, messages at QoS 1 that were not acknowledged come again behind newer ones. They have
# to come first, in their original order [MQTT-4.6.0-1]. The server sends them when `ack_wait` is over since it sent them last: 30 s as it
# ships, 2 s here. A newer message comes at once. So the last value that a subscriber gets on a topic may be an old one.
# Printed: for each connection, the messages in the order in which they come.
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
chmod 755 .
apt-get download -qq -o APT::Sandbox::User=root nats-server=2.9.10-1+b3 >/dev/null
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

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '::1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => server.address().port)
  for (const server of servers) server.close()
  await Promise.all(servers.map((server) => once(server, 'close')))
  return ports
}

const [port, clients] = await freePorts(2)
const settings = `mqtt { listen: "[::1]:${port}"\nack_wait: "2s" }`
writeFileSync('nats.conf', `server_name: a\nlisten: "[::1]:${clients}"\njetstream { store_dir: "${process.cwd()}/js" }\n${settings}\n`)
const server = spawn('debian/usr/sbin/nats-server', ['-c', 'nats.conf'], { stdio: ['ignore', 'ignore', 'pipe'] })
process.on('exit', () => server.kill())
let log = ''
await new Promise((resolve) => {
  server.stderr.on('data', (text) => {
    log += text
    if (log.includes('Server is ready')) resolve()
  })
})
assert.match(log, /Version: +2\.9\.10/)

/** A connection: what has come on it, and a way to wait. */
async function connected(clientId, clean) {
  const socket = net.connect({ port, host: '::1', noDelay: true })
  const parser = mqtt.parser({ protocolVersion: 4 })
  const seen = []
  let wake = () => {}
  parser.on('packet', (packet) => {
    seen.push(packet)
    wake()
  })
  socket.on('data', (bytes) => parser.parse(bytes))
  const of = (cmd) => seen.filter((packet) => packet.cmd === cmd)
  const peer = {
    of,
    send: (packet) => socket.write(mqtt.generate(packet)),
    async until(cmd, count = 1) {
      while (of(cmd).length < count) await new Promise((resolve) => (wake = resolve))
      return of(cmd)[count - 1]
    },
    async end() {
      socket.end(mqtt.generate({ cmd: 'disconnect' }))
      await once(socket, 'close')
    },
  }
  peer.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, clean, keepalive: 0 })
  await peer.until('connack')
  return peer
}

const publisher = await connected('publisher', true)
let published = 0
async function publish(topic) {
  published += 1
  publisher.send({ cmd: 'publish', topic, payload: 'x', qos: 1, messageId: published })
  await publisher.until('puback', published)
}

const seen = []
for (const connection of ['first', 'second']) {
  const subscriber = await connected('subscriber', false)
  if (connection === 'first') {
    subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a/+', qos: 1 }] })
    await subscriber.until('suback')
    await publish('a/1')
    await publish('a/2')
    await subscriber.until('publish', 2)
  } else {
    const { sessionPresent } = await subscriber.until('connack')
    assert.equal(sessionPresent, true)
    await publish('a/3')
    await subscriber.until('publish', 3)
  }
  const messages = subscriber.of('publish').map(({ topic, dup }) => `${topic} with DUP ${Number(dup)}`)
  seen.push(messages)
  console.log(`${connection} connection: ${messages.join(', ')}`)
  await subscriber.end()
}
assert.deepEqual(seen, [
  ['a/1 with DUP 0', 'a/2 with DUP 0'],
  ['a/3 with DUP 0', 'a/1 with DUP 1', 'a/2 with DUP 1'],
])
process.exit(0)
JS
node finding.mjs
