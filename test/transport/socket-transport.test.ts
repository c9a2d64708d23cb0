import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import net from 'node:net'
import nodeTls from 'node:tls'
import { afterAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { ca } from '../../fixtures/tls/index.js'
import { ConnectionLostError } from '../../src/errors.js'
import { type OpenTransport, openSocket, TlsSettings, type Transport } from '../../src/transport/index.js'
import { ReadRests } from '../../src/transport/rests/read-rests.js'
import { drain, listenTcp, listenTls, remainingHandles, type Watched, watch } from './loopback.js'
import { SimulatedTime } from './rests/rest-time.js'

const tls = new TlsSettings({ ca })
const overTcp = (port: number, rests?: ReadRests, host = '::1'): OpenTransport =>
  openSocket({ endpoint: { host, port, tls: false }, tls: undefined, rests })
const overTls = (port: number, rests?: ReadRests): OpenTransport =>
  openSocket({ endpoint: { host: '::1', port, tls: true }, tls, rests })

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
const turn = () => new Promise((resolve) => setImmediate(resolve))

afterAll(async () => {
  expect(await remainingHandles()).toEqual([])
})

describe.each([
  ['TCP', listenTcp, overTcp],
  ['TLS', listenTls, overTls],
])('over %s', (name, listen, open) => {
  /** A client and the server's end of its connection, both open. */
  async function connected(hooks: Parameters<typeof watch>[1] = {}) {
    const { accepted, port, reset } = await listen()
    const client = watch(open(port), hooks)
    const [peer, remote] = await Promise.all([client.peer, accepted()])
    return { client, peer, remote, port, reset }
  }

  /** The same, with the socket of Node that the transport stands on. */
  async function connectedWithSocket() {
    const connect = name === 'TCP' ? vi.spyOn(net, 'connect') : vi.spyOn(nodeTls, 'connect')
    onTestFinished(() => connect.mockRestore())
    const connection = await connected()
    for (const { value } of connect.mock.results)
      if (value instanceof net.Socket) return { ...connection, socket: value }
    throw new Error('no socket was made')
  }

  it('tells who the peer is once the connection is open', async () => {
    const { peer, port } = await connected()
    expect(peer).toMatchObject({ address: '::1', port, family: 6 })
    if (name === 'TCP') expect(peer.tls).toBeUndefined()
    else expect(peer.tls).toEqual({ version: 'TLSv1.3', cipher: expect.stringMatching(/^TLS_/), resumed: false })
  })

  it('carries bytes both ways, one at a time', async () => {
    const { client, remote } = await connected()
    remote.pipe(remote)
    const bytes = Buffer.from('MQTT\x00\xff\x80 byte by byte', 'latin1')
    for (let sent = 1; sent <= bytes.length; sent++) {
      client.transport.write(bytes.subarray(sent - 1, sent))
      expect(await client.until(sent)).toEqual(bytes.subarray(0, sent))
    }
  })

  it('takes a Uint8Array that is no Buffer', async () => {
    const { client, remote } = await connected()
    const [[chunk]] = await Promise.all([once(remote, 'data'), client.transport.write(Uint8Array.of(1, 2, 3))])
    expect(chunk).toEqual(Buffer.of(1, 2, 3))
  })

  it('sends 16 MiB unchanged, asking the caller to wait and telling when there is room again [MQTT-7.1.2-1]', async () => {
    const { client, remote } = await connected()
    const received = drain(remote)
    const bytes = randomBytes(16 << 20)
    let offset = 0
    const { transport } = client
    await new Promise<void>((resolve) => {
      expect(transport.write(Buffer.alloc(0))).toBe(true)
      const fill = (): void => {
        while (offset < bytes.length) {
          const room = transport.write(bytes.subarray(offset, offset + 50_000))
          offset += 50_000
          if (!room) {
            client.drained.then(() => setImmediate(fill))
            return
          }
        }
        resolve()
      }
      fill()
    })
    transport.end()
    expect(digest(await received)).toBe(digest(bytes))
    expect(await client.closed).toBeUndefined()
  })

  describe('a socket in a stream of small reads', () => {
    /** A connection that rests, and the time of its rests: only its timer stands still. */
    async function resting() {
      const time = new SimulatedTime()
      const { accepted, port } = await listen()
      const client = watch(open(port, new ReadRests(time)), {
        received() {
          time.at += 0.2
          setImmediate(() => time.endTurn())
        },
      })
      const remote = await accepted()
      let sent = 0
      while (!time.isTimed) {
        sent += 1
        await Promise.all([client.until(sent), new Promise((resolve) => remote.write('x', resolve))])
        await turn()
      }
      return { ...client, time, remote, sent }
    }

    it('rests, and gets all bytes when its timer fires', async () => {
      const { time, remote, bytes, closed, sent } = await resting()
      remote.end('end')
      let isOver = false
      closed.then(() => {
        isOver = true
      })
      while (!isOver) {
        time.fire()
        await turn()
      }
      expect(await closed).toBeUndefined()
      expect(bytes().toString()).toBe(`${'x'.repeat(sent)}end`)
    })

    it.each([
      ['output', ({ transport }: Watched) => transport.write(Buffer.of(1))],
      ['a call of wake', ({ transport }: Watched) => expect(transport.wake()).toBe(true)],
      [
        'a pause and its end',
        ({ transport }: Watched) => {
          transport.pause()
          transport.resume()
        },
      ],
    ])('is read again at once after %s', async (_, end) => {
      const client = await resting()
      expect(client.time.isTimed).toBe(true)
      end(client)
      expect([client.time.isTimed, client.transport.wake()]).toEqual([false, false])
      client.remote.write('y')
      expect((await client.until(client.sent + 1)).toString()).toMatch(/xy$/)
    })

    it.each(['end', 'destroy'] as const)('leaves no timer after %s', async (way) => {
      const { time, transport, remote, closed } = await resting()
      remote.resume()
      transport[way]()
      expect(time.isTimed).toBe(false)
      await closed
    })
  })

  it('receives 16 MiB unchanged through pauses of every kind, and nothing while it is paused [MQTT-7.1.2-1]', async () => {
    let paused = false
    let count = 0
    const resume = (transport: Transport): void => {
      paused = false
      transport.resume()
    }
    const { client, remote } = await connected({
      received(transport) {
        expect(paused).toBe(false)
        const kind = count++ % 5
        if (kind === 0) return
        paused = true
        transport.pause()
        if (kind === 1) resume(transport)
        if (kind === 2) queueMicrotask(() => resume(transport))
        if (kind === 3) process.nextTick(() => resume(transport))
        if (kind === 4) setImmediate(() => resume(transport))
      },
    })
    const bytes = randomBytes(16 << 20)
    remote.end(bytes)
    expect(await client.closed).toBeUndefined()
    expect(digest(client.bytes())).toBe(digest(bytes))
  })

  it.each(['before', 'after'] as const)(
    'lets the server wait during a pause that began %s it was open',
    async (when) => {
      const { accepted, port } = await listen()
      const client = watch(open(port))
      if (when === 'before') client.transport.pause()
      const [remote] = await Promise.all([accepted(), client.peer])
      if (when === 'after') client.transport.pause()
      remote.write(Buffer.alloc(64 << 20))
      for (let turns = 0; turns < 5_000 && remote.writableLength > 0; turns++) await turn()
      expect(remote.writableLength).toBeGreaterThan(0)
      expect(client.told).toEqual(['opened'])
    },
  )

  it('keeps a pause that was asked for before it was open', async () => {
    const { accepted, port } = await listen()
    const client = watch(open(port))
    client.transport.pause()
    const [remote] = await Promise.all([accepted(), client.peer])
    await new Promise((resolve) => remote.write('early', resolve))
    await turn()
    expect(client.told).toEqual(['opened'])
    client.transport.resume()
    expect(await client.until(5)).toEqual(Buffer.from('early'))
  })

  it('keeps apart the bytes of connections that share the read buffer', async () => {
    const { accepted, port } = await listen()
    const clients = []
    for (let index = 0; index < 8; index++) {
      const client = watch(open(port))
      const [remote] = await Promise.all([accepted(), client.peer])
      clients.push({ client, remote, bytes: Buffer.alloc(300_000, index) })
    }
    for (const { remote, bytes } of clients) remote.write(bytes)
    for (const { client, bytes } of clients) expect(digest(await client.until(300_000))).toBe(digest(bytes))
  })

  it('counts what the operating system has not taken, and drains when the server reads', async () => {
    const { client, remote } = await connected()
    remote.pause()
    const { transport } = client
    const chunk = Buffer.alloc(1 << 20)
    let written = 0
    // The buffers of both ends take some megabytes before a write stays with us.
    while (transport.unsentBytes === 0 || written < 32 << 20) {
      transport.write(chunk)
      written += chunk.length
    }
    expect(transport.write(chunk)).toBe(false)
    expect(transport.unsentBytes).toBeGreaterThan(chunk.length)
    expect(client.told).toEqual(['opened'])
    remote.resume()
    await client.drained
    expect(transport.unsentBytes).toBe(0)
    expect(transport.write(Buffer.of(1))).toBe(true)
  })

  it('tells that a large chunk leaves while it does, then once that there is room, and what comes behind keeps its place', async () => {
    const { client, remote } = await connected()
    const received = drain(remote)
    const large = randomBytes(32 << 20)
    expect(client.transport.write(large)).toBe(false)
    expect(client.transport.write(Buffer.from('behind'))).toBe(false)
    const unsent = client.transport.unsentBytes
    expect(unsent).toBeGreaterThan(1 << 20)
    await client.drained
    expect(client.transport.unsentBytes).toBe(0)
    expect(client.told).toEqual(['opened', 'partlySent', 'drained'])
    expect(client.transport.write(Buffer.from(', last'))).toBe(true)
    client.transport.end()
    expect(digest(await received)).toBe(digest(Buffer.concat([large, Buffer.from('behind, last')])))
  })

  it('tells nothing of a large chunk that does not leave', async () => {
    const { client, remote } = await connected()
    remote.pause()
    client.transport.write(Buffer.alloc(32 << 20))
    // Until the buffers of both ends are full, it leaves.
    let unsent = 0
    while (unsent !== client.transport.unsentBytes) {
      unsent = client.transport.unsentBytes
      for (let turns = 0; turns < 100; turns++) await turn()
    }
    const told = client.told.length
    for (let turns = 0; turns < 100; turns++) await turn()
    expect(client.told.length).toBe(told)
    expect(client.told).not.toContain('drained')
    expect(client.transport.unsentBytes).toBeGreaterThan(0)
  })

  it('sends what was written before end(), then closes when the server closes', async () => {
    const { client, remote } = await connected()
    const received = drain(remote)
    client.transport.write(Buffer.alloc(32 << 20, 7))
    client.transport.end()
    client.transport.end()
    expect(client.transport.write(Buffer.from('late'))).toBe(false)
    expect((await received).length).toBe(32 << 20)
    expect(await client.closed).toBeUndefined()
    expect(client.told.filter((event) => event === 'closed')).toHaveLength(1)
  })

  it('drops what is written after end(), without an error', async () => {
    const { client, remote } = await connected()
    const received = drain(remote)
    client.transport.end()
    expect(client.transport.write(Buffer.from('late'))).toBe(false)
    expect(await received).toEqual(Buffer.alloc(0))
    expect(await client.closed).toBeUndefined()
  })

  it('closes without a cause when the server closes in good order', async () => {
    const { client, remote } = await connected()
    remote.end('bye')
    expect(await client.closed).toBeUndefined()
    expect(client.bytes().toString()).toBe('bye')
    expect(client.told).toEqual(['opened', 'received', 'closed'])
  })

  it('closes even when the server closes without reading what waits for it', async () => {
    const { client, remote } = await connected()
    remote.pause()
    while (client.transport.unsentBytes === 0) client.transport.write(Buffer.alloc(1 << 20))
    client.transport.write(Buffer.alloc(32 << 20))
    remote.end()
    await client.closed
    expect(client.told.at(-1)).toBe('closed')
  })

  it('says goodbye to a server that closes in good order, before it closes too', async () => {
    const { client, remote, socket } = await connectedWithSocket()
    let hasSaidGoodbye = false
    socket.once('finish', () => {
      hasSaidGoodbye = true
    })
    remote.end()
    await client.closed
    expect(hasSaidGoodbye).toBe(true)
  })

  it('takes no write between the FIN of the server and closed', async () => {
    const { client, remote, socket } = await connectedWithSocket()
    const late = new Promise((resolve) => socket.once('end', () => resolve(client.transport.write(Buffer.of(1)))))
    remote.end()
    expect(await late).toBe(false)
    expect(await client.closed).toBeUndefined()
  })

  it('closes on an error that Node emits without closing the socket', async () => {
    const { client, socket } = await connectedWithSocket()
    socket.emit('error', Object.assign(new Error('raw'), { code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }))
    expect(await client.closed).toMatchObject({ reason: 'tls' })
  })

  const room = name === 'TCP' ? 65_536 : 262_144

  it(`asks to wait from ${room / 1024} KiB on, whatever the version of Node`, async () => {
    const { client, socket } = await connectedWithSocket()
    socket.cork()
    for (let written = 0; written < room - 1; written += (room - 1) / 3)
      expect(client.transport.write(Buffer.alloc((room - 1) / 3))).toBe(true)
    expect(client.transport.unsentBytes).toBe(room - 1)
    expect(client.transport.write(Buffer.alloc(1))).toBe(false)
    socket.uncork()
    await client.drained
  })

  it('says that the connection was reset, by which server', async () => {
    const { client, port, reset } = await connected()
    reset()
    const cause = await client.closed
    expect(cause).toBeInstanceOf(ConnectionLostError)
    expect(cause).toMatchObject({
      reason: 'reset',
      message: `[::1]:${port} broke the connection off (ECONNRESET)`,
      cause: expect.objectContaining({ code: 'ECONNRESET' }),
    })
  })

  it.each(['received', 'opened'] as const)('tells only closed after destroy() within %s', async (event) => {
    const { port, server } = await listen()
    server.on(name === 'TCP' ? 'connection' : 'secureConnection', (socket: net.Socket) =>
      socket.write(Buffer.alloc(1 << 20)),
    )
    const client = watch(open(port), { [event]: (transport: Transport) => transport.destroy() })
    expect(await client.closed).toBeUndefined()
    await turn()
    expect(client.told).toEqual(event === 'opened' ? ['opened', 'closed'] : ['opened', 'received', 'closed'])
  })

  it.each(['destroy', 'end'] as const)('tells only closed after %s() before it is open', async (how) => {
    const { port } = await listen()
    const client = watch(open(port))
    client.transport[how]()
    expect(client.told).toEqual([])
    expect(await client.closed).toBeUndefined()
    expect(client.told).toEqual(['closed'])
  })

  it('never tells closed from within destroy(), and tells it once', async () => {
    const { client } = await connected()
    client.transport.destroy()
    client.transport.destroy()
    expect(client.told).toEqual(['opened'])
    expect(await client.closed).toBeUndefined()
    client.transport.destroy()
    client.transport.end()
    client.transport.pause()
    client.transport.resume()
    await turn()
    expect(client.told).toEqual(['opened', 'closed'])
  })

  it('tells nothing but closed after destroy(), whatever Node still emits', async () => {
    const { client, socket } = await connectedWithSocket()
    client.transport.destroy()
    for (const event of ['connect', 'secureConnect', 'drain', 'end']) socket.emit(event)
    socket.emit('error', new Error('late'))
    expect(await client.closed).toBeUndefined()
    expect(client.told).toEqual(['opened', 'closed'])
  })

  it('tells nothing but closed of a server that resets while it is destroyed', async () => {
    const { client, reset } = await connected()
    client.transport.write(Buffer.alloc(1 << 20))
    reset()
    client.transport.destroy()
    expect(await client.closed).toBeUndefined()
  })

  it('switches the algorithm of Nagle off', async () => {
    const noDelay = vi.spyOn(net.Socket.prototype, 'setNoDelay')
    const keepAlive = vi.spyOn(net.Socket.prototype, 'setKeepAlive')
    onTestFinished(() => {
      noDelay.mockRestore()
      keepAlive.mockRestore()
    })
    await connected()
    expect(noDelay.mock.calls).toEqual([[true]])
    expect(keepAlive).not.toHaveBeenCalled()
  })
})
