import { expect, onTestFinished, test, vi } from 'vitest'
import { EngineDriver } from '../../../src/client/engine/engine-driver.js'
import { parseClientOptions } from '../../../src/client/options/client-settings.js'
import type { ClientOptions } from '../../../src/index.js'
import type { Transport, TransportEvents } from '../../../src/transport/index.js'
import { fakeTime, pass, watch } from '../peers/client-on-pipe.js'

const connect = {
  type: 'connect',
  clientId: 'c',
  cleanSession: true,
  keepAlive: 0,
  username: undefined,
  password: undefined,
  will: undefined,
} as const

const connack = Buffer.of(0x20, 2, 0, 0)
const pingresp = Buffer.of(0xd0, 0)

/** A driver that is connected, over a transport of the test. */
function connected(options: ClientOptions = {}, wake: (events: TransportEvents) => boolean = () => false) {
  const settings = parseClientOptions({ url: 'mqtt://[::1]', maxInFlight: 1_000, ...options }, Math.random)
  const nothing = () => {}
  const told = {
    connected: nothing,
    connectionEnded: nothing,
    failed: nothing,
    refused: nothing,
    abandoned: nothing,
    turnEnded: nothing,
  }
  const driver = new EngineDriver({}, settings, told)
  const opened: TransportEvents[] = []
  driver.connect(connect, (events): Transport => {
    opened.push(events)
    return {
      peer: undefined,
      unsentBytes: 0,
      writtenChunks: 'kept',
      write: () => true,
      pause: nothing,
      resume: nothing,
      wake: () => wake(events),
      end: nothing,
      destroy: nothing,
    }
  })
  const [events] = opened
  if (events === undefined) throw new Error('the driver opened nothing')
  onTestFinished(() => driver.timers.stopAll())
  events.opened()
  events.received(connack)
  const publish = (count: number) => {
    for (let sent = 0; sent < count; sent += 1) {
      driver.session.publish({ topic: 'a', payload: Buffer.of(), qos: 1, retain: false }, undefined, driver.now())
    }
  }
  return { driver, events, publish }
}

test('a client that only receives lets its socket rest', () => {
  const { events } = connected()
  expect([events.mayRest(1), events.mayRest(1_000_000)]).toEqual([true, true])
})

test('while answers are due the socket rests only if they take longer than a rest', () => {
  const { events, publish } = connected()
  publish(1)
  expect(events.mayRest(4)).toBe(false)
  publish(99)
  expect([events.mayRest(399), events.mayRest(400)]).toEqual([true, false])
})

test('while a ping waits the socket does not rest', () => {
  const { driver, events } = connected()
  driver.ping({ timeoutMs: 1_000, signal: undefined }).catch(() => {})
  expect(events.mayRest(100)).toBe(false)
  events.received(pingresp)
  expect(events.mayRest(100)).toBe(true)
})

test('with lowLatency the socket never rests', () => {
  expect(connected({ lowLatency: true }).events.mayRest(100)).toBe(false)
})

test('before a time-out a socket that rests is read once: the answer may have come', async () => {
  fakeTime()
  const { driver } = connected({}, (events) => {
    setImmediate(() => events.received(pingresp))
    return true
  })
  const ping = watch(driver.ping({ timeoutMs: 100, signal: undefined }))
  await pass(200)
  expect(ping.state).toBe('resolved')
})

test('but a socket that rests again and again puts no time-out off for ever', async () => {
  fakeTime()
  const wake = vi.fn(() => true)
  const { driver } = connected({}, wake)
  const ping = watch(driver.ping({ timeoutMs: 100, signal: undefined }))
  await pass(200)
  expect(ping.state).toBe('rejected')
  expect(wake.mock.calls.length).toBeLessThan(100)
})
