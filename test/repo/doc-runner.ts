/**
 * Runs the programs of the documentation as they stand there, in this process, against servers on the loopback
 * interface. What a reader would have at hand is put in the place of what the text names: the ports that are free here, a
 * folder of its own, the certificates of the fixtures, the emulator for the platform.
 */
import { EventEmitter } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { format } from 'node:util'
import { Aedes } from 'aedes'
import * as mqtt311 from 'mqtt311'
import * as platformEntry from 'mqtt311/aliyun'
import * as codec from 'mqtt311/codec'
import * as explain from 'mqtt311/explain'
import * as serverProfiles from 'mqtt311/servers'
import * as store from 'mqtt311/store'
import * as storeTesting from 'mqtt311/store/testing'
import * as testing from 'mqtt311/testing'
import ts from 'typescript'
import { startPlatform } from '../../fixtures/platform/index.js'
import { ca, server as serverIdentity } from '../../fixtures/tls/index.js'
import { Listener, loopback } from '../../src/testing/listener.js'
import { type Block, declares } from './doc-blocks.js'

const device = { productKey: 'a1readme', deviceName: 'reader', deviceSecret: 'a secret of the documentation' }

/** The servers that the programs meet. */
export async function startServers() {
  const broker = await Aedes.createBroker()
  const where = { hosts: loopback, port: 0 }
  const plain = await Listener.listen({ ...where, tls: undefined }, broker.handle)
  const secure = await Listener.listen({ ...where, tls: { ...serverIdentity, ca } }, broker.handle)
  const folder = mkdtempSync(join(tmpdir(), 'mqtt311-readme-'))
  const platform = await startPlatform({ devices: [device], limits: 'off' })
  const at = ({ host, port }: { host: string; port: number }) => `${host.includes(':') ? `[${host}]` : host}:${port}`
  return {
    plain: `mqtt://${at(plain)}`,
    secure: `mqtts://${at(secure)}`,
    platform,
    folder,
    async close() {
      await platform.close()
      await new Promise<void>((resolve) => broker.close(() => resolve()))
      await plain.close()
      await secure.close()
      rmSync(folder, { recursive: true })
    },
  }
}

export type Servers = Awaited<ReturnType<typeof startServers>>

/** Runs a block to its end and gives what it printed. Every client that it made is ended. */
export async function run(block: Block, servers: Servers): Promise<string[]> {
  const printed: string[] = []
  const clients = new Set<mqtt311.MqttClient>()
  const modules = modulesFor(servers, clients)
  const client = declares(block, 'client') ? undefined : await mqtt311.connect(servers.plain)
  if (client !== undefined) clients.add(client)
  const print = (...values: unknown[]) => printed.push(...format(...values).split('\n'))
  const program = compile(block, servers)
  try {
    const load = (name: string) => modules[name] ?? createRequire(import.meta.url)(name)
    const console = { log: print, warn: print, error: print }
    await program(load, {}, console, surroundings(), ...(declares(block, 'client') ? [] : [client]), device)
  } finally {
    await Promise.all([...clients].map((each) => each.end({ timeoutMs: 1_000 })))
  }
  return printed
}

type Program = (...values: unknown[]) => Promise<void>

function compile(block: Block, servers: Servers): Program {
  const { outputText } = ts.transpileModule(replaceNames(block.code, servers), {
    compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
  })
  const AsyncFunction = (async () => {}).constructor
  const names = ['require', 'exports', 'console', 'process', ...(declares(block, 'client') ? [] : ['client'])]
  if (!declares(block, 'device')) names.push('device')
  return Reflect.construct(AsyncFunction, [...names, outputText])
}

function replaceNames(code: string, servers: Servers): string {
  const tls = fileURLToPath(new URL('../../fixtures/tls/', import.meta.url))
  return code
    .replaceAll('mqtts://[::1]', servers.secure)
    .replaceAll('mqtt://[::1]', servers.plain)
    .replaceAll("'./session'", JSON.stringify(join(servers.folder, 'session')))
    .replaceAll(/'((?:ca|client|client-key)\.pem)'/g, (_, name: string) => JSON.stringify(`${tls}${name}`))
}

function modulesFor(servers: Servers, clients: Set<mqtt311.MqttClient>): Readonly<Record<string, unknown>> {
  class MqttClient extends mqtt311.MqttClient {
    constructor(options: mqtt311.ClientOptions) {
      super(options)
      clients.add(this)
    }
  }
  const connect = async (url: string | mqtt311.ClientOptions, options: mqtt311.ClientOptions = {}) => {
    const client = new MqttClient(nearby(typeof url === 'string' ? { ...options, url } : url, servers))
    await client.connect()
    return client
  }
  return {
    mqtt311: { ...mqtt311, MqttClient, connect },
    'mqtt311/aliyun': platformEntry,
    'mqtt311/codec': codec,
    'mqtt311/explain': explain,
    'mqtt311/servers': serverProfiles,
    'mqtt311/store': store,
    'mqtt311/store/testing': storeTesting,
    'mqtt311/testing': testing,
  }
}

/** The same options, but the emulator where they lead to the platform. */
function nearby({ host, ...options }: mqtt311.ClientOptions, { platform }: Servers): mqtt311.ClientOptions {
  if (host === undefined) return options
  if (!host.endsWith('.aliyuncs.com')) return { ...options, host }
  return { ...options, port: undefined, family: 0, url: platform.url, tls: { ca: platform.ca } }
}

/** A process that is told to stop as soon as it listens for that. */
function surroundings() {
  const { productKey: PRODUCT_KEY, deviceName: DEVICE_NAME, deviceSecret: DEVICE_SECRET } = device
  const signals = new EventEmitter()
  signals.on('newListener', (name: string) => setImmediate(() => signals.emit(name)))
  return Object.assign(signals, { env: { PRODUCT_KEY, DEVICE_NAME, DEVICE_SECRET }, exitCode: 0 })
}
