#!/usr/bin/env bash
# mqtt-jsonl-store 0.2.1 (the last one for Node 20) with MQTT.js 5.16.0: a store for messages under way, which keeps them in memory for up to
# a minute. It says to MQTT.js at once that a message is stored, and writes its file every 60 s, or when 2,000 changes wait. An option shortens
# that to one second at least; the README names neither. So a program that is killed loses what it has published at QoS 1.
# With mqtt-level-store 3.1.0 the same program sends the message again.
# A server does not acknowledge a message, the program is killed, and a second program connects with the same store.
# Printed: for each store, what the server gets from the first program and from the second one.
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund mqtt@5.16.0 mqtt-packet@9.0.2 mqtt-jsonl-store@0.2.1 mqtt-level-store@3.1.0 >/dev/null

cat >program.cjs <<'JS'
const mqtt = require('mqtt')
const [, , store, port, life] = process.argv

async function openManager() {
  if (store === 'mqtt-level-store') return require('mqtt-level-store')(store)
  const { Manager } = require('mqtt-jsonl-store')
  // The lock of the killed program is valid for some seconds.
  for (let attempt = 1; ; attempt += 1) {
    const manager = new Manager(store)
    try {
      await manager.open()
      return manager
    } catch (error) {
      if (attempt === 20) throw error
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
  }
}

openManager().then(({ incoming, outgoing }) => {
  const options = { clientId: 'device', clean: false, incomingStore: incoming, outgoingStore: outgoing }
  const client = mqtt.connect(`mqtt://[::1]:${port}`, options)
  // MQTT.js tells of the connection when it has sent what the store holds.
  client.on('connect', () => {
    if (life === 'first') client.publish('a', 'measured once', { qos: 1 })
    else client.publish('a', 'nothing else', { qos: 0 })
  })
})
JS

cat >finding.mjs <<'JS'
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import net from 'node:net'
import mqtt from 'mqtt-packet'

setTimeout(() => {
  console.error('no answer within 90 s: the behaviour has changed')
  process.exit(1)
}, 90_000)

/** A server that acknowledges in the second life of the program only. Resolves with the payloads up to the last one. */
async function payloads(store, life, last) {
  const server = net.createServer().listen(0, '::1')
  await once(server, 'listening')
  const program = spawn(process.execPath, ['program.cjs', store, server.address().port, life], { stdio: ['ignore', 'inherit', 'inherit'] })
  const [socket] = await once(server, 'connection')
  socket.on('error', () => {})
  const seen = []
  await new Promise((resolve) => {
    const parser = mqtt.parser({ protocolVersion: 4 })
    parser.on('packet', ({ cmd, messageId, qos, payload }) => {
      if (cmd === 'connect') socket.write(mqtt.generate({ cmd: 'connack', returnCode: 0, sessionPresent: life === 'second' }))
      if (cmd !== 'publish') return
      seen.push(payload.toString())
      if (qos === 1 && life === 'second') socket.write(mqtt.generate({ cmd: 'puback', messageId }))
      if (payload.toString() === last) resolve()
    })
    socket.on('data', (bytes) => parser.parse(bytes))
  })
  program.kill('SIGKILL')
  await once(program, 'exit')
  server.close()
  return seen
}

const expected = {
  'mqtt-jsonl-store': [['measured once'], ['nothing else']],
  'mqtt-level-store': [['measured once'], ['measured once', 'nothing else']],
}
for (const [store, lives] of Object.entries(expected)) {
  mkdirSync(store)
  const got = [await payloads(store, 'first', 'measured once'), await payloads(store, 'second', 'nothing else')]
  console.log(`${store}: first ${got[0].join(', ')}; second ${got[1].join(', ')}`)
  assert.deepEqual(got, lives)
}
process.exit(0)
JS
node finding.mjs
