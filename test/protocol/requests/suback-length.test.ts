/** How long a SUBACK may be, which a driver tells its decoder. */
import { expect, test } from 'vitest'
import { EngineHarness } from '../engine-harness.js'
import { suback } from '../packet-notation.js'

const filters = (count: number) => Array.from({ length: count }, (_, index) => `f/${index}`)
const codes = (count: number) => filters(count).map(() => 0)

test('a SUBACK may be as long as the largest unanswered SUBSCRIBE needs, and 1 KiB [MQTT-3.8.4-5]', () => {
  const engine = new EngineHarness().connect()
  const { requests } = engine.session
  expect(requests.maxReturnCodes).toBe(1_022)
  engine.subscribe('small', ...filters(1_022))
  expect(requests.maxReturnCodes).toBe(1_022)
  engine
    .subscribe('larger', ...filters(3_000))
    .subscribe('large', ...filters(2_000))
    .unsubscribe('u', ...filters(4_000))
  expect(requests.maxReturnCodes).toBe(3_000)
  engine.receive(suback(2, ...codes(3_000)))
  expect(requests.maxReturnCodes).toBe(2_000)
  engine.receive(suback(3, ...codes(2_000)))
  expect(requests.maxReturnCodes).toBe(1_022)
})

test('a SUBSCRIBE that was given up may still be answered, on its own connection only', () => {
  const engine = new EngineHarness().connect().subscribe('s', ...filters(2_000))
  engine.abandon('s')
  const { requests } = engine.session
  expect(requests.maxReturnCodes).toBe(2_000)
  engine.cut().connect()
  expect(requests.maxReturnCodes).toBe(1_022)
})

test('a SUBSCRIBE that is not sent allows nothing, and one that is sent again does', () => {
  const engine = new EngineHarness()
    .connect()
    .subscribe('s', ...filters(2_000))
    .cut()
  const { requests } = engine.session
  expect(requests.maxReturnCodes).toBe(1_022)
  engine.connect()
  expect(requests.maxReturnCodes).toBe(2_000)
})
