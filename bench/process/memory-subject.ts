/**
 * One measurement of memory in a process of its own, told to the parent as a message: what one client, or one message, adds to
 * what the process held before. The heap and the buffers beside it are counted after garbage collection.
 */
import type { Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { MqttClient as Rival } from 'mqtt'
import type { MqttClient } from 'mqtt311'
import { topic } from '../measure/sample-message.js'
import type { Server } from '../measure/subjects.js'

export type Holder = 'socket' | 'ours' | 'theirs'

/** What is held, and how many of it. */
export interface Job {
  readonly holder: Holder
  readonly holds: 'idle clients' | 'subscribed clients' | 'messages in flight' | 'messages queued' | 'nothing'
  readonly count: number
  readonly server: Server
}

/** Of one, on average. With 'nothing': what is left of all. */
export interface Held {
  readonly heapBytes: number
  readonly residentBytes: number
}

/** CONNECT with Clean Session 1, Keep Alive 60 and the Client Identifier `abcd`. */
const connectPacket = Buffer.from([0x10, 16, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 4, 0x61, 0x62, 0x63, 0x64])
const isConnack = (bytes: Buffer) => bytes[0] === 0x20

// Loaded by all, so that a client does not pay for what Node brings along: start-up has a bench of its own.
const net = await import('node:net')
const tls = await import('node:tls')
const secureContext = (ca: string) => tls.createSecureContext({ ca, minVersion: 'TLSv1.2' })

/** As the clients open theirs: one read buffer for all, and the same certificates. */
function socketOpener({ port, ca }: Server): () => Promise<Socket> {
  const buffer = Buffer.allocUnsafeSlow(65_536)
  const secure = ca === undefined ? undefined : { secureContext: secureContext(ca), servername: 'localhost' }
  return () =>
    new Promise((resolve, reject) => {
      const callback = (): boolean => {
        if (isConnack(buffer)) resolve(socket)
        return true
      }
      const address = { host: '::1', port, highWaterMark: 65_536, onread: { buffer, callback } }
      const socket = secure === undefined ? net.connect(address) : tls.connect({ ...address, ...secure })
      socket.setNoDelay(true).on('error', reject)
      socket.once(secure === undefined ? 'connect' : 'secureConnect', () => socket.write(connectPacket))
    })
}

async function ourMaker({ port, ca }: Server): Promise<(options?: object) => MqttClient> {
  const { MqttClient }: typeof import('mqtt311') = await import(new URL('../../dist/index.js', import.meta.url).href)
  const secure = ca === undefined ? {} : { tls: { secureContext: secureContext(ca), servername: 'localhost' } }
  return (options) => new MqttClient({ host: '::1', port, ...secure, ...options })
}

async function theirMaker({ port, ca }: Server): Promise<(options?: object) => Rival> {
  const { default: mqtt } = await import('mqtt')
  const secure =
    ca === undefined
      ? { protocol: 'mqtt' as const }
      : { protocol: 'mqtts' as const, secureContext: secureContext(ca), servername: 'localhost' }
  return (options) =>
    mqtt.connect({ host: '::1', port, protocolVersion: 4, manualConnect: true, ...secure, ...options })
}

/** Opens one client more and gives what has to be kept for it to stay. */
async function clientOpener({ holder, holds, server }: Job): Promise<() => Promise<unknown>> {
  if (holder === 'socket') return socketOpener(server)
  const subscribed = holds === 'subscribed clients'
  if (holder === 'ours') {
    const make = await ourMaker(server)
    return async () => {
      const client = make()
      await client.connect()
      if (subscribed) await client.subscribe(topic, () => {})
      return client
    }
  }
  const make = await theirMaker(server)
  return async () => {
    const client = make()
    const online = new Promise<void>((resolve) => client.once('connect', () => resolve()))
    client.connect()
    await online
    if (subscribed) client.on('message', () => {})
    if (subscribed) await client.subscribeAsync(topic)
    return client
  }
}

/** Publishes one message more at QoS 1; the promise settles with its acknowledgement. */
async function publisher({ holder, holds, server }: Job): Promise<(payload: Buffer) => Promise<unknown>> {
  const online = holds !== 'messages queued'
  if (holder === 'ours') {
    const room = { maxInFlight: 65_535, ackTimeoutMs: 600_000, queue: { maxMessages: 1_000_000 } }
    const client = (await ourMaker(server))(room)
    if (online) await client.connect()
    return (payload) => client.publish(topic, payload, { qos: 1 })
  }
  const client = (await theirMaker(server))()
  const connected = new Promise<void>((resolve) => client.once('connect', () => resolve()))
  if (online) client.connect()
  if (online) await connected
  return (payload) => client.publishAsync(topic, payload, { qos: 1 })
}

/** Everything that the measurement is about stays reachable from here. */
const kept: unknown[] = []

async function openClients(job: Job): Promise<(count: number) => Promise<void>> {
  const open = await clientOpener(job)
  return async (count) => {
    for (let left = count; left > 0; left -= 10)
      kept.push(...(await Promise.all(Array.from({ length: Math.min(10, left) }, open))))
  }
}

async function publishMessages(job: Job): Promise<(count: number) => Promise<void>> {
  const publish = await publisher(job)
  return async (count) => {
    // Each message has a payload of its own, as it would. What is never acknowledged is not waited for.
    for (let index = 0; index < count; index += 1) publish(Buffer.alloc(64, index)).catch(() => {})
  }
}

/** All of them are acknowledged, and nothing is to be left. */
async function publishAndWait(job: Job): Promise<(count: number) => Promise<void>> {
  const publish = await publisher(job)
  return async (count) => {
    for (let left = count; left > 0; left -= 100)
      await Promise.all(Array.from({ length: 100 }, (_, index) => publish(Buffer.alloc(64, index))))
  }
}

function work(job: Job): Promise<(count: number) => Promise<void>> {
  switch (job.holds) {
    case 'idle clients':
    case 'subscribed clients':
      return openClients(job)
    case 'messages in flight':
    case 'messages queued':
      return publishMessages(job)
    case 'nothing':
      return publishAndWait(job)
  }
}

/** Memory at rest: what is under way comes to its end, and what is garbage goes. */
async function memory(): Promise<Held> {
  for (let round = 0; round < 6; round += 1) {
    await pause(50)
    globalThis.gc?.()
  }
  const { heapUsed, external, rss } = process.memoryUsage()
  return { heapBytes: heapUsed + external, residentBytes: rss }
}

async function measure(job: Job): Promise<Held> {
  const add = await work(job)
  // The first ones pay for code that is compiled and for tables that have room for many.
  await add(Math.ceil(job.count / 10))
  const before = await memory()
  await add(job.count)
  const after = await memory()
  const shared = job.holds === 'nothing' ? 1 : job.count
  return {
    heapBytes: (after.heapBytes - before.heapBytes) / shared,
    residentBytes: (after.residentBytes - before.residentBytes) / shared,
  }
}

process.once('message', async (job: Job) => {
  process.send?.(await measure(job), () => process.exit())
})
