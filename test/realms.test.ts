/** Values of other realms, and this package in another realm than Node's modules: so it is under jest, and in `vm` contexts. */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import vm from 'node:vm'
import { build } from 'esbuild'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { unknownIssuer } from '../fixtures/tls/index.js'
import { encodePacket, PacketDecoder } from '../src/codec/index.js'
import { codeOf, isBytes, isError } from '../src/realms/foreign-values.js'
import { testServer } from '../src/testing/index.js'
import { clientOf, online, rejectionOf } from './client/peers/client-on-pipe.js'
import { FakeServer } from './client/peers/fake-server.js'

const foreign = (code: string): unknown => vm.runInNewContext(code)

/** Bytes of another realm. */
function foreignBytes(): Uint8Array {
  const bytes = foreign('new Uint8Array([0x61, 0x62])')
  if (bytes instanceof Uint8Array || !isBytes(bytes)) throw new Error('the bytes have to be of another realm')
  return bytes
}

function foreignError(message: string): Error {
  const error = foreign(`Object.assign(new TypeError(${JSON.stringify(message)}), { code: 'EFOREIGN' })`)
  if (error instanceof Error || !isError(error)) throw new Error('the error has to be of another realm')
  return error
}

describe('bytes of another realm', () => {
  test('are a payload, also of a message that waits and of a will', async () => {
    const will = { topic: 'gone', payload: foreignBytes() }
    const server = new FakeServer()
    const client = clientOf(server, { will, username: 'u', password: foreignBytes() })
    const waiting = client.publish('early', foreignBytes(), { qos: 1 })
    const connected = client.connect()
    const connection = await server.accepted()
    expect(await connection.admit()).toMatchObject({
      password: Buffer.from('ab'),
      will: { payload: Buffer.from('ab') },
    })
    await connected
    await client.publish('at/once', foreignBytes())
    expect(await connection.next('publish')).toMatchObject({ topic: 'early', payload: Buffer.from('ab') })
    expect(await connection.next('publish')).toMatchObject({ topic: 'at/once', payload: Buffer.from('ab') })
    client.destroy()
    await rejectionOf(waiting)
  })

  test('are encoded and decoded', () => {
    const packet = { type: 'publish', topic: 'a', payload: foreignBytes(), qos: 0, retain: false } as const
    const bytes = encodePacket(packet)
    const chunk = foreign(`new Uint8Array([${[...bytes]}])`)
    const decoder = new PacketDecoder()
    expect(isBytes(chunk) && decoder.decode(chunk)).toMatchObject([{ topic: 'a', payload: Buffer.from('ab') }])
  })

  test('are not other views, nor what only says that it is bytes', () => {
    expect(foreign('[new Int8Array(2), new DataView(new ArrayBuffer(2)), new ArrayBuffer(2), [1]]')).toSatisfy(
      (values: unknown[]) => values.every((value) => !isBytes(value)),
    )
    expect(isBytes({ [Symbol.toStringTag]: 'Uint8Array', byteLength: 2 })).toBe(false)
  })
})

describe('an error of another realm', () => {
  test('is the cause of what it causes, and not wrapped in another', async () => {
    const error = foreignError('no token')
    const credentials = () => Promise.reject(error)
    expect(await rejectionOf(clientOf(new FakeServer(), { credentials }).connect())).toMatchObject({ cause: error })
  })

  test('ends a client by destroy(error), or as the reason of its signal, as it is', async () => {
    const { client } = await online()
    const error = foreignError('shut down')
    const closed = rejectionOf(client.closed)
    client.destroy(error)
    expect(await closed).toBe(error)

    const abort = new AbortController()
    const other = await online({ signal: abort.signal })
    const alsoClosed = rejectionOf(other.client.closed)
    abort.abort(error)
    expect(await alsoClosed).toBe(error)
  })

  test('is named in the HandlerError', async () => {
    const { client, connection } = await online()
    client.handle('a', () => {
      throw foreignError('no room')
    })
    const closed = rejectionOf(client.closed)
    connection.send({ type: 'publish', topic: 'a', payload: Buffer.alloc(0), qos: 0, retain: false })
    expect(String(await closed)).toContain('(TypeError: no room)')
  })

  test('has its code read, and a value without one has none', () => {
    expect(codeOf(foreignError('x'))).toBe('EFOREIGN')
    expect([undefined, null, 'text', { code: 5 }, new Error('x')].map(codeOf)).toEqual(['', '', '', '', ''])
  })

  test('may be a DOMException', () => {
    expect(isError(new DOMException('x'))).toBe(true)
    expect(isError({ name: 'Error', message: 'x' })).toBe(false)
  })
})

describe('this package in a realm of its own, without a callback for import()', () => {
  type Package = typeof import('../src/index.js') & typeof import('../src/store/index.js')
  let run: (code: string) => Promise<unknown>

  beforeAll(async () => {
    const { outputFiles } = await build({
      stdin: {
        contents: `export * from './src/index.ts'; export * from './src/store/index.ts'`,
        resolveDir: fileURLToPath(new URL('..', import.meta.url)),
      },
      bundle: true,
      format: 'cjs',
      platform: 'node',
      target: 'node20',
      write: false,
    })
    const module: { exports: Partial<Package> } = { exports: {} }
    const { setTimeout, clearTimeout, setImmediate, clearImmediate, AbortController, performance } = globalThis
    const globals = { setTimeout, clearTimeout, setImmediate, clearImmediate, AbortController, performance }
    const require = createRequire(import.meta.url)
    const context = vm.createContext({ ...globals, Buffer, process, require, module })
    new vm.Script(outputFiles[0]?.text ?? '').runInContext(context)
    run = (code) => vm.runInContext(`(async () => { ${code} })()`, context)
  })

  test('says why a connection failed, as elsewhere', async () => {
    const server = await testServer({ tls: { ...unknownIssuer } })
    onTestFinished(() => server.close())
    const reason = (url: string) =>
      run(`return module.exports.connect(${JSON.stringify(url)}).catch((error) => error.reason)`)
    expect(await reason(server.url)).toBe('certificate-untrusted')
    expect(await reason('mqtt://name.invalid')).toBe('name-not-found')
    await server.close()
    expect(await reason(server.url)).toBe('refused')
  })

  test('publishes bytes of either realm', async () => {
    const server = await testServer()
    onTestFinished(() => server.close())
    const payloads = `Buffer.from('ab'), new Uint8Array([0x61, 0x62])`
    await run(`
      const client = await module.exports.connect(${JSON.stringify(server.url)})
      for (const payload of [${payloads}]) await client.publish('a', payload, { qos: 1 })
      await client.end()
    `)
    for (let received = 0; received < 2; received++) {
      expect(await server.receives('publish')).toMatchObject({ payload: Buffer.from('ab') })
    }
  })

  test('opens a store on disk', async () => {
    const path = await run(`
      const { mkdtemp, rm } = require('node:fs/promises')
      const directory = await mkdtemp(require('node:path').join(require('node:os').tmpdir(), 'mqtt311-realm-'))
      try {
        const store = module.exports.fileStore(directory)
        await store.open('session')
        await store.close()
        return directory
      } finally {
        await rm(directory, { recursive: true })
      }
    `)
    expect(path).toContain('mqtt311-realm-')
  })
})
