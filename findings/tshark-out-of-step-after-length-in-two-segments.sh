#!/usr/bin/env bash
# tshark 4.0.17 (Debian 12): if a TCP segment ends between the two bytes of a Remaining Length, the frame is shown as "Malformed Packet", and
# tshark is out of step from there on: it takes bytes of the payloads for Control Packets. The stream is valid, and if the segment ends at
# any other place, all packets are shown. So a "malformed packet" in a capture does not say that a client or a server has sent one.
# Three PUBLISH packets of 200 bytes. The first two are in one segment, or in two that end at each place of the first 6 bytes.
# Printed: where the first segment ends, and what tshark shows of the frames with MQTT.
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
chmod 755 .
needs='--recurse --no-recommends --no-suggests --no-conflicts --no-breaks --no-replaces --no-enhances'
# shellcheck disable=SC2086
libraries=$(apt-cache depends $needs libwireshark16 | grep '^lib' | grep -v '^libc6$' | sort -u)
# shellcheck disable=SC2086
apt-get download -qq -o APT::Sandbox::User=root tshark=4.0.17-0+deb12u3 $libraries >/dev/null
for package in *.deb; do dpkg -x "$package" debian; done
export LD_LIBRARY_PATH=$PWD/debian/usr/lib/x86_64-linux-gnu:$PWD/debian/lib/x86_64-linux-gnu
npm init -y >/dev/null
npm install --silent --no-audit --no-fund mqtt-packet@9.0.2 >/dev/null

cat >finding.mjs <<'JS'
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import mqtt from 'mqtt-packet'

/** A frame: IPv4 without a link layer, TCP from port 40000 to port 1883. */
function frame(sequence, flags, payload) {
  const bytes = Buffer.alloc(40 + payload.length)
  bytes.set([0x45, 0])
  bytes.writeUInt16BE(bytes.length, 2)
  bytes.set([64, 6, 0, 0, 192, 0, 2, 1, 192, 0, 2, 2], 8)
  bytes.writeUInt16BE(40_000, 20)
  bytes.writeUInt16BE(1883, 22)
  bytes.writeUInt32BE(sequence, 24)
  bytes.set([0x50, flags, 0xff, 0xff], 32)
  payload.copy(bytes, 40)
  return bytes
}

/** A capture file of the frames, a millisecond between two. */
function pcap(frames) {
  const header = Buffer.alloc(24)
  header.writeUInt32LE(0xa1b2c3d4, 0)
  header.writeUInt16LE(2, 4)
  header.writeUInt16LE(4, 6)
  header.writeUInt32LE(65_535, 16)
  header.writeUInt32LE(101, 20)
  const records = frames.map((bytes, index) => {
    const record = Buffer.alloc(16)
    record.writeUInt32LE(1_700_000_000, 0)
    record.writeUInt32LE(1_000 * index, 4)
    record.writeUInt32LE(bytes.length, 8)
    record.writeUInt32LE(bytes.length, 12)
    return Buffer.concat([record, bytes])
  })
  return Buffer.concat([header, ...records])
}

const publish = (topic) =>
  mqtt.generate({ cmd: 'publish', topic, payload: Buffer.alloc(192, 120), qos: 0, retain: false, dup: false })
const stream = Buffer.concat([publish('a/1'), publish('a/2'), publish('a/3')])
const thirdAt = (stream.length / 3) * 2
assert.deepEqual([...stream.subarray(0, 3)], [0x30, 0xc5, 0x01])

function shown(cuts) {
  const [syn, acknowledgement, push] = [0x02, 0x10, 0x18]
  const frames = [frame(0, syn, Buffer.alloc(0)), frame(1, acknowledgement, Buffer.alloc(0))]
  let from = 0
  for (const to of [...cuts, thirdAt, stream.length]) {
    frames.push(frame(1 + from, push, stream.subarray(from, to)))
    from = to
  }
  writeFileSync('capture.pcap', pcap(frames))
  const fields = ['-r', 'capture.pcap', '-Y', 'tcp.len > 0', '-T', 'fields', '-e', 'mqtt.topic', '-e', '_ws.col.Info']
  const output = execFileSync('debian/usr/bin/tshark', fields, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return output.trimEnd().split('\n').map((line) => line.trim().replaceAll('\t', ': '))
}

const version = execFileSync('debian/usr/bin/tshark', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
assert.match(version, /4\.0\.17/)
const printed = [['not cut', shown([])]]
for (let end = 1; end <= 6; end += 1) printed.push([`ends behind byte ${end}`, shown([end])])
for (const [where, frames] of printed) console.log(`${where}:\n  ${frames.join('\n  ')}`)
for (const [where, frames] of printed) {
  const text = frames.join('\n')
  const topics = [...text.matchAll(/a\/\d(?=[,:])/g)].join(' ')
  const isCutThere = where === 'ends behind byte 2'
  assert.equal(topics, isCutThere ? '' : 'a/1 a/2 a/3')
  assert.equal(text.includes('Malformed Packet'), isCutThere)
  assert.equal(text.includes('Publish Complete'), isCutThere)
}
JS
node finding.mjs
