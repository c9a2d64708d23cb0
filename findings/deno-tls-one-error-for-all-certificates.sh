#!/usr/bin/env bash
# Deno 2.9.6: tls.connect of node:tls has the same error for a certificate that has expired, for one that is not valid yet, and for one of
# an unknown issuer: UNABLE_TO_VERIFY_LEAF_SIGNATURE, "unable to verify the first certificate". Node.js has CERT_HAS_EXPIRED and
# CERT_NOT_YET_VALID for the first two. A client cannot tell a clock that is wrong, or a certificate to be renewed, from a missing root.
# Printed: the code of the error for each certificate, under Deno and under the Node.js that runs npm.
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts @deno/linux-x64-glibc@2.9.6 node-forge@1.4.3 >/dev/null

cat >certificates.cjs <<'JS'
const { writeFileSync } = require('node:fs')
const { md, pki } = require('node-forge')

const day = 86_400_000
const { publicKey, privateKey } = pki.rsa.generateKeyPair(2048)

function certificate(subject, issuer, fromDays, toDays, extensions) {
  const made = pki.createCertificate()
  made.publicKey = publicKey
  made.serialNumber = '01'
  made.validity.notBefore = new Date(Date.now() + fromDays * day)
  made.validity.notAfter = new Date(Date.now() + toDays * day)
  made.setSubject([{ name: 'commonName', value: subject }])
  made.setIssuer([{ name: 'commonName', value: issuer }])
  made.setExtensions(extensions)
  made.sign(privateKey, md.sha256.create())
  return pki.certificateToPem(made)
}

const ca = [{ name: 'basicConstraints', cA: true, critical: true }, { name: 'keyUsage', keyCertSign: true }]
const server = [{ name: 'subjectAltName', altNames: [{ type: 2, value: 'localhost' }] }]
writeFileSync('key.pem', pki.privateKeyToPem(privateKey))
writeFileSync('ca.pem', certificate('a root', 'a root', -10, 10, ca))
writeFileSync('expired.pem', certificate('localhost', 'a root', -3, -2, server))
writeFileSync('not-yet-valid.pem', certificate('localhost', 'a root', 2, 3, server))
writeFileSync('unknown-issuer.pem', certificate('localhost', 'another root', -1, 1, server))
writeFileSync('valid.pem', certificate('localhost', 'a root', -1, 1, server))
JS
node certificates.cjs

cat >finding.mjs <<'JS'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import tls from 'node:tls'

setTimeout(() => {
  console.error('no answer within 30 s: the behaviour has changed')
  process.exit(1)
}, 30_000)

const key = readFileSync('key.pem', 'utf8')
const ca = readFileSync('ca.pem', 'utf8')
for (const name of ['valid', 'expired', 'not-yet-valid', 'unknown-issuer']) {
  const server = tls.createServer({ key, cert: readFileSync(`${name}.pem`, 'utf8') }, (socket) => socket.on('error', () => {}))
  server.on('tlsClientError', () => {})
  server.listen(0, '::1')
  await once(server, 'listening')
  const result = await new Promise((resolve) => {
    const socket = tls.connect({ host: '::1', port: server.address().port, servername: 'localhost', ca })
    socket.on('secureConnect', () => resolve('accepted'))
    socket.on('error', ({ code }) => resolve(code))
  })
  console.log(`${name}: ${result}`)
}
process.exit(0)
JS

deno=node_modules/@deno/linux-x64-glibc/deno
on_deno=$("$deno" run --no-config --allow-net --allow-read finding.mjs)
on_node=$(node finding.mjs)
"$deno" --version | head -1
echo "$on_deno"
echo "Node.js $(node --version)"
echo "$on_node"
unverified=UNABLE_TO_VERIFY_LEAF_SIGNATURE
[ "$on_deno" = "valid: accepted
expired: $unverified
not-yet-valid: $unverified
unknown-issuer: $unverified" ]
[ "$on_node" = "valid: accepted
expired: CERT_HAS_EXPIRED
not-yet-valid: CERT_NOT_YET_VALID
unknown-issuer: $unverified" ]
