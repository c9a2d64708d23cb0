#!/usr/bin/env bash
# aedes 1.2.0 (with aedes-persistence 11.0.0): a client subscribes to `a/#` at QoS 0 and to `a/b` at QoS 1, and both are granted.
# A PUBLISH to `a/b` at QoS 1 comes once, at QoS 0. The standard asks for the highest granted QoS of all the filters that match
# [MQTT-3.3.5-1]; mosquitto does so, others send a copy for each filter. So a wide filter at QoS 0 takes the guarantee of a narrow one.
# Printed: the copies of the message with their QoS.
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

const subscriber = await connected('subscriber', true)
subscriber.send({
  cmd: 'subscribe',
  messageId: 1,
  subscriptions: [
    { topic: 'a/#', qos: 0 },
    { topic: 'a/b', qos: 1 },
    { topic: 'last', qos: 0 },
  ],
})
const { granted } = await subscriber.got(({ cmd }) => cmd === 'suback')
assert.deepEqual([...granted], [0, 1, 0])
const publisher = await connected('publisher', true)
publisher.send({ cmd: 'publish', topic: 'a/b', payload: 'x', qos: 1, messageId: 1 })
await publisher.got(({ cmd }) => cmd === 'puback')
publisher.send({ cmd: 'publish', topic: 'last', payload: '', qos: 0 })
await subscriber.got(({ cmd, topic }) => cmd === 'publish' && topic === 'last')
const copies = subscriber.seen.filter(({ cmd, topic }) => cmd === 'publish' && topic === 'a/b').map(({ qos }) => qos)
assert.deepEqual(copies, [0])
console.log(`granted at QoS 0 and 1; came ${copies.length} time, at QoS ${copies[0]}`)
process.exit(0)
JS
node finding.mjs
