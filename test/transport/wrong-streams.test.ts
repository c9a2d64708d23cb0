import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { UsageError } from '../../src/errors.js'
import { type OpenStream, openStream } from '../../src/transport/index.js'
import { watch } from './loopback.js'
import { connected, pipe, turn } from './memory-pipe.js'

describe('opening a byte pipe', () => {
  it.each<[string, OpenStream]>([
    [
      'throws',
      () => {
        throw new Error('no proxy')
      },
    ],
    ['rejects', () => Promise.reject(new Error('no proxy'))],
  ])('tells the cause when the function %s', async (_, open) => {
    const client = watch(openStream(open))
    expect(client.told).toEqual([])
    expect(await client.closed).toMatchObject({ reason: 'other', cause: { message: 'no proxy' } })
    expect(client.told).toEqual(['closed'])
  })

  it.each(['destroy', 'end'] as const)('is aborted by %s(), and a pipe that comes later is destroyed', async (how) => {
    const [ours] = pipe()
    const signals: AbortSignal[] = []
    let deliver: (stream: Duplex) => void = () => {}
    const client = watch(
      openStream(({ signal }) => {
        signals.push(signal)
        return new Promise((resolve) => (deliver = resolve))
      }),
    )
    expect(signals.map((signal) => signal.aborted)).toEqual([false])
    client.transport[how]()
    expect(signals.map((signal) => signal.aborted)).toEqual([true])
    expect(await client.closed).toBeUndefined()
    deliver(ours)
    await turn()
    expect(ours.destroyed).toBe(true)
    expect(client.told).toEqual(['closed'])
  })

  it('does not abort the signal of a pipe that was handed over', async () => {
    const signals: AbortSignal[] = []
    const client = watch(
      openStream(({ signal }) => {
        signals.push(signal)
        return pipe()[0]
      }),
    )
    await client.peer
    client.transport.destroy()
    await client.closed
    expect(signals.map((signal) => signal.aborted)).toEqual([false])
  })

  it.each<[string, () => Duplex, RegExp]>([
    ['in object mode', () => new Duplex({ objectMode: true, read() {}, write() {} }), /object mode/],
    ['with readable objects', () => new Duplex({ readableObjectMode: true, read() {}, write() {} }), /object mode/],
    ['with writable objects', () => new Duplex({ writableObjectMode: true, read() {}, write() {} }), /object mode/],
    ['of strings', () => new Duplex({ encoding: 'utf8', read() {}, write() {} }), /a stream of strings \(utf8\)/],
  ])('refuses a stream %s', async (_, make, message) => {
    const stream = make()
    const client = watch(openStream(() => stream))
    const cause = await client.closed
    expect(cause).toBeInstanceOf(UsageError)
    expect(cause?.message).toMatch(message)
    expect(stream.destroyed).toBe(true)
    expect(client.told).toEqual(['closed'])
  })

  it('refuses a string that arrives later', async () => {
    const stream = new Duplex({ read() {}, write() {} })
    const client = watch(openStream(() => stream))
    await client.peer
    stream.setEncoding('utf8')
    stream.push('text')
    const cause = await client.closed
    expect(cause).toBeInstanceOf(UsageError)
    expect(cause?.message).toMatch(/a chunk of type string/)
  })

  it.each<[string, (stream: Duplex) => unknown]>([
    ['', (stream) => stream.destroy()],
    [' in our direction', (stream) => stream.end()],
    [
      ' in the direction of the server',
      (stream) => {
        stream.push(null)
        return once(stream.resume(), 'end')
      },
    ],
  ])('refuses a stream that is closed already%s', async (_, close) => {
    const stream = new Duplex({ read() {}, write() {} })
    await close(stream)
    expect(await watch(openStream(() => stream)).closed).toMatchObject({ reason: 'closed' })
  })

  it.each<[string, unknown, string]>([
    ['nothing', undefined, 'undefined'],
    ['null', null, 'null'],
    ['a URL', 'wss://[::1]', 'a string'],
    ['a WebSocket', { send() {}, close() {}, on() {} }, 'an object'],
  ])('refuses %s in place of a stream', async (_, given, kind) => {
    for (const give of [() => given, async () => given]) {
      const client = watch(Reflect.apply(openStream, undefined, [give]))
      const cause = await client.closed
      expect(cause).toBeInstanceOf(UsageError)
      expect(cause?.message).toBe(`the option stream gave ${kind}: return the Duplex, or a promise of it`)
    }
  })

  it('may come too late and be nothing: that harms nobody', async () => {
    let give: (value: unknown) => void = () => {}
    const later = new Promise<unknown>((resolve) => {
      give = resolve
    })
    const client = watch(Reflect.apply(openStream, undefined, [() => later]))
    client.transport.destroy()
    await client.closed
    give(undefined)
    await turn()
    expect(client.told).toEqual(['closed'])
  })
})

describe('a stream that throws', () => {
  const fault = new Error('WebSocket is not open: readyState 0 (CONNECTING)')

  it.each(['write', 'end', 'pause', 'resume'] as const)(
    'in %s ends the connection, and nothing else',
    async (method) => {
      const { client, ours } = await connected()
      ours[method] = () => {
        throw fault
      }
      if (method === 'write') expect(client.transport.write(Buffer.alloc(1))).toBe(false)
      else client.transport[method]()
      expect(client.told).toEqual(['opened'])
      expect(await client.closed).toMatchObject({ code: 'MQTT_CONNECTION_LOST', cause: fault })
      expect(ours.destroyed).toBe(true)
      expect(client.transport.write(Buffer.alloc(1))).toBe(false)
    },
  )

  it('at a later piece of a large chunk does the same', async () => {
    const { client, ours, remote } = await connected()
    const write = ours.write.bind(ours)
    let writes = 0
    Object.assign(ours, {
      write(...given: Parameters<typeof write>) {
        writes += 1
        if (writes > 1) throw fault
        return write(...given)
      },
    })
    client.transport.write(Buffer.alloc(1_000_000))
    remote.resume()
    expect(await client.closed).toMatchObject({ code: 'MQTT_CONNECTION_LOST', cause: fault })
  })

  it('in end behind a large chunk does the same', async () => {
    const { client, ours, remote } = await connected()
    remote.resume()
    client.transport.write(Buffer.alloc(1_000_000))
    await client.drained
    ours.end = () => {
      throw fault
    }
    client.transport.end()
    expect(await client.closed).toMatchObject({ code: 'MQTT_CONNECTION_LOST', cause: fault })
  })

  it('when it is listened to, or destroyed, does the same', async () => {
    for (const method of ['on', 'off', 'destroy'] as const) {
      const [ours] = pipe()
      const client = watch(openStream(() => ours))
      Object.assign(ours, {
        [method]() {
          throw fault
        },
      })
      await turn()
      client.transport.destroy()
      await client.closed
      expect(client.told.at(-1)).toBe('closed')
    }
  })
})
