/** Each program runs in a process of its own, to show whether that process ends by itself. No error may end it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { builtProgram } from '../../built-program.js'
import { FakeServer, message } from '../peers/fake-server.js'

interface Exit {
  readonly code: number | null
  readonly signal: string | null
  readonly out: string
  readonly errors: string
}

/** Runs a program until its process ends by itself. If the test fails first, the process is killed. */
async function run(program: string, ...values: string[]): Promise<Exit> {
  const path = await builtProgram(new URL(`../programs/${program}.ts`, import.meta.url))
  const child = spawn(process.execPath, [path, ...values], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => {
    child.kill()
  })
  let out = ''
  let errors = ''
  child.stdout.on('data', (chunk) => {
    out += chunk
  })
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  return new Promise((resolve) => child.on('close', (code, signal) => resolve({ code, signal, out, errors })))
}

/**
 * A server that answers CONNECT, SUBSCRIBE and one PUBLISH. The filter `cut` makes it close the connection, and `message`
 * makes it send one.
 */
async function listening(): Promise<{ server: FakeServer; url: string }> {
  const server = new FakeServer()
  server.onConnection = (connection) => {
    connection.onPacket = (packet) => {
      if (packet.type === 'connect') connection.send({ type: 'connack', sessionPresent: false, returnCode: 0 })
      if (packet.type === 'publish' && packet.qos === 1 && packet.topic === 'a' && packet.payload.toString() === 'x') {
        connection.send({ type: 'puback', packetId: packet.packetId })
      }
      if (packet.type === 'subscribe') {
        connection.send({ type: 'suback', packetId: packet.packetId, returnCodes: [0] })
        const [filter] = packet.subscriptions
        if (filter?.filter === 'cut') connection.close()
        if (filter?.filter === 'message') connection.send(message('message', 1, 1))
      }
    }
  }
  return { server, url: await server.listen() }
}

/**
 * Sends messages until the client publishes, and two thousand more, and closes then. Each is in a write of its own, and follows when the
 * one before has been written. On a busy machine the client reads many of them at once for a while, so there is no fixed number.
 */
async function streaming(): Promise<{ url: string; sent: () => number }> {
  let sent = 0
  const server = createServer((socket) => {
    const stream = async () => {
      let last = 200_000
      socket.once('data', () => {
        last = sent + 2_000
      })
      // CONNACK, and PUBLISH with Topic Name a and no payload.
      socket.write(Buffer.of(0x20, 2, 0, 0))
      for (; sent < last; sent += 1) {
        await new Promise((resolve) => socket.write(Buffer.of(0x30, 3, 0, 1, 0x61), resolve))
        await new Promise((resolve) => setImmediate(resolve))
      }
      socket.end()
    }
    socket
      .once('data', stream)
      .setNoDelay(true)
      .on('error', () => {})
  })
  server.listen(0, '::1')
  onTestFinished(() => {
    server.close()
  })
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return { url: `mqtt://[::1]:${address.port}`, sent: () => sent }
}

describe('a process', () => {
  test('that only receives a stream lives through the rests of its socket, until the stream has ended', async () => {
    const { url, sent } = await streaming()
    const { code, out, errors } = await run('receives-a-stream', url)
    expect({ code, out, errors }).toEqual({ code: 0, out: `rested, ${sent()} messages\n`, errors: '' })
  })

  test.each(['end', 'end-in-flight', 'destroy', 'never-connected'])(
    'ends by itself after its client has (%s)',
    async (way) => {
      const { url } = await listening()
      expect(await run('ends-by-itself', url, way)).toEqual({ code: 0, signal: null, out: 'done\n', errors: '' })
    },
  )

  test('survives every rejection that nobody awaits', async () => {
    const { url } = await listening()
    const { code, out, errors } = await run('unheeded', url)
    expect({ code, out }).toEqual({ code: 0, out: 'alive\n' })
    expect(errors).not.toMatch(/unhandled|UnhandledPromise/i)
  })

  test.each([
    'connect() failed, and that was caught',
    'the signal was aborted',
    'destroy() was given an error',
    'a loop caught the error',
    'await using was left',
    'a listener for close heard it',
  ])('ends with code 0 and says nothing where %s', async (way) => {
    const { url } = await listening()
    expect(await run('silent-end', url, way)).toEqual({ code: 0, signal: null, out: 'done\n', errors: '' })
  })

  test('ends with code 1 where a handler threw and nobody heard of it, and is told the topic and the remedy', async () => {
    const { url } = await listening()
    const { code, errors } = await run('silent-end', url, 'nobody heard it')
    expect(code).toBe(1)
    expect(errors).toContain('HandlerError')
    expect(errors).toContain('"message"')
    expect(errors).toContain('onHandlerError')
    expect(errors).toContain('the database is away')
  })
})
