#!/usr/bin/env bash
# ejabberd 23.01 (Debian 12, mod_mqtt): a subscriber gets one message at QoS 1, and nothing else until it has sent PUBACK, not even messages at
# QoS 0 of other topics. MQTT lets a server have up to 65,535 of them under way, and no acknowledgement is due for QoS 0. A client that
# acknowledges when its handler has ended so gets one message a round trip, and one slow handler holds back all topics.
# Four messages are published; a PINGREQ after each step shows that all has come.
# Printed: what the subscriber has got, before and behind its PUBACKs.
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
chmod 755 .
needs='--recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances'
# shellcheck disable=SC2086
libraries=$(apt-cache depends $needs ejabberd | grep -E '^(erlang-|lib(yaml|expat|odbc|ltdl|systemd|sctp))' | sort -u)
# shellcheck disable=SC2086
apt-get download -qq -o APT::Sandbox::User=root ejabberd=23.01-1 $libraries >/dev/null
for package in *.deb; do dpkg -x "$package" debian; done
npm init -y >/dev/null
npm install --silent --no-audit --no-fund mqtt-packet@9.0.2 >/dev/null
sed -i "s#^ROOTDIR=.*#ROOTDIR=$PWD/debian/usr/lib/erlang#" debian/usr/lib/erlang/bin/erl
export PATH=$PWD/debian/usr/lib/erlang/bin:$PATH LD_LIBRARY_PATH=$PWD/debian/usr/lib/x86_64-linux-gnu

cat >finding.mjs <<'JS'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
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

const home = process.cwd()
mkdirSync('spool')
writeFileSync('inetrc', '')
writeFileSync(
  'ejabberd.yml',
  `hosts: [localhost]
auth_method: [anonymous]
anonymous_protocol: login_anon
listen:
  - {port: ${port}, ip: "::1", module: mod_mqtt}
modules:
  mod_mqtt: {}
`,
)
const env = {
  ...process.env,
  HOME: home,
  EJABBERD_CONFIG_PATH: `${home}/ejabberd.yml`,
  EJABBERD_LOG_PATH: `${home}/ejabberd.log`,
  ERL_CRASH_DUMP: `${home}/erl_crash.dump`,
  ERL_INETRC: `${home}/inetrc`,
  ERL_MAX_PORTS: '32000',
  ERL_LIBS: `${home}/debian/usr/lib/x86_64-linux-gnu`,
}
// It prints the version when the server has started.
const version = '{ok, V} = application:get_key(ejabberd, vsn), io:format("ejabberd ~s~n", [V]).'
const args = ['-noinput', '-mnesia', 'dir', `"${home}/spool"`, '-s', 'ejabberd', '-eval', version]
const server = spawn('erl', args, { env, stdio: ['ignore', 'pipe', 'ignore'] })
process.on('exit', () => server.kill())
let log = ''
await new Promise((resolve) => {
  server.stdout.on('data', (text) => {
    log += text
    if (/^ejabberd \d/m.test(log)) resolve()
  })
})
assert.match(log, /^ejabberd 23\.01/m)

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
  const login = { username: 'anybody', password: 'any' }
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

const subscriber = await connected('subscriber', true)
subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'one/+', qos: 1 }, { topic: 'zero/+', qos: 0 }] })
await subscriber.until('suback')
for (const topic of ['one/a', 'zero/a', 'zero/b', 'one/b']) await publish(topic)

let pings = 0
async function topics() {
  subscriber.send({ cmd: 'pingreq' })
  pings += 1
  await subscriber.until('pingresp', pings)
  return subscriber.of('publish').map(({ topic }) => topic).join(' ')
}
const { messageId } = await subscriber.until('publish')
const steps = [await topics()]
subscriber.send({ cmd: 'puback', messageId })
await subscriber.until('publish', 4)
steps.push(await topics())
console.log(`before PUBACK: ${steps[0]}\nafter PUBACK: ${steps[1]}`)
assert.deepEqual(steps, ['one/a', 'one/a zero/a zero/b one/b'])
process.exit(0)
JS
node finding.mjs
