import { getEventListeners } from 'node:events'
import { describe, expect, onTestFinished, test } from 'vitest'
import { connect, MqttClient, UsageError } from '../../../src/index.js'
import { emptySession } from '../../../src/store/index.js'
import { clientOf, online, outcomeOf, quiet, rejectionOf } from '../peers/client-on-pipe.js'
import { FakeServer, message } from '../peers/fake-server.js'

type Method = 'connect' | 'publish' | 'subscribe' | 'messages' | 'unsubscribe' | 'ping' | 'end'

/** Calls a method with values that only plain JavaScript can give: the compiler would refuse them. */
function call(client: MqttClient, method: Method, ...values: unknown[]): Promise<unknown> {
  return Reflect.apply(client[method], client, values)
}

const callback = () => {}

describe('a mistake in the options of a call is refused, with advice, and nothing is sent', () => {
  test.each<[Method, unknown[], string]>([
    ['publish', ['a', 'x', { QoS: 1 }], 'QoS is no option of publish(): did you mean qos?'],
    ['publish', ['a', 'x', { '': 1 }], ' is no option of publish(): the names are qos, retain, signal, until'],
    ['publish', ['a', 'x', { retained: true }], 'retained is no option of publish(): did you mean retain?'],
    ['publish', ['a', 'x', { qos: 1, dup: true }], 'the names are qos, retain, signal, until'],
    ['publish', ['a', 'x', callback], 'the options of publish() have to be an object, not a function'],
    ['publish', ['a', 'x', null], 'the options of publish() have to be an object, not null'],
    ['publish', ['a', 'x', 1], 'the options of publish() have to be an object, not a number'],
    ['publish', ['a', 'x', [1]], 'the options of publish() have to be an object, not an array'],
    ['subscribe', ['a', { Qos: 1 }, callback], 'Qos is no option of subscribe(): did you mean qos?'],
    ['subscribe', ['a', callback, { qos: 1 }], 'give the options before the handler'],
    ['subscribe', ['a', callback, callback], 'give the options before the handler'],
    ['subscribe', ['a', null, callback], 'the options of subscribe() have to be an object, not null'],
    ['subscribe', ['a', {}, { qos: 1 }], 'handler has to be a function'],
    ['subscribe', [[{ filter: 'a', qos: 1 }], { qos: 3 }], 'qos has to be one of 0, 1, 2'],
    ['subscribe', [[{ topic: 'a', qos: 1 }], callback], 'topic is no option of a filter: the names are filter, qos'],
    ['subscribe', [[{ filter: 'a', QoS: 1 }], callback], 'QoS is no option of a filter: did you mean qos?'],
    ['subscribe', [new Array(2), callback], 'a filter has to be a string'],
    ['messages', ['a', { limits: 1 }], 'limits is no option of messages(): did you mean limit?'],
    ['messages', ['a', callback], 'the options of messages() have to be an object, not a function'],
    ['unsubscribe', [[{ filter: 'a' }]], 'a filter to unsubscribe has to be a string, not an object'],
    ['end', [{ timeout: 1 }], 'timeout is no option of end(): did you mean timeoutMs?'],
    ['end', [true], 'the options of end() have to be an object, not a boolean'],
    [
      'end',
      [callback],
      'the options of end() have to be an object, not a function: await the promise instead of giving',
    ],
    [
      'end',
      [true, callback],
      'end() got an argument too many, a function: await its promise instead of giving a callback',
    ],
    ['end', [{}, 5], 'end() got an argument too many, a number: leave it out'],
    ['publish', ['a', 'x', { qos: 1 }, callback], 'publish() got an argument too many, a function: await its promise'],
    ['publish', ['a', 'x', undefined, callback], 'publish() got an argument too many, a function'],
    ['subscribe', ['a', { qos: 1 }, callback, callback], 'subscribe() got an argument too many, a function'],
    ['messages', ['a', {}, callback], 'messages() got an argument too many, a function'],
    ['unsubscribe', ['a', callback], 'unsubscribe() got an argument too many, a function: await its promise'],
    ['unsubscribe', ['a', undefined, callback], 'unsubscribe() got an argument too many, a function'],
    ['unsubscribe', ['a', { qos: 1 }], 'unsubscribe() got an argument too many, an object: leave it out'],
    ['connect', [{}, callback], 'connect() got an argument too many, a function'],
    ['ping', [{}, callback], 'ping() got an argument too many, a function'],
  ])('%s with %j', async (method, values, advice) => {
    let unrouted = 0
    const { client, connection } = await online({ onMessage: () => void unrouted++ })
    const error = await rejectionOf(call(client, method, ...values))
    expect(error).toBeInstanceOf(UsageError)
    expect(String(error)).toContain(advice)
    connection.send(message('a'))
    await quiet()
    expect(connection.names).toEqual(['connect'])
    expect(client.state).toBe('online')
    expect(unrouted).toBe(1)
  })

  test('connect() tells a mistyped option before it opens anything', async () => {
    let opened = 0
    const client = new MqttClient({
      stream: () => {
        opened += 1
        throw new Error('not reachable')
      },
    })
    onTestFinished(() => client.destroy())
    expect(String(await rejectionOf(call(client, 'connect', { signals: 1 })))).toContain('did you mean signal?')
    expect(client.state).toBe('idle')
    for (const options of [callback, null, 5]) {
      const connected: Promise<unknown> = Reflect.apply(connect, undefined, ['mqtt://[::1]:9', options])
      expect(await rejectionOf(connected)).toBeInstanceOf(UsageError)
    }
    for (const values of [
      [{ url: 'mqtt://[::1]:9' }, callback],
      [{ url: 'mqtt://[::1]:9' }, {}],
      ['mqtt://[::1]:9', {}, 1],
    ]) {
      const error = await rejectionOf(Reflect.apply(connect, undefined, values))
      expect(String(error)).toContain('connect() got an argument too many')
    }
    expect(() => Reflect.construct(MqttClient, [{ url: 'mqtt://[::1]:9' }, callback])).toThrow('an argument too many')
    expect(() => Reflect.apply(client.handle, client, ['a', callback, callback])).toThrow('an argument too many')
    expect(opened).toBe(0)
  })

  test.each([
    [undefined, 'no server is named: give url'],
    [null, 'url has to be a string, not null'],
    [['mqtt://[::1]:9'], 'url has to be a string, not an array'],
  ])(
    'connect(%j, options) says what is wrong with its first argument, and not that the second is too many',
    async (url, advice) => {
      const error = await rejectionOf(Reflect.apply(connect, undefined, [url, { keepAlive: 30 }]))
      expect(error).toBeInstanceOf(UsageError)
      expect(String(error)).toContain(advice)
    },
  )

  test('what stands on the prototype of all objects is no option', async () => {
    Reflect.set(Object.prototype, 'polluted', null)
    onTestFinished(() => {
      Reflect.deleteProperty(Object.prototype, 'polluted')
    })
    const { client, connection } = await online({ queue: { maxMessages: 5 }, reconnect: { factor: 2 } })
    connection.serve()
    await client.publish('a', 'x', { qos: 1 })
    await client.subscribe([{ filter: 'a', qos: 1 }], { qos: 0 })
    await client.end({ timeoutMs: 1_000 })
  })
})

/** A signal of another realm or of a package: it is no AbortSignal of this realm, but it has the same members. */
function foreignSignal() {
  const target = new EventTarget()
  const signal = {
    aborted: false,
    reason: new Error('foreign'),
    addEventListener: target.addEventListener.bind(target),
    removeEventListener: target.removeEventListener.bind(target),
  }
  const abort = () => {
    signal.aborted = true
    target.dispatchEvent(new Event('abort'))
  }
  return { signal, abort }
}

describe('the signal of a call', () => {
  const notSignals = [{}, { aborted: false }, new EventTarget(), new AbortController(), 1, () => {}, 'abort']
  const calls: readonly [Method, (options: unknown) => unknown[]][] = [
    ['publish', (options) => ['a', 'x', options]],
    ['subscribe', (options) => ['a', options, callback]],
    ['messages', (options) => ['a', options]],
  ]

  test.each(calls)('of %s is refused where it is none, and nothing is sent or routed', async (method, values) => {
    let unrouted = 0
    const { client, connection } = await online({ onMessage: () => void unrouted++ })
    for (const signal of notSignals) {
      const error = await rejectionOf(call(client, method, ...values({ qos: 1, signal })))
      expect(String(error)).toContain('signal has to be an AbortSignal')
    }
    connection.send(message('a'))
    await quiet()
    expect(connection.names).toEqual(['connect'])
    expect(unrouted).toBe(1)
  })

  test.each(calls)('of %s may be null, as that of fetch', async (method, values) => {
    const { client, connection } = await online()
    connection.serve()
    expect(await outcomeOf(call(client, method, ...values({ qos: 1, signal: null })))).toHaveProperty('value')
  })

  test.each(calls)('of %s needs no other members, also before the session store is open', async (method, values) => {
    const store = { durable: true, open: async () => emptySession, append: async () => {}, close: async () => {} }
    const server = new FakeServer()
    server.serve()
    const client = clientOf(server, { clientId: 'c', store })
    const { signal } = foreignSignal()
    const called = outcomeOf(call(client, method, ...values({ qos: 1, signal })))
    client.connect()
    await server.admitted()
    expect(await called).toHaveProperty('value')
  })

  test('of connect() and of a client may be null too, and is refused where it is none', async () => {
    await online({ signal: null })
    const client = new MqttClient({ url: 'mqtt://[::1]:9' })
    onTestFinished(() => client.destroy())
    expect(String(await rejectionOf(call(client, 'connect', { signal: {} })))).toContain('an AbortSignal')
    expect(() => Reflect.construct(MqttClient, [{ url: 'mqtt://[::1]', signal: { aborted: false } }])).toThrow(
      UsageError,
    )
  })

  /** A signal that has all members, but one of them throws. */
  const throwing = (method: 'addEventListener' | 'removeEventListener') => ({
    ...foreignSignal().signal,
    [method]() {
      throw new Error('no listener here')
    },
  })
  const refusal = { message: expect.stringContaining('the addEventListener of signal threw') }

  test.each(calls)(
    'of %s may throw when it is listened to: nothing is sent, routed or kept',
    async (method, values) => {
      let unrouted = 0
      const { client, connection } = await online({ onMessage: () => void unrouted++ })
      const signal = throwing('addEventListener')
      const error = await rejectionOf(call(client, method, ...values({ qos: 1, signal })))
      expect(error).toBeInstanceOf(UsageError)
      expect(error).toMatchObject({ ...refusal, cause: new Error('no listener here') })
      connection.send(message('a'))
      await quiet()
      expect(connection.names).toEqual(['connect'])
      expect(unrouted).toBe(1)
      expect(client.stats).toMatchObject({ queued: 0, inFlight: 0 })
      await client.end()
    },
  )

  test.each(calls)('of %s may throw before the client is open', async (method, values) => {
    const store = {
      durable: true,
      open: () => new Promise<never>(() => {}),
      append: async () => {},
      close: async () => {},
    }
    const client = new MqttClient({ url: 'mqtt://[::1]:9', clientId: 'c', store })
    onTestFinished(() => client.destroy())
    const signal = throwing('addEventListener')
    expect(await rejectionOf(call(client, method, ...values({ qos: 1, signal })))).toMatchObject(refusal)
  })

  test('of ping(), of connect() and of a client may throw too, and then nothing has begun', async () => {
    const signal = throwing('addEventListener')
    const { client, connection } = await online()
    expect(await rejectionOf(call(client, 'ping', { signal }))).toMatchObject(refusal)
    await quiet()
    expect(connection.names).toEqual(['connect'])
    expect(() => Reflect.construct(MqttClient, [{ url: 'mqtt://[::1]', signal }])).toThrow(UsageError)
    let opened = 0
    const another = new MqttClient({
      stream: () => {
        opened += 1
        throw new Error('not reachable')
      },
    })
    onTestFinished(() => another.destroy())
    expect(await rejectionOf(call(another, 'connect', { signal }))).toMatchObject(refusal)
    expect({ state: another.state, opened }).toEqual({ state: 'idle', opened: 0 })
  })

  test.each(calls)('of %s may throw when it is left: the call has its outcome all the same', async (method, values) => {
    const { client, connection } = await online()
    connection.serve()
    const signal = throwing('removeEventListener')
    expect(await outcomeOf(call(client, method, ...values({ qos: 1, signal })))).toHaveProperty('value')
    expect(client.state).toBe('online')
  })

  test('is left when the queue has no room for the message', async () => {
    const { client } = await online({ maxInFlight: 1, queue: { maxMessages: 1 } })
    const { signal } = new AbortController()
    for (const text of ['1', '2']) client.publish('a', text, { qos: 1 })
    expect(String(await rejectionOf(client.publish('a', '3', { qos: 1, signal })))).toContain('QueueFullError')
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })

  test('may be of another realm: what counts is that it can be listened to', async () => {
    const { client, connection } = await online({ maxInFlight: 1 })
    const { signal, abort } = foreignSignal()
    client.publish('a', '1', { qos: 1 })
    const second = call(client, 'publish', 'a', '2', { qos: 1, signal })
    await connection.next('publish')
    abort()
    expect(await rejectionOf(second)).toBe(signal.reason)
  })
})
