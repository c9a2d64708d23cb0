/**
 * Getting a device online, against MQTT.js with the same credentials: milliseconds of wall clock from the call until
 * CONNACK has been read, over TLS 1.3 on the loopback interface.
 *
 * Cold: a new client signs, does a full handshake and connects. Again: the server has cut the connection, and the same
 * client connects once more; the wait before the attempt is not counted. There is no difference in what MQTT says, so what
 * is left is TLS: mqtt311 resumes its session, MQTT.js does the handshake anew.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import mqtt, { type MqttClient } from 'mqtt'
import { alternate, compared } from '../measure/rounds.js'
import type { Effort, Table } from '../part.js'
import { device, type Order, type Report } from './platform-server.js'

// The build, as users get it. The bare names would lead to the sources here, by the compiler's `paths`.
const built = (name: string) => new URL(`../../dist/${name}.js`, import.meta.url).href
const { connect }: typeof import('mqtt311') = await import(built('index'))
const { aliyun, aliyunProfile, signConnect }: typeof import('mqtt311/aliyun') = await import(built('aliyun'))

type Listening = Extract<Report, { kind: 'listening' }>

// The emulator takes any number of attempts here.
const { connectsPerMinute: _, ...profile } = aliyunProfile

/** Milliseconds to get online for the first time, and after a cut. */
interface Timing {
  readonly coldMs: number
  readonly againMs: number
}

/** The first connections load and compile what the later ones use, and are not counted. */
const scale = { full: { warmUp: 10, rounds: 61 }, quick: { warmUp: 1, rounds: 1 } }

async function ours({ host, port, ca }: Listening, cut: () => void): Promise<Timing> {
  const start = performance.now()
  const endpoint = { host, port }
  const reconnect = { minDelayMs: 1, maxDelayMs: 1, maxAttemptsPerMinute: 1_000_000 }
  const client = await connect(aliyun({ ...device, clientId: 'ours' }, { endpoint, tls: { ca }, profile, reconnect }))
  const coldMs = performance.now() - start
  const lost = once(client, 'offline')
  cut()
  const [{ retryInMs }] = await lost
  const from = performance.now() + retryInMs
  await once(client, 'online')
  const againMs = performance.now() - from
  await client.end()
  return { coldMs, againMs }
}

async function theirs({ host, port, ca }: Listening, cut: () => void): Promise<Timing> {
  const start = performance.now()
  const credentials = signConnect({ ...device, clientId: 'theirs' })
  const client = mqtt.connect({
    ...credentials,
    protocol: 'mqtts',
    host,
    port,
    ca,
    keepalive: 360,
    reconnectPeriod: 0,
    protocolVersion: 4,
  })
  client.on('error', () => {})
  await happens(client, 'connect')
  const coldMs = performance.now() - start
  const lost = happens(client, 'close')
  cut()
  await lost
  const from = performance.now()
  client.reconnect()
  await happens(client, 'connect')
  const againMs = performance.now() - from
  await client.endAsync()
  return { coldMs, againMs }
}

/** MQTT.js has its own types for events, which `once` of Node does not take. */
function happens(client: MqttClient, event: 'connect' | 'close'): Promise<void> {
  return new Promise((resolve) => client.once(event, () => resolve()))
}

function order(server: ChildProcess, what: Order): void {
  server.send(what)
}

async function report<Kind extends Report['kind']>(server: ChildProcess, kind: Kind) {
  const [told]: Report[] = await once(server, 'message')
  if (told !== undefined && told.kind === kind) return told
  throw new Error(`the server told ${told?.kind} instead of ${kind}`)
}

export async function* run(effort: Effort): AsyncGenerator<Table> {
  const { warmUp, rounds } = scale[effort]
  const server = fork(new URL('./platform-server.ts', import.meta.url))
  const at = await report(server, 'listening')
  if (at.kind !== 'listening') return
  const cut = () => order(server, 'cut')
  const each = [() => ours(at, cut), () => theirs(at, cut)] as const
  await alternate(warmUp, ...each)
  const timings = await alternate(rounds, ...each)
  order(server, 'report')
  const told = await report(server, 'resumed')
  server.disconnect()
  const resumed = told.kind === 'resumed' ? told.counts : {}
  yield {
    id: 'platform',
    title: 'Getting a device online',
    how: `From the call to CONNACK, TLS 1.3 on loopback; medians of ${rounds} alternating rounds.`,
    rival: 'MQTT.js',
    rows: [
      { work: 'cold: sign, TLS, CONNECT', unit: 'ms', ...compared(timings, 'less', ({ coldMs }) => coldMs) },
      { work: 'again after a cut', unit: 'ms', ...compared(timings, 'less', ({ againMs }) => againMs) },
    ],
    notes: [
      `TLS sessions resumed: mqtt311 ${resumed.ours ?? 0} of ${warmUp + rounds}, MQTT.js ${resumed.theirs ?? 0} of ${warmUp + rounds}.`,
    ],
  }
}
