import { describe, expect, test } from 'vitest'
import { parseFilterNames, parseFilters } from '../../../src/client/subscribe/filter-requests.js'
import { isMqttError, type UsageError } from '../../../src/index.js'

function refusal(action: () => unknown): UsageError {
  try {
    action()
  } catch (error) {
    if (isMqttError(error) && error.code === 'MQTT_USAGE') return error
    throw error
  }
  throw new Error('nothing was refused')
}

describe('the filters of a call', () => {
  test('are at least one, before a Packet Identifier is spent on them [MQTT-3.8.3-3] [MQTT-3.10.3-2]', () => {
    expect(refusal(() => parseFilters([], 0, undefined)).statement).toBe('MQTT-3.8.3-3')
    expect(refusal(() => parseFilterNames([])).statement).toBe('MQTT-3.10.3-2')
  })

  test('have the QoS of the call unless they name their own, which is 0, 1 or 2 [MQTT-3.8.3-4]', () => {
    expect(parseFilters(['a', { filter: 'b', qos: 0 }], 2, undefined)).toEqual([
      { filter: 'a', qos: 2 },
      { filter: 'b', qos: 0 },
    ])
    const badly = () => Reflect.apply(parseFilters, undefined, [[{ filter: 'a', qos: 3 }], 0, undefined])
    expect(refusal(badly).statement).toBe('MQTT-3.8.3-4')
  })
})
