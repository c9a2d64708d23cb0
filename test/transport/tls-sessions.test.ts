import { randomBytes } from 'node:crypto'
import type net from 'node:net'
import type { SecureVersion } from 'node:tls'
import { afterAll, describe, expect, it } from 'vitest'
import { type Peer, TlsSettings } from '../../src/transport/index.js'
import { listenTls, remainingHandles } from './loopback.js'
import { Relay } from './relay.js'
import { ca, connectTo } from './tls-connection.js'

afterAll(async () => {
  expect(await remainingHandles()).toEqual([])
})

describe.each<SecureVersion>(['TLSv1.2', 'TLSv1.3'])('a session of %s', (version) => {
  /** Connects, waits for a byte (the tickets of TLS 1.3 come before it) and closes. */
  async function visit(port: number, tls: TlsSettings, host = '::1'): Promise<Peer> {
    const client = connectTo(port, tls, host)
    const peer = await client.peer
    await client.until(1)
    client.transport.destroy()
    await client.closed
    return peer
  }

  async function listenGreeting(options = {}, where = {}) {
    const listening = await listenTls({ minVersion: version, maxVersion: version, ...options }, where)
    listening.server.on('secureConnection', (socket: net.Socket) => socket.write('!'))
    return listening
  }

  it('is resumed by each later connection of the client', async () => {
    const { port } = await listenGreeting()
    const tls = new TlsSettings({ ca })
    const visits = [await visit(port, tls), await visit(port, tls), await visit(port, tls)]
    expect(visits.map((peer) => peer.tls)).toMatchObject([
      { version, resumed: false },
      { version, resumed: true },
      { version, resumed: true },
    ])
  })

  it('belongs to one server', async () => {
    const one = await listenGreeting()
    const other = await listenGreeting()
    const tls = new TlsSettings({ ca })
    await visit(one.port, tls)
    expect((await visit(other.port, tls)).tls?.resumed).toBe(false)
  })

  it('belongs to one client', async () => {
    const { port } = await listenGreeting()
    await visit(port, new TlsSettings({ ca }))
    expect((await visit(port, new TlsSettings({ ca }))).tls?.resumed).toBe(false)
  })

  it('is kept when TCP cannot connect', async () => {
    const ticketKeys = randomBytes(48)
    const first = await listenGreeting({ ticketKeys })
    const tls = new TlsSettings({ ca })
    await visit(first.port, tls)
    await new Promise((resolve) => first.server.close(resolve))
    expect(await connectTo(first.port, tls).closed).toMatchObject({ reason: 'refused' })
    await listenGreeting({ ticketKeys }, { port: first.port })
    expect((await visit(first.port, tls)).tls?.resumed).toBe(true)
  })

  it('is dropped when a handshake fails', async () => {
    const { port } = await listenGreeting()
    const relay = await Relay.to(port)
    const tls = new TlsSettings({ ca })
    await visit(relay.port, tls)
    expect((await visit(relay.port, tls)).tls?.resumed).toBe(true)
    relay.mode = 'reset'
    expect(await connectTo(relay.port, tls).closed).toMatchObject({
      reason: 'reset',
      message: expect.stringContaining('in the middle of the TLS handshake'),
    })
    relay.mode = 'pass'
    expect((await visit(relay.port, tls)).tls?.resumed).toBe(false)
  })

  it('and the name survive the step from one address of the host to the next', async () => {
    const { port, accepted } = await listenGreeting()
    const lookup: net.LookupFunction = (_host, _options, callback) =>
      callback(null, [
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ])
    const tls = new TlsSettings({ ca, lookup })
    expect((await visit(port, tls, 'localhost')).tls?.resumed).toBe(false)
    const remote = await accepted()
    expect('servername' in remote && remote.servername).toBe('localhost')
    expect((await visit(port, tls, 'localhost')).tls?.resumed).toBe(true)
  })
})
