#!/usr/bin/env bash
# Deno 2.9.6: with tls.connect of node:tls and the option onread, bytes of the server are lost when not the first address of a name answers.
# The name has two addresses, 127.0.0.1 and ::1, and the server listens on ::1 only, so the client goes on to the second one
# (autoSelectFamily, which is on by default). The handshake succeeds. Then the callback of onread is called with the right number of bytes,
# but the buffer still has what it had before: bytes of another connection, if connections share a buffer. No error is reported.
# With one address, and over TCP, the buffer is filled. Node.js fills it in all cases.
# Printed: what the callback finds in its buffer, under Deno and under the Node.js that runs npm.
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @deno/linux-x64-glibc@2.9.6 node-forge@1.4.3 >/dev/null

cat >certificate.cjs <<'JS'
const { writeFileSync } = require('node:fs')
const { md, pki } = require('node-forge')

const { publicKey, privateKey } = pki.rsa.generateKeyPair(2048)
const certificate = pki.createCertificate()
const name = [{ name: 'commonName', value: 'localhost' }]
certificate.publicKey = publicKey
certificate.serialNumber = '01'
certificate.validity.notBefore = new Date(Date.now() - 86_400_000)
certificate.validity.notAfter = new Date(Date.now() + 86_400_000)
certificate.setSubject(name)
certificate.setIssuer(name)
certificate.setExtensions([{ name: 'basicConstraints', cA: true }, { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }])
certificate.sign(privateKey, md.sha256.create())
writeFileSync('cert.pem', pki.certificateToPem(certificate))
writeFileSync('key.pem', pki.privateKeyToPem(privateKey))
JS
node certificate.cjs

cat >finding.mjs <<'JS'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import net from 'node:net'
import tls from 'node:tls'

setTimeout(() => {
  console.error('no answer within 30 s: the behaviour has changed')
  process.exit(1)
}, 30_000)

const cert = readFileSync('cert.pem', 'utf8')
const key = readFileSync('key.pem', 'utf8')

async function answer(kind, addresses) {
  const greet = (socket) => {
    socket.on('error', () => {})
    socket.write('fresh')
  }
  const server = kind === 'TLS' ? tls.createServer({ cert, key }, greet) : net.createServer(greet)
  server.listen(0, '::1')
  await once(server, 'listening')
  const buffer = Buffer.from('stale')
  const lookup = (_host, _options, callback) => callback(null, addresses.map((address) => ({ address, family: net.isIP(address) })))
  const found = await new Promise((resolve, reject) => {
    const callback = (length) => {
      resolve(`${length} bytes, the buffer has '${buffer.subarray(0, length)}'`)
      return true
    }
    const module = kind === 'TLS' ? tls : net
    const options = { host: 'localhost', port: server.address().port, lookup, autoSelectFamily: true, ca: cert, onread: { buffer, callback } }
    module.connect(options).on('error', reject)
  })
  console.log(`${kind} to ${addresses.join(', then ')}: ${found}`)
}

await answer('TCP', ['127.0.0.1', '::1'])
await answer('TLS', ['::1'])
await answer('TLS', ['127.0.0.1', '::1'])
process.exit(0)
JS

deno=node_modules/@deno/linux-x64-glibc/deno
on_deno=$("$deno" run --no-config --allow-net --allow-read finding.mjs)
on_node=$(node finding.mjs)
"$deno" --version | head -1
echo "$on_deno"
echo "Node.js $(node --version)"
echo "$on_node"
filled="TCP to 127.0.0.1, then ::1: 5 bytes, the buffer has 'fresh'
TLS to ::1: 5 bytes, the buffer has 'fresh'
TLS to 127.0.0.1, then ::1: 5 bytes, the buffer has 'fresh'"
[ "$on_node" = "$filled" ] && [ "$on_deno" = "${filled%fresh*}stale'" ]
