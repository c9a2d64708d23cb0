#!/usr/bin/env bash
# aedes 1.2.0 (with aedes-persistence 11.0.0): a PUBLISH that is sent again on a resumed Session has DUP 0.
# The standard asks for DUP 1 [MQTT-3.3.1-1]. So a client may not read DUP 0 as "this is a new message" after a resumption.
# Printed: first sending: Packet Identifier the same, DUP 0; second sending: the same Packet Identifier, DUP 0.
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund aedes@1.2.0 aedes-persistence@11.0.0 mqtt-packet@9.0.2 >/dev/null

cat >finding.mjs <<'JS'
import assert from 'node:assert/strict'
import { once } from 'node:events'
import net from 'node:net'
import { Aedes } from 'aedes'
import mqtt from 'mqtt-packet'

setTimeout(() => {
  console.error('no answer within 30 s: the behaviour has changed')
  process.exit(1)
}, 30_000)

const broker = await Aedes.createBroker()
const server = net.createServer(broker.handle)
server.listen(0, '::1')
await once(server, 'listening')
const { port } = server.address()

function peer(port) {
  const socket = net.connect(port, '::1')
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

async function connected(clientId, clean) {
  const made = peer(port)
  made.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, clean, keepalive: 60 })
  made.connack = await made.got(({ cmd }) => cmd === 'connack')
  return made
}

const subscriber = await connected('subscriber', false)
subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] })
await subscriber.got(({ cmd }) => cmd === 'suback')
const publisher = await connected('publisher', true)
publisher.send({ cmd: 'publish', topic: 'a', payload: 'x', qos: 1, messageId: 1 })
const first = await subscriber.got(({ cmd }) => cmd === 'publish')
// No PUBACK: the server has to send the message again on the next connection.
subscriber.socket.destroy()
await once(broker, 'clientDisconnect')

const resumed = await connected('subscriber', false)
const second = await resumed.got(({ cmd }) => cmd === 'publish')
assert.equal(resumed.connack.sessionPresent, true)
assert.equal(second.messageId, first.messageId)
assert.equal(first.dup, false)
assert.equal(second.dup, false)
console.log('Session Present 1; the same Packet Identifier and DUP 0 on both connections')
process.exit(0)
JS
node finding.mjs
