#!/usr/bin/env bash
# ejabberd 23.01 (Debian 12, mod_mqtt): to a client of MQTT 3.1.1 it refuses a Topic Filter by the Return Code 0x8F, which is a Reason Code of
# MQTT 5. In 3.1.1 only 0x00, 0x01, 0x02 and 0x80 exist, and a server must not use others [MQTT-3.9.3-2]. A client that checks its input
# closes the connection, and so all subscriptions fail if one filter has too many levels: ejabberd takes eight (`max_topic_depth`).
# Printed: the Topic Filters of a SUBSCRIBE, and the bytes of its SUBACK.
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

const socket = net.connect({ port, host: '::1' })
const filters = ['1/2/3/4/5/6/7/8', '1/2/3/4/5/6/7/8/9']
const subscriptions = filters.map((topic) => ({ topic, qos: 1 }))
const login = { username: 'anybody', password: 'any' }
socket.write(mqtt.generate({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId: 'a', clean: true, keepalive: 0, ...login }))
socket.write(mqtt.generate({ cmd: 'subscribe', messageId: 1, subscriptions }))
let received = Buffer.alloc(0)
await new Promise((resolve) => {
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes])
    if (received.length >= 10) resolve()
  })
})
console.log(`${filters.join(', ')}: ${received.subarray(4).toString('hex')}`)
assert.equal(received.toString('hex'), '2002000090040001018f')
process.exit(0)
JS
node finding.mjs
