/** The promise of src/protocol/driver.ts, held by the real driver: no answer of the engine leads back into it. */
import { afterEach, expect, test } from 'vitest'
import { EngineDriver } from '../../../src/client/engine/engine-driver.js'
import { Connection } from '../../../src/protocol/connection/connection.js'
import { Session } from '../../../src/protocol/session.js'
import { online, outcomeOf, quiet } from '../peers/client-on-pipe.js'
import { message } from '../peers/fake-server.js'

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

/** Notes each call into the engine that comes from within one of its answers. */
function watched(): string[] {
  const faults: string[] = []
  const open: string[] = []
  const wrap = <T extends object, K extends keyof T & string>(
    prototype: T,
    name: K,
    body: (call: () => unknown) => unknown,
  ) => {
    const original: unknown = Reflect.get(prototype, name)
    if (typeof original !== 'function') throw new Error(`${name} is no method`)
    Object.defineProperty(prototype, name, {
      configurable: true,
      writable: true,
      value(...args: unknown[]) {
        return body(() => Reflect.apply(original, this, args))
      },
    })
    restore.push(() => Object.defineProperty(prototype, name, { configurable: true, writable: true, value: original }))
  }
  for (const name of answers)
    wrap(EngineDriver.prototype, name, (call) => {
      open.push(name)
      try {
        return call()
      } finally {
        open.pop()
      }
    })
  const note = (name: string) => (call: () => unknown) => {
    if (open.length > 0) faults.push(`${name} from within ${open.at(-1)}`)
    return call()
  }
  for (const name of calls) wrap(Session.prototype, name, note(name))
  for (const name of callsOfConnection) wrap(Connection.prototype, name, note(name))
  return faults
}

const restore: (() => void)[] = []
afterEach(() => {
  for (const undo of restore.splice(0)) undo()
})

test('much output, handlers that publish, and the end by a violation lead nowhere back into the engine', async () => {
  const faults = watched()
  const { client, connection } = await online({ reconnect: false, maxInFlight: 1000 })
  connection.serve()
  await Promise.all(Array.from({ length: 300 }, () => client.publish('a', Buffer.alloc(1000), { qos: 1 })))
  await client.subscribe('in', () => client.publish('out', Buffer.alloc(100_000)))
  connection.send(message('in', 1))
  await quiet()
  connection.send({ type: 'connack', sessionPresent: false, returnCode: 0 })
  expect(await outcomeOf(client.closed)).toHaveProperty('error.code', 'MQTT_PROTOCOL_VIOLATION')
  expect(faults).toEqual([])
})
