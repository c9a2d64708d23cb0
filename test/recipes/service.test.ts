/** The service in a container: as pid 1, asked for its health, ended by SIGTERM, and followed by the next one on the same volume. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { TestServer } from 'mqtt311/testing'
import { expect, onTestFinished, test } from 'vitest'
import { builtProgram } from '../built-program.js'
import { recipe, recipeUrl } from './recipes.js'

interface Service {
  readonly process: ChildProcessWithoutNullStreams
  readonly port: number
  readonly errors: string[]
  /** The next line that the service prints. */
  next(): Promise<string>
}

async function freePort(): Promise<number> {
  const listener = createServer().listen(0, '::1')
  await once(listener, 'listening')
  const address = listener.address()
  listener.close()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return address.port
}

function volume(): string {
  const directory = mkdtempSync(join(tmpdir(), 'mqtt311-recipe-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return join(directory, 'session')
}

async function broker(): Promise<TestServer> {
  const server = new TestServer()
  await server.start()
  onTestFinished(() => server.close())
  return server
}

/** Starts the service, in place of a container with this command before it. */
async function start(url: string, session: string, ...before: string[]): Promise<Service> {
  const port = await freePort()
  const [command = '', ...values] = [...before, process.execPath, await builtProgram(recipeUrl('service.ts'))]
  const env = { ...process.env, MQTT_URL: url, SESSION: session, PORT: String(port) }
  const child = spawn(command, values, { env })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const errors: string[] = []
  child.stderr.on('data', (chunk) => errors.push(String(chunk)))
  return { process: child, port, errors, next: async () => String((await lines.next()).value) }
}

async function health({ port }: Service, path: string): Promise<string> {
  const response = await fetch(`http://[::1]:${port}${path}`)
  return `${response.status} ${await response.text()}`
}

/** In a pid namespace of its own the service is pid 1, as in a container. */
const asPid1 = ['unshare', ...(process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']), '--pid', '--fork']

/** The process in the namespace: `unshare` itself takes no SIGTERM while it waits for it. */
function childOf({ pid = 0 }: ChildProcessWithoutNullStreams): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8'))
}

test('as pid 1 it is ready when it is online, finishes what is in hand at SIGTERM, and ends with code 0', async () => {
  const server = await broker()
  const service = await start(server.url, volume(), ...asPid1)
  await server.receives('subscribe')
  expect(await health(service, '/ready')).toBe('200 online')
  await server.publish('orders/1', 'one', { qos: 1 })
  expect(await service.next()).toBe('handled one')
  process.kill(childOf(service.process), 'SIGTERM')
  await server.receives('disconnect')
  expect(await once(service.process, 'close')).toEqual([0, null])
})

test('without a server it is alive and not ready, and SIGTERM ends it all the same', async () => {
  const server = await broker()
  const { url } = server
  await server.stop()
  const service = await start(url, volume())
  for (;;) {
    const alive = await health(service, '/alive').catch(() => 'not listening yet')
    if (alive === '200 connecting') break
  }
  expect(await health(service, '/ready')).toBe('503 connecting')
  service.process.kill('SIGTERM')
  expect(await once(service.process, 'close')).toEqual([0, null])
})

test('in a rolling update the next pod gets what came in between, and none opens the volume of one that runs', async () => {
  const server = await broker()
  const session = volume()
  const first = await start(server.url, session)
  await server.receives('subscribe')
  const early = await start(server.url, session)
  expect(await once(early.process, 'close')).toEqual([1, null])
  expect(early.errors.join('')).toContain('StoreError')
  first.process.kill('SIGTERM')
  expect(await once(first.process, 'close')).toEqual([0, null])
  await server.publish('orders/2', 'two', { qos: 1 })
  const second = await start(server.url, session)
  expect(await second.next()).toBe('handled two')
  second.process.kill('SIGTERM')
  await once(second.process, 'close')
})

test('the manifests fit the program', () => {
  const program = recipe('service.ts')
  const kubernetes = recipe('kubernetes.yaml')
  const grace = Number(/terminationGracePeriodSeconds: (\d+)/.exec(kubernetes)?.[1])
  const drain = Number(/timeoutMs: ([\d_]+)/.exec(program)?.[1]?.replaceAll('_', ''))
  expect(grace * 1_000).toBeGreaterThan(drain)
  for (const [, name = ''] of kubernetes.matchAll(/name: ([A-Z_]+)\b/g)) expect(program).toContain(name)
  const image = recipe('Dockerfile')
  // The user of the image may not write into /app: its session is in a directory of its own, where Kubernetes mounts the volume too.
  const session = /^ENV SESSION=(\/\w+)\/\w+$/m.exec(image)?.[1] ?? ''
  expect(image).toContain(`RUN mkdir ${session} && chown node:node ${session}\n`)
  expect(kubernetes).toContain(`mountPath: ${session} }`)
  // runAsNonRoot refuses an image whose user has a name and no number.
  const [, user] = /^USER (\d+)$/m.exec(image) ?? []
  expect(kubernetes).toContain(`fsGroup: ${user}\n`)
  expect(image).toContain('CMD ["node", "service.js"]')
  for (const text of [image, kubernetes]) expect(text).toContain('/ready')
  for (const text of [image, kubernetes, program]) expect(text).toContain('8080')
})
