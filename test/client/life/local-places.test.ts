import { mkdtempSync, rmSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type AttemptEvent, type ClientOptions, connect, MqttClient } from '../../../src/index.js'
import { TestServer, testServer } from '../../../src/testing/index.js'
import { rejectionOf } from '../peers/client-on-pipe.js'
import { FakeServer } from '../peers/fake-server.js'

describe('a server behind a local socket', () => {
  function place(): string {
    const directory = mkdtempSync(join(tmpdir(), 'mqtt311-'))
    onTestFinished(() => rmSync(directory, { recursive: true }))
    return join(directory, 'broker.sock')
  }

  async function listenAt(path: string): Promise<TestServer> {
    const broker = new TestServer()
    const server = net.createServer((socket) => {
      const pipe = broker.stream()
      socket.on('error', () => {}).on('close', () => pipe.destroy())
      pipe.on('error', () => {}).on('close', () => socket.destroy())
      socket.pipe(pipe).pipe(socket)
    })
    await new Promise<void>((resolve) => server.listen(path, resolve))
    onTestFinished(async () => {
      await broker.close()
      server.close()
    })
    return broker
  }

  test('is reached by unix: and its path', async () => {
    const path = place()
    const broker = await listenAt(path)
    const attempts: AttemptEvent[] = []
    const client = await connect(`unix:${path}`, { on: { attempt: (event) => attempts.push(event) } })
    onTestFinished(() => client.destroy())
    await client.publish('a', Buffer.alloc(300_000, 'x'), { qos: 1 })
    expect((await broker.receives('publish')).payload).toHaveLength(300_000)
    expect(attempts).toEqual([{ number: 1, host: `unix:${path}` }])
    await client.end()
  })

  test('that is not there, or does not listen, is told', async () => {
    const path = place()
    const missing = await rejectionOf(connect(`unix:${path}`))
    expect(missing).toMatchObject({
      reason: 'refused',
      message: expect.stringContaining(`unix:${path} is no local socket`),
    })
    const directory = await rejectionOf(connect(`unix:${join(path, '..')}`))
    expect(directory).toMatchObject({ reason: 'refused' })
  })

  test('has no TLS', () => {
    expect(() => new MqttClient({ url: 'unix:/run/a.sock', tls: true })).toThrow(
      /unix:\/run\/a\.sock asks for a connection without TLS/,
    )
  })
})

describe('localAddress', () => {
  test('is the address that the server sees, without TLS too', async () => {
    const server = await testServer({ host: '127.0.0.1' })
    onTestFinished(() => server.close())
    const lookedAt: unknown[] = []
    const proxy = net.createServer((socket) => {
      lookedAt.push(socket.remoteAddress)
      const pipe = server.stream()
      socket.on('error', () => {}).on('close', () => pipe.destroy())
      socket.pipe(pipe).pipe(socket)
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void proxy.close())
    const address = proxy.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const client = await connect({ host: '127.0.0.1', port, localAddress: '127.0.0.2' })
    await client.end()
    expect(lookedAt).toEqual(['127.0.0.2'])
  })

  test('chooses the family, and each client has its own', async () => {
    const server = { host: '::1', port: 1 }
    expect(await rejectionOf(connect(server))).toMatchObject({ reason: 'refused' })
    expect(await rejectionOf(connect({ ...server, localAddress: '127.0.0.1' }))).toMatchObject({
      reason: 'unreachable',
      message: expect.stringContaining('with family 4'),
    })
  })

  test.each<[ClientOptions, RegExp]>([
    [
      { host: 'h', localAddress: 'eth0' },
      /localAddress has to be an address of this machine, IPv4 or IPv6, not a string of 4/,
    ],
    [
      { host: 'h', localAddress: '127.0.0.1', family: 6 },
      /localAddress is an IPv4 address, but family is 6: leave family out/,
    ],
    [{ stream: new FakeServer().stream, localAddress: '::1' }, /localAddress cannot be used beside stream/],
  ])('%# is refused where it cannot work', (options, message) => {
    expect(() => new MqttClient(options)).toThrow(message)
  })
})
