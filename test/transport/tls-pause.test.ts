import { once } from 'node:events'
import { afterAll, describe, expect, it } from 'vitest'
import { openSocket, TlsSettings, type Transport } from '../../src/transport/index.js'
import { listenTls, remainingHandles, watch } from './loopback.js'
import { Relay } from './relay.js'
import { ca } from './tls-connection.js'

afterAll(async () => {
  expect(await remainingHandles()).toEqual([])
})

describe('a pause over TLS', () => {
  /** Many records and the close of the server, which reach the client in one read; the client pauses at the first. */
  async function pausedInBurst(received: (transport: Transport, value: unknown) => void = () => {}, records = 50) {
    const { accepted, port } = await listenTls()
    const relay = await Relay.to(port)
    const tls = new TlsSettings({ ca })
    const client = watch(openSocket({ endpoint: { host: '::1', port: relay.port, tls: true }, tls }), {
      received: (transport, chunk) => {
        const value = Buffer.isBuffer(chunk) ? chunk[0] : undefined
        if (value === 0) transport.pause()
        received(transport, value)
      },
    })
    const [remote] = await Promise.all([accepted(), client.peer])
    remote.write('!')
    await client.until(1)
    relay.mode = 'collect'
    // Each in a record of its own, which Node makes only when the one before has gone.
    for (let index = 0; index < records; index++)
      await new Promise((resolve) => remote.write(Buffer.of(index), resolve))
    remote.end()
    await once(remote, 'finish')
    await new Promise((resolve) => setImmediate(resolve))
    relay.release()
    await client.until(2)
    // The records behind the first are decrypted in the same turn.
    await new Promise((resolve) => setImmediate(resolve))
    await new Promise((resolve) => setImmediate(resolve))
    return { client, relay }
  }
  const all = Buffer.from([0x21, ...Array.from({ length: 50 }, (_, index) => index)])

  it('holds back the records that were decrypted already, and the close behind them', async () => {
    const { client } = await pausedInBurst()
    expect(client.bytes()).toEqual(all.subarray(0, 2))
    expect(client.told).toEqual(['opened', 'received'])
    client.transport.resume()
    expect(client.bytes()).toEqual(all.subarray(0, 2))
    expect(await client.closed).toBeUndefined()
    expect(client.bytes()).toEqual(all)
  })

  it('holds back a single record and the close behind it', async () => {
    const { client } = await pausedInBurst(undefined, 2)
    expect(client.told).toEqual(['opened', 'received'])
    client.transport.resume()
    expect(await client.closed).toBeUndefined()
    expect(client.bytes()).toEqual(all.subarray(0, 3))
  })

  it('can be begun again while what was held back is told', async () => {
    const { client } = await pausedInBurst()
    client.transport.resume()
    client.transport.pause()
    await new Promise((resolve) => setImmediate(resolve))
    expect(client.bytes()).toEqual(all.subarray(0, 2))
    client.transport.resume()
    await client.closed
    expect(client.bytes()).toEqual(all)
  })

  it('ends with destroy() within received, while what was held back is told', async () => {
    const { client } = await pausedInBurst((transport, value) => {
      if (value === 5) transport.destroy()
    })
    client.transport.resume()
    expect(await client.closed).toBeUndefined()
    expect(client.bytes()).toEqual(all.subarray(0, 7))
  })

  it('ends with destroy(), which drops what was held back', async () => {
    const { client } = await pausedInBurst()
    client.transport.destroy()
    expect(client.told).toEqual(['opened', 'received'])
    expect(await client.closed).toBeUndefined()
    client.transport.resume()
    expect(client.bytes()).toEqual(all.subarray(0, 2))
  })
})
