/** The real driver keeps the promise of src/protocol/driver.ts: no method that the engine calls may call the engine. */
import { afterEach, expect, test } from 'vitest'
import { EngineDriver } from '../../../src/client/engine/engine-driver.js'
import { Connection } from '../../../src/protocol/connection/connection.js'
import { Session } from '../../../src/protocol/session.js'
import { online, outcomeOf, quiet } from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'

const answers = [
  'send',
  'record',
  'settled',
  'rejected',
  'answered',
  'unanswered',
  'refused',
  'connected',
  'closing',
  'anomaly',
] as const
const calls = [
  'lost',
  'publish',
  'subscribe',
  'unsubscribe',
  'handled',
  'unhandled',
  'resumeDelivery',
  'tick',
  'withdraw',
] as const
const callsOfConnection = [
  'open',
  'receive',
  'bytesSent',
  'outputFull',
  'outputDrained',
  'pump',
  'disconnect',
  'ping',
] as const

const restore: (() => void)[] = []
afterEach(() => {
  for (const undo of restore.splice(0)) undo()
})

/** Replaces a method of all objects of a class until the test is over. `around` gets the original call. */
function wrap(prototype: object, name: string, around: (call: () => unknown) => unknown): void {
  const original: unknown = Reflect.get(prototype, name)
  if (typeof original !== 'function') throw new Error(`${name} is no method`)
  const define = (value: unknown) =>
    Object.defineProperty(prototype, name, { configurable: true, writable: true, value })
  define(function (this: unknown, ...args: unknown[]) {
    return around(() => Reflect.apply(original, this, args))
  })
  restore.push(() => define(original))
}

/** Notes which methods run, and which calls are made in them. */
class Nesting {
  readonly faults: string[] = []
  readonly #running: string[] = []

  outer(prototype: object, names: readonly string[]): void {
    for (const name of names) {
      wrap(prototype, name, (call) => {
        this.#running.push(name)
        try {
          return call()
        } finally {
          this.#running.pop()
        }
      })
    }
  }

  inner(prototype: object, names: readonly string[]): void {
    for (const name of names) {
      wrap(prototype, name, (call) => {
        const within = this.#running.at(-1)
        if (within !== undefined) this.faults.push(`${name} from within ${within}`)
        return call()
      })
    }
  }
}

test('much output, handlers that publish, and the end by a violation lead nowhere back into the engine', async () => {
  const nesting = new Nesting()
  nesting.outer(EngineDriver.prototype, answers)
  nesting.inner(Session.prototype, calls)
  nesting.inner(Connection.prototype, callsOfConnection)
  const { client, connection } = await online({ reconnect: false, maxInFlight: 1000 })
  connection.serve()
  await Promise.all(Array.from({ length: 300 }, () => client.publish('a', Buffer.alloc(1000), { qos: 1 })))
  await client.subscribe('in', () => client.publish('out', Buffer.alloc(100_000)))
  connection.send(message('in', 1))
  await quiet()
  connection.send({ type: 'connack', sessionPresent: false, returnCode: 0 })
  expect(await outcomeOf(client.closed)).toHaveProperty('error.code', 'MQTT_PROTOCOL_VIOLATION')
  expect(nesting.faults).toEqual([])
})

test('what a handler publishes at once is written when the engine has returned, however much it is, and all of it', async () => {
  const nesting = new Nesting()
  nesting.outer(Connection.prototype, ['receive'])
  nesting.inner(Connection.prototype, ['bytesSent', 'outputFull', 'pump'])
  const { client, connection } = await online({ reconnect: false })
  connection.serve()
  let published = Promise.resolve()
  await client.subscribe('in', () => {
    const all = Array.from({ length: 300 }, () => client.publish('out', Buffer.alloc(1000), { qos: 1 }))
    published = Promise.all(all).then(() => {})
  })
  connection.send(message('in'))
  await quiet()
  await published
  expect(client.stats.packetsOut.publish).toBe(300)
  expect(nesting.faults).toEqual([])
})

test('what is sent again goes out whole, however much it is, although nothing is acknowledged [MQTT-4.4.0-1]', async () => {
  const session = { clientId: 'c', cleanSession: false, reconnect: { minDelayMs: 1, maxDelayMs: 1 } }
  // The pipe always has room, so only the engine itself can make packets wait.
  const server = new FakeServer({ highWaterMark: 10_000_000 })
  const { client, connection } = await online({ ...session, maxInFlight: 100 }, server)
  const count = 20
  for (let index = 0; index < count; index += 1) client.publish('a', Buffer.alloc(40_000), { qos: 1 }).catch(() => {})
  for (let index = 0; index < count; index += 1) await connection.next('publish')
  connection.cut()
  const again = await server.accepted()
  await again.next('connect')
  again.send({ type: 'connack', sessionPresent: true, returnCode: 0 })
  for (let index = 0; index < count; index += 1) expect(await again.next('publish')).toMatchObject({ dup: true })
})
