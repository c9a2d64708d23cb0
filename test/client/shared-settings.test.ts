import { expect, test } from 'vitest'
import { parseClientOptions } from '../../src/client/client-settings.js'
import { engineSettings } from '../../src/client/engine-settings.js'
import { SharedSettings } from '../../src/client/shared-settings.js'

const parse = (options: object) => parseClientOptions({ url: 'mqtt://[::1]', ...options }, Math.random)

test('groups that say the same are one object', () => {
  const shared = new SharedSettings<{ readonly a: number; readonly b?: string | undefined }>()
  const first = shared.of({ a: 1, b: 'x' })
  expect(shared.of({ a: 1, b: 'x' })).toBe(first)
})

test('groups that differ in one value stay apart', () => {
  const shared = new SharedSettings<{ readonly a: number; readonly b?: string | undefined }>()
  const first = shared.of({ a: 1, b: 'x' })
  expect(shared.of({ a: 1, b: 'y' })).toEqual({ a: 1, b: 'y' })
  expect(shared.of({ a: 1 })).toEqual({ a: 1 })
  expect(first).toEqual({ a: 1, b: 'x' })
})

test('two clients with the same options share what they share, and nothing of their own', () => {
  const options = { keepAlive: 30, maxInFlight: 7, queue: { maxMessages: 5 }, connectTimeoutMs: 1_234 }
  const [one, other] = [parse(options), parse(options)]
  expect(other.session).toBe(one.session)
  expect(other.connection).toBe(one.connection)
  expect(other.delivery).toBe(one.delivery)
  expect(other.queue).toBe(one.queue)
  expect(other.reconnect).toBe(one.reconnect)
  expect(engineSettings(other, 'none')).toBe(engineSettings(one, 'none'))
  expect(other.identity).not.toBe(one.identity)
})

test('a pacer is never shared: it counts what its client has sent', () => {
  const settings = parse({ profile: { name: 'slow', publishesPerSecond: { total: 1 } } })
  expect(engineSettings(settings, 'none').pacer).toBeDefined()
  expect(engineSettings(settings, 'none').pacer).not.toBe(engineSettings(settings, 'none').pacer)
})

test('a will and handlers are held by nobody but their client', () => {
  const onMessage = () => {}
  const mine = parse({ onMessage, will: { topic: 'gone', payload: 'x' } })
  const other = parse({ onMessage, will: { topic: 'gone', payload: 'x' } })
  expect(other.session).not.toBe(mine.session)
  expect(other.delivery).not.toBe(mine.delivery)
})
