#!/usr/bin/env bash
# MQTT.js 5.16.0: a message at QoS 2 is reported as delivered, and the server never gets it.
# The connection ends behind PUBREC. The next CONNACK says Session Present 0: the server has forgotten the exchange. MQTT.js sends
# PUBREL and not PUBLISH, takes PUBCOMP, and calls the callback of publish() without an error. PUBREL has no payload, so the message
# is lost. A client that sends PUBLISH again after Session Present 0 loses nothing.
# Printed: what the server got on each connection, and the result of publish().
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund mqtt@5.16.0 mqtt-packet@9.0.2 >/dev/null

cat >finding.mjs <<'JS'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { connect } from 'mqtt'
import mqtt from 'mqtt-packet'

setTimeout(() => {
  console.error('no answer within 30 s: the behaviour has changed')
  process.exit(1)
}, 30_000)

function peer(socket) {
  const parser = mqtt.parser({ protocolVersion: 4 })
  const seen = []
  const watchers = new Set()
  parser.on('packet', (packet) => {
    seen.push(packet)
    for (const watcher of watchers) watcher()
  })
  socket.on('data', (bytes) => parser.parse(bytes))
  socket.on('error', () => {})
  return {
    socket,
    seen,
    send: (packet) => socket.write(mqtt.generate(packet)),
    got: (wanted) =>
      new Promise((resolve) => {
        const watcher = () => {
          const packet = seen.find(wanted)
          if (packet === undefined) return
          watchers.delete(watcher)
          resolve(packet)
        }
        watchers.add(watcher)
        watcher()
      }),
  }
}

const connections = []
const server = net.createServer((socket) => {
  const connection = peer(socket)
  connections.push(connection)
  const number = connections.length
  connection.got(({ cmd }) => cmd === 'connect').then(() => connection.send({ cmd: 'connack', sessionPresent: false, returnCode: 0 }))
  connection.got(({ cmd }) => cmd === 'publish').then(({ messageId }) => {
    connection.send({ cmd: 'pubrec', messageId })
    // The first connection ends behind PUBREC, so PUBREL is not read there.
    if (number === 1) socket.destroySoon()
  })
  connection.got(({ cmd }) => cmd === 'pubrel').then(({ messageId }) => connection.send({ cmd: 'pubcomp', messageId }))
})
server.listen(0, '::1')
await once(server, 'listening')

const client = connect(`mqtt://[::1]:${server.address().port}`, { clientId: 'sender', clean: false, reconnectPeriod: 50 })
const result = await new Promise((resolve) => client.publish('a', 'x', { qos: 2 }, (error) => resolve(error ?? 'delivered')))
const got = connections.map(({ seen }) => seen.map(({ cmd }) => cmd).join(' '))
assert.equal(result, 'delivered')
assert.deepEqual(got, ['connect publish', 'connect pubrel'])
console.log(`connection 1: ${got[0]}`)
console.log(`connection 2, Session Present 0: ${got[1]}`)
console.log(`publish(): ${result}`)
process.exit(0)
JS
node finding.mjs
