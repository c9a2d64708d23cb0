import { expect, test } from 'vitest'
import { engineSettings } from '../../../src/client/engine/engine-settings.js'
import { parseClientOptions } from '../../../src/client/options/client-settings.js'
import { SharedSettings } from '../../../src/client/options/shared-settings.js'
import { garbageCollector } from '../../garbage-collector.js'

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
  expect(other.engine).toBe(one.engine)
  expect(other.delivery).toBe(one.delivery)
  expect(other.queue).toBe(one.queue)
  expect(other.reconnect).toBe(one.reconnect)
  expect(engineSettings(other, 'none')).toBe(engineSettings(one, 'none'))
  expect(other.identity).not.toBe(one.identity)
})

test('clients that go to the same place share what says so', () => {
  const [one, other] = [parse({ url: 'mqtts://broker.example' }), parse({ url: 'mqtts://broker.example' })]
  expect(other.network).toBe(one.network)
})

test.each([
  { url: 'mqtts://other.example' },
  { url: 'mqtts://broker.example:1' },
  { url: 'mqtt://broker.example:8883' },
  { url: 'mqtts://broker.example', family: 6 },
  { url: 'mqtts://broker.example', tls: true },
  { url: undefined, servers: ['mqtts://broker.example', 'mqtts://b'] },
  { url: undefined, stream: () => {} },
])('a client that goes elsewhere, or another way, does not share it: %o', (options) => {
  const one = parse({ url: 'mqtts://broker.example' })
  expect(parse(options).network).not.toEqual(one.network)
})

test.each([
  { url: 'mqtts://user@broker.example' },
  { url: 'mqtts://user:secret@broker.example' },
  { url: 'mqtts://broker.example', tls: { key: 'secret' } },
])('a login and options of TLS are held by nobody but their client: %o', async (options) => {
  const settings = new WeakRef(parse(options).network)
  // A WeakRef keeps its target to the end of the turn in which it was made.
  await new Promise<void>((resolve) => setImmediate(resolve))
  garbageCollector()()
  expect(settings.deref()).toBeUndefined()
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
