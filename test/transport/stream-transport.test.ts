import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { ConnectionLostError } from '../../src/errors.js'
import { openStream, type Transport } from '../../src/transport/index.js'
import { watch } from './loopback.js'
import { connected, pipe, turn } from './memory-pipe.js'

/** Gives back what is written, and tells when 'two' was, within the call, as no stream of Node does. */
function echo(two: (stream: Duplex) => void): Duplex {
  return new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      this.push(chunk)
      if (String(chunk) === 'two') two(this)
      done()
    },
  })
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

describe("a byte pipe of the caller's", () => {
  it.each<[string, (stream: Duplex) => Duplex | Promise<Duplex>]>([
    ['as it is', (stream) => stream],
    ['as a promise', (stream) => Promise.resolve(stream)],
  ])('is opened when it is given %s, never within the call', async (_, give) => {
    const [ours] = pipe()
    const client = watch(openStream(() => give(ours)))
    expect(client.told).toEqual([])
    expect(await client.peer).toEqual({ address: undefined, port: undefined, family: undefined, tls: undefined })
    expect(client.told).toEqual(['opened'])
  })

  it('is asked for anew by every connection', async () => {
    const asked: AbortSignal[] = []
    const open = openStream(({ signal }) => {
      asked.push(signal)
      return pipe()[0]
    })
    await Promise.all([watch(open).peer, watch(open).peer])
    expect(new Set(asked).size).toBe(2)
  })

  it('carries bytes both ways', async () => {
    const { client, remote } = await connected()
    remote.pipe(remote)
    expect(client.transport.write(Uint8Array.of(1, 2, 255))).toBe(true)
    const echoed = await client.until(3)
    expect(echoed).toEqual(Buffer.of(1, 2, 255))
  })

  it('hands a Uint8Array on as a Buffer', async () => {
    const stream = new Duplex({ read() {}, write() {} })
    const chunks: unknown[] = []
    const client = watch(
      openStream(() => stream),
      { received: (_, chunk) => chunks.push(chunk) },
    )
    await client.peer
    stream.emit('data', new Uint8Array([0, 7, 8]).subarray(1))
    expect(chunks).toEqual([Buffer.of(7, 8)])
    expect(Buffer.isBuffer(chunks[0])).toBe(true)
  })

  it('loses nothing through pauses, and tells nothing while it is paused', async () => {
    let paused = false
    const { client, remote } = await connected({
      received(transport) {
        expect(paused).toBe(false)
        paused = true
        transport.pause()
        setImmediate(() => {
          paused = false
          transport.resume()
        })
      },
    })
    const bytes = randomBytes(4 << 20)
    for (let offset = 0; offset < bytes.length; offset += 30_000) remote.write(bytes.subarray(offset, offset + 30_000))
    remote.end()
    expect(await client.closed).toBeUndefined()
    expect(digest(client.bytes())).toBe(digest(bytes))
  })

  it('keeps a pause that was asked for before it was open', async () => {
    const [ours, remote] = pipe()
    const client = watch(openStream(() => ours))
    client.transport.pause()
    remote.write('early')
    await client.peer
    await turn()
    expect(client.told).toEqual(['opened'])
    client.transport.resume()
    expect(await client.until(5)).toEqual(Buffer.from('early'))
  })

  it('asks the caller to wait, counts what waits, and tells when there is room again', async () => {
    const { client, remote } = await connected()
    let written = 0
    while (client.transport.write(Buffer.alloc(10_000))) written += 10_000
    expect(written).toBeGreaterThan(0)
    expect(client.transport.unsentBytes).toBeGreaterThan(0)
    remote.resume()
    await client.drained
    expect(client.transport.unsentBytes).toBe(0)
  })

  it('is given a large chunk piece by piece, and tells of each that has been taken', async () => {
    const { client, ours, remote } = await connected()
    const sizes: number[] = []
    const { transport } = client
    expect(transport.write(Buffer.alloc(10_000))).toBe(true)
    expect(transport.write(Buffer.alloc(250_000))).toBe(false)
    expect(transport.write(Buffer.of(1))).toBe(false)
    expect(transport.unsentBytes).toBe(250_001)
    expect(ours.writableLength).toBe(98_304)
    remote.on('data', (chunk: Buffer) => {
      sizes.push(chunk.length)
    })
    await client.drained
    expect(sizes).toEqual([10_000, 98_304, 98_304, 53_392, 1])
    expect(client.told).toEqual(['opened', 'partlySent', 'drained'])
    expect(transport.unsentBytes).toBe(0)
    expect(transport.write(Buffer.of(2))).toBe(true)
  })

  it('that takes a large chunk at once asks to wait only if it tells when that is over, which some releases of Node do', async () => {
    const { client, remote } = await connected()
    // Whatever is read is taken within the call.
    remote.push = () => true
    const hasRoom = client.transport.write(Buffer.alloc(250_000))
    expect(client.transport.unsentBytes).toBe(0)
    if (!hasRoom) await client.drained
    await turn()
    expect(client.told).toEqual(hasRoom ? ['opened'] : ['opened', 'drained'])
  })

  it('ends behind a large chunk', async () => {
    const { client, remote } = await connected()
    client.transport.write(Buffer.alloc(250_000))
    client.transport.end()
    expect(client.transport.write(Buffer.of(1))).toBe(false)
    let length = 0
    remote.on('data', (chunk: Buffer) => {
      length += chunk.length
    })
    await once(remote, 'end')
    expect(length).toBe(250_000)
    expect(client.told).not.toContain('drained')
  })

  it('is not ended once it is closed, also where a large chunk went before', async () => {
    const { client, ours, remote } = await connected()
    client.transport.write(Buffer.alloc(250_000))
    remote.resume()
    await client.drained
    let ends = 0
    Object.assign(ours, { end: () => (ends += 1) })
    client.transport.destroy()
    client.transport.end()
    expect(ends).toBe(0)
  })

  it('sends what was written before end(), and closes when the other side closes', async () => {
    const { client, remote } = await connected()
    client.transport.write(Buffer.from('last'))
    client.transport.end()
    expect(client.transport.write(Buffer.from('late'))).toBe(false)
    const chunks: Buffer[] = []
    remote.on('data', (chunk) => chunks.push(chunk))
    await once(remote, 'end')
    expect(Buffer.concat(chunks).toString()).toBe('last')
    expect(client.told).toEqual(['opened'])
    remote.end()
    expect(await client.closed).toBeUndefined()
  })

  it('that pushes while it is written to is told of later, whole and in order, and its end behind it', async () => {
    const stream = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        this.push(chunk)
        // Within the call, as no stream of Node does.
        if (String(chunk) === 'last') this.emit('end')
        done()
      },
    })
    let isWriting = false
    const within: string[] = []
    const write = (text: string) => {
      isWriting = true
      client.transport.write(Buffer.from(text))
      isWriting = false
    }
    const client = watch(
      openStream(() => stream),
      {
        received(_, chunk) {
          if (isWriting) within.push(String(chunk))
          if (String(chunk) === 'a') for (const text of ['b', 'c', 'last']) write(text)
        },
        closed: () => void (isWriting && within.push('closed')),
      },
    )
    await client.peer
    write('a')
    expect(client.bytes().toString()).toBe('')
    expect(await client.closed).toBeUndefined()
    expect(client.bytes().toString()).toBe('abclast')
    expect(within).toEqual([])
  })

  it.each([
    ['ends', undefined, 'onetwo'],
    ['fails', new Error('gone'), 'one'],
  ])(
    'that pushes while it is written to and %s: a pause keeps the rest for later, but not behind a fault',
    async (_, fault, bytes) => {
      const stream = echo((echoing) => echoing.emit(fault === undefined ? 'end' : 'error', fault))
      const client = watch(
        openStream(() => stream),
        { received: (transport) => transport.pause() },
      )
      await client.peer
      // From here on the stream flows.
      await turn()
      for (const text of ['one', 'two']) client.transport.write(Buffer.from(text))
      await turn()
      expect(client.bytes().toString()).toBe('one')
      expect(client.told.includes('closed')).toBe(fault !== undefined)
      client.transport.resume()
      expect(await client.closed).toEqual(fault && expect.objectContaining({ cause: fault }))
      expect(client.bytes().toString()).toBe(bytes)
    },
  )

  it('that fails behind an end which a pause holds back tells the fault', async () => {
    const stream = echo((echoing) => echoing.emit('end'))
    const client = watch(
      openStream(() => stream),
      { received: (transport) => transport.pause() },
    )
    await client.peer
    await turn()
    for (const text of ['one', 'two']) client.transport.write(Buffer.from(text))
    await turn()
    expect(client.told).not.toContain('closed')
    const fault = new Error('gone')
    stream.emit('error', fault)
    expect(await client.closed).toMatchObject({ cause: fault })
  })

  it('that has room again while it is written to is told of later', async () => {
    const stream = new Duplex({
      read() {},
      write(_chunk, _encoding, done) {
        // Within the call, as no stream of Node does.
        this.emit('drain')
        done()
      },
    })
    const client = watch(openStream(() => stream))
    await client.peer
    client.transport.write(Buffer.from('a'))
    expect(client.told).toEqual(['opened'])
    await client.drained
    expect(client.told).toEqual(['opened', 'drained'])
  })

  it.each([10, 300_000])('that gives back %d bytes at once keeps the rest for after a pause', async (length) => {
    const stream = new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        this.push(chunk)
        done()
      },
    })
    const client = watch(openStream(() => stream))
    await client.peer
    const sent = randomBytes(length)
    client.transport.write(sent.subarray(0, 1))
    await client.until(1)
    client.transport.write(sent.subarray(1))
    client.transport.pause()
    await turn()
    expect(client.bytes()).toHaveLength(1)
    client.transport.resume()
    expect(digest(await client.until(length))).toBe(digest(sent))
  })

  it('is destroyed when the other side closes', async () => {
    const { client, ours, remote } = await connected()
    remote.end()
    expect(await client.closed).toBeUndefined()
    expect(ours.destroyed).toBe(true)
    expect(client.told).toEqual(['opened', 'closed'])
  })

  it.each([
    [
      'with the code',
      Object.assign(new Error('raw'), { code: 'ECONNRESET' }),
      'reset',
      /failed \(Error: raw\) \(ECONNRESET\)$/,
    ],
    ['without a code if there is none', new Error('raw'), 'other', /failed \(Error: raw\)$/],
  ])('tells why it failed, %s', async (_, error, reason, message) => {
    const { client, ours } = await connected()
    ours.destroy(error)
    const cause = await client.closed
    expect(cause).toBeInstanceOf(ConnectionLostError)
    expect(cause).toMatchObject({ reason, cause: error, message: expect.stringMatching(message) })
  })

  it('closes when it is destroyed by its maker', async () => {
    const { client, ours } = await connected()
    ours.destroy()
    expect(await client.closed).toBeUndefined()
  })

  it('is destroyed by destroy(), which tells only closed, once and later', async () => {
    const { client, ours, remote } = await connected()
    remote.write('unread')
    client.transport.destroy()
    client.transport.destroy()
    expect(ours.destroyed).toBe(true)
    expect(client.told).toEqual(['opened'])
    expect(await client.closed).toBeUndefined()
    client.transport.end()
    client.transport.pause()
    client.transport.resume()
    expect(client.transport.write(Buffer.of(1))).toBe(false)
    expect(client.transport.unsentBytes).toBe(0)
    await turn()
    expect(client.told).toEqual(['opened', 'closed'])
  })

  it.each(['opened', 'received'] as const)('tells only closed after destroy() within %s', async (event) => {
    const [ours, remote] = pipe()
    remote.write('some')
    remote.write('more')
    const client = watch(
      openStream(() => ours),
      { [event]: (transport: Transport) => transport.destroy() },
    )
    expect(await client.closed).toBeUndefined()
    await turn()
    expect(client.told).toEqual(event === 'opened' ? ['opened', 'closed'] : ['opened', 'received', 'closed'])
    expect(client.bytes().toString()).toBe(event === 'opened' ? '' : 'some')
  })

  it('closes even if it emits no close', async () => {
    const stream = new Duplex({ read() {}, write() {}, emitClose: false })
    const client = watch(openStream(() => stream))
    await client.peer
    client.transport.destroy()
    expect(await client.closed).toBeUndefined()
  })

  it('may fail after it was given up, and no listener of ours but that one is left', async () => {
    const { client, ours } = await connected()
    client.transport.destroy()
    await client.closed
    ours.emit('error', new Error('late'))
    expect(['data', 'drain', 'end', 'close', 'error'].map((event) => ours.listenerCount(event))).toEqual([
      0, 0, 0, 0, 1,
    ])
  })
})
