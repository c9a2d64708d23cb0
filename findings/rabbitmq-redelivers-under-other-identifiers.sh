#!/usr/bin/env bash
# RabbitMQ 3.10.8 (Debian 12, plug-in rabbitmq_mqtt): on a resumed Session a message at QoS 1 comes again, with DUP 1, under the Packet
# Identifier of another message. The standard asks for the original identifiers [MQTT-4.4.0-1]. RabbitMQ counts from 1 on each connection.
# So a client may not take "DUP 1 and an identifier that I know" for a copy of the message that had this identifier.
# Three messages; the first one is acknowledged before the connection ends.
# Printed: for each connection, the Packet Identifier, the payload and DUP of each message.
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
chmod 755 .
erlang=1:25.2.3+dfsg-1+deb12u4
packages=rabbitmq-server=3.10.8-1.1+deb12u1
for part in base crypto asn1 eldap ftp inets mnesia os-mon parsetools public-key runtime-tools ssl syntax-tools tftp tools xmerl; do
  packages+=" erlang-$part=$erlang"
done
# shellcheck disable=SC2086
apt-get download -qq -o APT::Sandbox::User=root $packages libsctp1 libsystemd0 >/dev/null
for package in *.deb; do dpkg -x "$package" debian; done
npm init -y >/dev/null
npm install --silent --no-audit --no-fund mqtt-packet@9.0.2 >/dev/null
sed -i "s#^ROOTDIR=.*#ROOTDIR=$PWD/debian/usr/lib/erlang#" debian/usr/lib/erlang/bin/erl
export PATH=$PWD/debian/usr/lib/erlang/bin:$PATH LD_LIBRARY_PATH=$PWD/debian/usr/lib/x86_64-linux-gnu

cat >finding.mjs <<'JS'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import mqtt from 'mqtt-packet'

setTimeout(() => {
  console.error('no answer within 90 s: the behaviour has changed')
  process.exit(1)
}, 90_000)

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => net.createServer().listen(0, '::1'))
  await Promise.all(servers.map((server) => once(server, 'listening')))
  const ports = servers.map((server) => server.address().port)
  for (const server of servers) server.close()
  await Promise.all(servers.map((server) => once(server, 'close')))
  return ports
}

const home = process.cwd()
const [port, amqp, distribution, epmd] = await freePorts(4)
writeFileSync('rabbitmq.conf', `listeners.tcp.1 = ::1:${amqp}\nmqtt.listeners.tcp.1 = ::1:${port}\nlog.console = true\n`)
writeFileSync('enabled_plugins', '[rabbitmq_mqtt].')
const env = {
  ...process.env,
  HOME: home,
  RABBITMQ_NODENAME: `finding${port}@localhost`,
  RABBITMQ_MNESIA_BASE: `${home}/mnesia`,
  RABBITMQ_LOG_BASE: `${home}/log`,
  RABBITMQ_CONFIG_FILE: `${home}/rabbitmq.conf`,
  RABBITMQ_ENABLED_PLUGINS_FILE: `${home}/enabled_plugins`,
  RABBITMQ_CONF_ENV_FILE: '/dev/null',
  RABBITMQ_DIST_PORT: `${distribution}`,
  ERL_EPMD_PORT: `${epmd}`,
  ERL_EPMD_ADDRESS: '127.0.0.1',
}
const erts = readdirSync('debian/usr/lib/erlang').find((name) => name.startsWith('erts-'))
const names = spawn(`debian/usr/lib/erlang/${erts}/bin/epmd`, ['-port', `${epmd}`], { env, stdio: 'ignore' })
const sbin = 'debian/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/sbin'
const server = spawn('setsid', [`${sbin}/rabbitmq-server`], { env, stdio: ['ignore', 'pipe', 'ignore'] })
process.on('exit', () => {
  process.kill(-server.pid)
  names.kill()
})
let log = ''
await new Promise((resolve) => {
  server.stdout.on('data', (text) => {
    log += text
    if (log.includes('Server startup complete')) resolve()
  })
})
assert.match(log, /RabbitMQ 3\.10\.8/)

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
  const login = { username: 'guest', password: 'guest' }
  peer.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, clean, keepalive: 0, ...login })
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
    for (const topic of ['a/1', 'a/2', 'a/3']) await publish(topic)
  }
  await subscriber.until('publish', connection === 'first' ? 3 : 2)
  const messages = subscriber.of('publish').map(({ messageId, topic, dup }) => `${messageId} is ${topic} with DUP ${Number(dup)}`)
  seen.push(messages)
  console.log(`${connection} connection: ${messages.join(', ')}`)
  if (connection === 'first') subscriber.send({ cmd: 'puback', messageId: 1 })
  subscriber.send({ cmd: 'pingreq' })
  await subscriber.until('pingresp')
  await subscriber.end()
}
assert.deepEqual(seen, [
  ['1 is a/1 with DUP 0', '2 is a/2 with DUP 0', '3 is a/3 with DUP 0'],
  ['1 is a/2 with DUP 1', '2 is a/3 with DUP 1'],
])
process.exit(0)
JS
node finding.mjs
