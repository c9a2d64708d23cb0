import { describe, expect, test } from 'vitest'
import { misplaced } from '../../../src/protocol/connection/violations.js'

describe('a packet where it may not stand is named, with what it came before', () => {
  test.each([
    ['new', 'puback', 'the server sent PUBACK before CONNECT was sent [MQTT-3.2.0-1]'],
    ['connecting', 'publish', 'the server sent PUBLISH before CONNACK [MQTT-3.2.0-1]'],
    ['connected', 'connack', 'the server sent a second CONNACK [MQTT-3.2.0-1]'],
    ['connected', 'pingreq', 'the server sent PINGREQ, which only a client may send [MQTT-4.8.0-1]'],
  ] as const)('%s: %s', (phase, name, message) => {
    expect(misplaced(name, phase).message).toBe(message)
  })
})
