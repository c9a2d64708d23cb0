#!/usr/bin/env bash
# Seven packages of npm that say whether a Topic Filter matches a Topic Name: mqtt-pattern 2.1.1, mqtt-match 3.0.0, mqtt-wildcard 3.0.9,
# mqtt-topics 1.0.2, mqtt-regex 1.1.0, mqtt-emitter 4.1.0, qlobber 8.0.1 (with the separators of MQTT and match_empty_levels).
# None of them matches as the standard does (section 4.7): all of them let `#` and `+/a` match a Topic Name that begins with `$`
# [MQTT-4.7.2-1]; for two of them `+` is not an empty level, which section 4.7.1.3 says it is; and one takes `ab` for a match of `a/#`.
# A program that routes messages by one of them calls handlers for messages that the subscription of the handler does not bring, or none.
# Printed: for each pair, what the standard says, and the packages that say otherwise.
set -euo pipefail

directory=$(mktemp -d)
trap 'rm -rf "$directory"' EXIT
cd "$directory"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund mqtt-pattern@2.1.1 mqtt-match@3.0.0 mqtt-wildcard@3.0.9 mqtt-topics@1.0.2 mqtt-regex@1.1.0 \
  mqtt-emitter@4.1.0 qlobber@8.0.1 >/dev/null

cat >finding.cjs <<'JS'
const assert = require('node:assert/strict')
const pattern = require('mqtt-pattern')
const match = require('mqtt-match')
const wildcard = require('mqtt-wildcard')
const topics = require('mqtt-topics')
const regex = require('mqtt-regex')
const Emitter = require('mqtt-emitter')
const { Qlobber } = require('qlobber')

const packages = {
  'mqtt-pattern': (filter, name) => pattern.matches(filter, name),
  'mqtt-match': (filter, name) => match(filter, name),
  'mqtt-wildcard': (filter, name) => wildcard(name, filter) !== null,
  'mqtt-topics': (filter, name) => topics.match(filter, name),
  'mqtt-regex': (filter, name) => Boolean(regex(filter).exec(name)),
  'mqtt-emitter': (filter, name) => {
    const emitter = new Emitter()
    let called = false
    emitter.on(filter, () => (called = true))
    emitter.emit(name, 'x')
    return called
  },
  qlobber: (filter, name) => {
    const options = { separator: '/', wildcard_one: '+', wildcard_some: '#', match_empty_levels: true }
    return new Qlobber(options).add(filter, 1).match(name).length > 0
  },
}
const all = Object.keys(packages)
const pairs = [
  ['a/#', 'a', true, []],
  ['a/+', 'a', false, []],
  ['+', '/a', false, []],
  ['$SYS/#', '$SYS/a', true, []],
  ['#', '$SYS/a', false, all],
  ['+/a', '$SYS/a', false, all],
  ['+/+', '/a', true, ['mqtt-pattern', 'mqtt-regex']],
  ['a/+', 'a/', true, ['mqtt-pattern', 'mqtt-regex']],
  ['a/+/c', 'a//c', true, ['mqtt-pattern', 'mqtt-regex']],
  ['a/b', 'a/b/', false, ['mqtt-regex']],
  ['a/#', 'ab', false, ['mqtt-regex']],
]
const found = pairs.map(([filter, name, matches]) => all.filter((one) => packages[one](filter, name) !== matches))
for (const [index, [filter, name, matches]] of pairs.entries()) {
  const others = found[index].length === all.length ? 'all' : found[index].join(', ') || 'none'
  console.log(`${filter} ${matches ? 'matches' : 'does not match'} ${name}; otherwise: ${others}`)
}
assert.deepEqual(found, pairs.map(([, , , others]) => others))
JS
node finding.cjs
