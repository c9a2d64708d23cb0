#!/usr/bin/env bash
# aedes 1.2.0 (with aedes-persistence 11.0.0): a Session without a subscription is not resumed. The server answers the second CONNECT
# with Session Present 0, although both had Clean Session 0 and the first was accepted [MQTT-3.2.2-2]. With one subscription it
# answers 1. A client that publishes at QoS 2 and never subscribes is told that the server has forgotten its exchanges.
# Printed: Session Present of the second connection, without and with a subscription.
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

async function presentAtSecond(clientId, subscribes) {
  const first = await connected(clientId, false)
  if (subscribes) {
    first.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'a', qos: 1 }] })
    await first.got(({ cmd }) => cmd === 'suback')
  }
  first.socket.destroy()
  await once(broker, 'clientDisconnect')
  const second = await connected(clientId, false)
  return second.connack.sessionPresent
}
assert.equal(await presentAtSecond('without', false), false)
assert.equal(await presentAtSecond('with', true), true)
console.log('Session Present without a subscription: 0; with one: 1')
process.exit(0)
JS
node finding.mjs
