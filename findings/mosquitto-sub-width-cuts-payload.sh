#!/usr/bin/env bash
# mosquitto_sub 2.0.11 (Debian 12): a field width in `-F` cuts the payload. The manual says that `%10x` sets the minimum width, and that
# only %C, %I, %R and %t have a maximum width. For %t this holds. But `%2p` prints two bytes of the payload, and `%4x` prints two. In
# hexadecimal a wide field loses bytes too: of ten bytes, `%30x` prints five behind twenty blanks. A program that aligns columns loses data.
# Printed: each format, and what is printed for the payload ABCDEFGHIJ on the topic `topic`.
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
chmod 755 .
apt-get download -qq -o APT::Sandbox::User=root mosquitto=2.0.11-1.2+deb12u2 mosquitto-clients=2.0.11-1.2+deb12u2 \
  libmosquitto1=2.0.11-1.2+deb12u2 libcjson1 libdlt2 libwrap0 libnsl2 libtirpc3 >/dev/null
for package in *.deb; do dpkg -x "$package" debian; done
export LD_LIBRARY_PATH=$PWD/debian/usr/lib/x86_64-linux-gnu:$PWD/debian/lib/x86_64-linux-gnu

cat >finding.mjs <<'JS'
import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import net from 'node:net'
import { promisify } from 'node:util'

const run = promisify(execFile)
const placeholder = net.createServer().listen(0, '::1')
await once(placeholder, 'listening')
const { port } = placeholder.address()
placeholder.close()
await once(placeholder, 'close')
writeFileSync('mosquitto.conf', `listener ${port} ::1\nallow_anonymous true\n`)
const broker = spawn('debian/usr/sbin/mosquitto', ['-c', 'mosquitto.conf'], { stdio: ['ignore', 'ignore', 'pipe'] })
process.on('exit', () => broker.kill())
let log = ''
await new Promise((resolve) => {
  broker.stderr.on('data', (text) => {
    log += text
    if (log.includes(' running')) resolve()
  })
})

const server = ['-h', '::1', '-p', `${port}`, '-t', 'topic']
await run('debian/usr/bin/mosquitto_pub', [...server, '-r', '-m', 'ABCDEFGHIJ'])
const blanks = (count) => ' '.repeat(count)
const expected = {
  '%t|': 'topic|',
  '%2t|': 'topic|',
  '%p|': 'ABCDEFGHIJ|',
  '%2p|': 'AB|',
  '%12p|': `${blanks(2)}ABCDEFGHIJ|`,
  '%x|': '4142434445464748494a|',
  '%4x|': '4142|',
  '%30x|': `${blanks(20)}4142434445|`,
}
const printed = {}
for (const format of Object.keys(expected)) {
  const { stdout } = await run('debian/usr/bin/mosquitto_sub', [...server, '-C', '1', '-W', '10', '-F', format])
  printed[format] = stdout.trimEnd()
  console.log(format.padEnd(6), printed[format])
}
const { stdout: version } = await run('debian/usr/bin/mosquitto_sub', ['--help']).catch((error) => error)
assert.match(version, /mosquitto_sub version 2\.0\.11/)
assert.deepEqual(printed, expected)
process.exit(0)
JS
node finding.mjs
