#!/usr/bin/env bash
# aedes 1.2.0 (with aedes-persistence 11.0.0): when several messages at QoS 2 are under way to a client with a persistent Session, the
# PUBREL that answers a PUBREC has the Packet Identifier of another message. The standard asks for the identifier of the PUBLISH
# [MQTT-4.3.3-1]. So the first message is never released, another one is released twice, and a client that waits for the right
# PUBREL keeps its state until the Session ends.
# Printed: the Packet Identifiers of the PUBLISHes, and those of the PUBRELs, of which one is missing and another is there twice.
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
    made.onPacket(packet)
    for (const watcher of watchers) watcher()
  })
  socket.on('data', (bytes) => parser.parse(bytes))
  socket.on('error', () => {})
  const made = {
    socket,
    seen,
    onPacket: () => {},
    send: (...packets) => socket.write(Buffer.concat(packets.map((packet) => mqtt.generate(packet)))),
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
  return made
}

async function connected(clientId, clean) {
  const made = peer(port)
  made.send({ cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, clean, keepalive: 60 })
  made.connack = await made.got(({ cmd }) => cmd === 'connack')
  return made
}

const subscriber = await connected('subscriber', false)
subscriber.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 2 }] })
await subscriber.got(({ cmd }) => cmd === 'suback')
const publisher = await connected('publisher', true)
const count = 5
publisher.onPacket = ({ cmd, messageId }) => {
  if (cmd === 'pubrec') publisher.send({ cmd: 'pubrel', messageId })
}
for (let messageId = 1; messageId <= count; messageId += 1) {
  publisher.send({ cmd: 'publish', topic: 'a', payload: String(messageId), qos: 2, messageId })
}
const ids = (wanted) => subscriber.seen.filter(({ cmd }) => cmd === wanted).map(({ messageId }) => messageId)
await subscriber.got(() => ids('publish').length === count)
// All are answered in their order, in one segment.
subscriber.send(...ids('publish').map((messageId) => ({ cmd: 'pubrec', messageId })))
await subscriber.got(() => ids('pubrel').length === count)
console.log(`PUBLISH with the Packet Identifiers ${ids('publish').join(', ')}`)
console.log(`PUBREL  with the Packet Identifiers ${ids('pubrel').join(', ')}`)
assert.equal(new Set(ids('publish')).size, count)
assert.ok(new Set(ids('pubrel')).size < count)
process.exit(0)
JS
node finding.mjs
