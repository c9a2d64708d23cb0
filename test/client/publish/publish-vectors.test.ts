/** Every call in the vectors that an application can make: it is refused before a byte is written, or sent correctly. */
import { runInNewContext } from 'node:vm'
import { describe, expect, test } from 'vitest'
import { cell, expandHex, readVectors } from '../../../fixtures/vectors/vector-file.js'
import { type ClientOptions, MqttClient, UsageError } from '../../../src/index.js'
import { clientOf, online, quiet, rejectionOf } from '../peers/client-on-pipe.js'
import { FakeServer } from '../peers/fake-server.js'

const rows = readVectors('malformed.csv').filter((row) => cell(row, 'layer') === 'api')
const callOf = (row: (typeof rows)[number]): string => cell(row, 'api_input')
const isRefusal = (row: (typeof rows)[number]): boolean => cell(row, 'expected').startsWith('throw')
const methodOf = (row: (typeof rows)[number]): string => /^\w+(?=\()/.exec(callOf(row))?.[0] ?? ''

describe('calls that are refused before a byte is written', () => {
  const calls = rows.filter((row) => isRefusal(row) && /^(publish|subscribe|unsubscribe)$/.test(methodOf(row)))

  test('are among the vectors', () => {
    expect(calls.length).toBeGreaterThan(40)
  })

  test.each(calls.map((row) => [cell(row, 'name'), callOf(row), cell(row, 'statement')]))(
    '%s: %s [%s]',
    async (_, call, statement) => {
      const { client, connection } = await online()
      const method =
        (name: 'publish' | 'subscribe' | 'unsubscribe') =>
        (...values: unknown[]) =>
          Reflect.apply(client[name], client, ownArrays(values))
      const context = {
        Buffer,
        publish: method('publish'),
        subscribe: method('subscribe'),
        unsubscribe: method('unsubscribe'),
      }
      const error = await rejectionOf(runInNewContext(call, context))
      expect(error).toBeInstanceOf(UsageError)
      expect(String(error)).toContain(statement)
      await quiet()
      expect(connection.names).toEqual(['connect'])
    },
  )
})

describe('options that are refused when the client is made', () => {
  const calls = rows.filter((row) => isRefusal(row) && methodOf(row) === 'connect')

  test.each(calls.map((row) => [cell(row, 'name'), callOf(row), cell(row, 'statement')]))(
    '%s: %s [%s]',
    (_, call, statement) => {
      const server = new FakeServer()
      expect(() => new MqttClient({ stream: server.stream, ...optionsOf(call) })).toThrow(UsageError)
      expect(server.attempts).toBe(0)
      // The message names only rules of the standard. A rule of this library has no number.
      if (!statement.startsWith('MQTT')) return
      expect(() => new MqttClient({ stream: server.stream, ...optionsOf(call) })).toThrow(statement)
    },
  )
})

describe('options that look wrong and are right', () => {
  const calls = rows.filter((row) => !isRefusal(row) && methodOf(row) === 'connect')

  test.each(calls.map((row) => [cell(row, 'name'), callOf(row), cell(row, 'hex')]))('%s: %s', async (_, call, hex) => {
    const server = new FakeServer()
    const client = clientOf(server, { clientId: 'a', keepAlive: 60, ...optionsOf(call) })
    client.connect().catch(() => {})
    const connection = await server.accepted()
    await connection.next('connect')
    expect(Buffer.concat(connection.chunks)).toEqual(expandHex(hex))
  })
})

/** The options of a `connect({ ... })` in the vectors. The vectors use the option names of another client. */
function optionsOf(call: string): ClientOptions {
  const given: unknown = runInNewContext(call, { Buffer, connect: (options: unknown) => options })
  if (typeof given !== 'object' || given === null) throw new Error(`no options in ${call}`)
  const renamed = Object.entries(given).map(([name, value]) => [newNames.get(name) ?? name, ownObject(value)])
  return { clientId: 'a', ...Object.fromEntries(renamed) }
}

const newNames = new Map([
  ['clean', 'cleanSession'],
  ['keepalive', 'keepAlive'],
])

/** Copies arrays and objects of the realm of the vectors: they are no instances of the classes of this realm. */
function ownArrays(values: readonly unknown[]): unknown[] {
  return values.map((value) => (Array.isArray(value) ? [...value] : value))
}

function ownObject(value: unknown): unknown {
  return typeof value === 'object' && value !== null && !Buffer.isBuffer(value) ? { ...value } : value
}
