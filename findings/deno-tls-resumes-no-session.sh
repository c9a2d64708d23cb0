#!/usr/bin/env bash
# Deno 2.9.6: tls.connect of node:tls never resumes a TLS session. The event 'session' does not come, over TLS 1.2 and over TLS 1.3, so a program
# has nothing to pass in the option `session`, and each connection to the same server is a full handshake. No error says so. A device on a
# slow line pays for the certificates each time. Node.js resumes the session.
# Printed: for two connections to a server that gives tickets, under Deno and under the Node.js that runs npm, what the server says of each.
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
const made = pki.createCertificate()
made.publicKey = publicKey
made.serialNumber = '01'
made.validity.notBefore = new Date(Date.now() - 86_400_000)
made.validity.notAfter = new Date(Date.now() + 86_400_000)
made.setSubject([{ name: 'commonName', value: 'localhost' }])
made.setIssuer([{ name: 'commonName', value: 'localhost' }])
made.setExtensions([
  { name: 'basicConstraints', cA: true, critical: true },
  { name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] },
])
made.sign(privateKey, md.sha256.create())
writeFileSync('key.pem', pki.privateKeyToPem(privateKey))
writeFileSync('certificate.pem', pki.certificateToPem(made))
JS
node certificate.cjs

cat >server.mjs <<'JS'
import { readFileSync } from 'node:fs'
import tls from 'node:tls'

const [key, cert] = ['key.pem', 'certificate.pem'].map((name) => readFileSync(name, 'utf8'))
const ports = ['TLSv1.2', 'TLSv1.3'].map((version) => {
  const server = tls.createServer({ key, cert, minVersion: version, maxVersion: version }, (socket) => {
    socket.on('error', () => {})
    socket.end(socket.isSessionReused() ? 'resumed' : 'full handshake')
  })
  return new Promise((resolve) => server.listen(0, '::1', () => resolve(server.address().port)))
})
console.log((await Promise.all(ports)).join(' '))
JS

cat >client.mjs <<'JS'
import { readFileSync } from 'node:fs'
import tls from 'node:tls'

setTimeout(() => {
  console.error('no answer within 30 s: the behaviour has changed')
  process.exit(1)
}, 30_000)

const ca = readFileSync('certificate.pem', 'utf8')
for (const port of process.argv.slice(2).map(Number)) {
  let session
  const told = []
  for (let connection = 0; connection < 2; connection += 1) {
    await new Promise((resolve, reject) => {
      const socket = tls.connect({ host: '::1', port, servername: 'localhost', ca, session })
      socket.on('session', (ticket) => (session = ticket))
      socket.on('secureConnect', () => told.push(socket.getProtocol()))
      socket.on('data', (bytes) => told.push(bytes.toString()))
      socket.on('error', reject)
      socket.on('close', resolve)
    })
  }
  console.log(told.join(', '))
}
process.exit(0)
JS

mkfifo ports
node server.mjs >ports &
server=$!
trap 'kill $server; rm -rf "$directory"' EXIT
read -r -a ports <ports
deno=node_modules/@deno/linux-x64-glibc/deno
on_deno=$("$deno" run --no-config --allow-net --allow-read client.mjs "${ports[@]}")
on_node=$(node client.mjs "${ports[@]}")
"$deno" --version | head -1
echo "$on_deno"
echo "Node.js $(node --version)"
echo "$on_node"
[ "$on_deno" = "TLSv1.2, full handshake, TLSv1.2, full handshake
TLSv1.3, full handshake, TLSv1.3, full handshake" ]
[ "$on_node" = "TLSv1.2, full handshake, TLSv1.2, resumed
TLSv1.3, full handshake, TLSv1.3, resumed" ]
