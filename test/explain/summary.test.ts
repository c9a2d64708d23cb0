import { describe, expect, it } from 'vitest'
import type { ControlPacket } from '../../src/codec/index.js'
import { summarize } from '../../src/explain/index.js'

const payload = Buffer.from('hello')

describe('summarize', () => {
  it.each<[string, ControlPacket]>([
    ['PUBLISH QoS 0 topic "a/b" 5 bytes', { type: 'publish', topic: 'a/b', payload, retain: false, qos: 0 }],
    [
      'PUBLISH QoS 1 id 10 DUP retain topic "a/b" 5 bytes',
      { type: 'publish', topic: 'a/b', payload, retain: true, qos: 1, packetId: 10, dup: true },
    ],
    ['PUBCOMP id 7', { type: 'pubcomp', packetId: 7 }],
    ['CONNACK accepted session present', { type: 'connack', sessionPresent: true, returnCode: 0 }],
    ['CONNACK refused with 4', { type: 'connack', sessionPresent: false, returnCode: 4 }],
    [
      'SUBSCRIBE id 2 "a" QoS 0 "b/#" QoS 2',
      {
        type: 'subscribe',
        packetId: 2,
        subscriptions: [
          { filter: 'a', qos: 0 },
          { filter: 'b/#', qos: 2 },
        ],
      },
    ],
    ['SUBACK id 2 granted QoS 0 refused', { type: 'suback', packetId: 2, returnCodes: [0, 0x80] }],
    ['SUBACK id 2 refused with 0x8f', { type: 'suback', packetId: 2, returnCodes: [0x8f] }],
    ['UNSUBSCRIBE id 3 "1" "2" "3" "4" and 2 more', { type: 'unsubscribe', packetId: 3, filters: [...'123456'] }],
    ['PINGREQ', { type: 'pingreq' }],
  ])('says "%s"', (line, packet) => {
    expect(summarize(packet)).toBe(line)
  })

  it('tells of a password its shape and length alone', () => {
    const connect = { type: 'connect', clientId: 'c', cleanSession: true, keepAlive: 60, username: 'u' } as const
    expect(summarize({ ...connect, password: Buffer.from('AB'.repeat(32)) })).toBe(
      'CONNECT client "c" clean session keep alive 60 s user "u" password (64 upper-case hex digits, 64 bytes)',
    )
    expect(summarize({ ...connect, password: payload })).toMatch(/password \(5 bytes\)$/)
  })

  it('names a will with its topic and flags', () => {
    const will = { topic: 'gone', payload, qos: 1, retain: true } as const
    expect(summarize({ type: 'connect', clientId: '', cleanSession: false, keepAlive: 0, will })).toBe(
      'CONNECT client "" persistent session keep alive 0 s will "gone" QoS 1 retain',
    )
  })

  it('stays on one line and escapes what a terminal would obey, whatever the topic is', () => {
    const topic = 'a\n\u001b[2J\u009b\u202e'
    expect(summarize({ type: 'publish', topic, payload, retain: false, qos: 0 })).toBe(
      'PUBLISH QoS 0 topic "a\\n\\u{1b}[2J\\u{9b}\\u{202e}" 5 bytes',
    )
  })

  it('shows the bytes of a Topic Name that is no text', () => {
    const topicBytes = Buffer.from('v/caf\u00e9\n', 'latin1')
    expect(
      summarize({ type: 'unnamed-publish', topicBytes, payload, retain: false, qos: 1, packetId: 2, dup: true }),
    ).toBe('PUBLISH QoS 1 id 2 DUP topic "v/caf\\xe9\\n" 5 bytes')
  })

  it('escapes what a terminal would obey also in a Topic Name that is no text', () => {
    const topicBytes = Buffer.from('ffc29b326ae280ae', 'hex')
    expect(summarize({ type: 'unnamed-publish', topicBytes, payload, retain: false, qos: 0 })).toBe(
      'PUBLISH QoS 0 topic "\\xff\\u{9b}2j\\u{202e}" 5 bytes',
    )
  })

  it('cuts a long topic', () => {
    const line = summarize({ type: 'publish', topic: 'x'.repeat(500), payload, retain: false, qos: 0 })
    expect(line).toBe(`PUBLISH QoS 0 topic "${'x'.repeat(60)}"… 5 bytes`)
  })
})
