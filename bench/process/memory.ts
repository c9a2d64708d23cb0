/**
 * What clients and messages take while they are there, and what is left when they have gone. Every number comes from a process of
 * its own, and the servers are in others.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { ca } from '../../fixtures/tls/index.js'
import { startSink } from '../clients/against-sink.js'
import { median } from '../measure/machine.js'
import { alternate, compared, type Rounds, roundsOf } from '../measure/rounds.js'
import type { Server } from '../measure/subjects.js'
import type { Effort, Row, Table } from '../part.js'
import { resend } from './memory-resend.js'
import type { Held, Holder, Job } from './memory-subject.js'

async function held(job: Job): Promise<Held> {
  const execArgv = [...process.execArgv, '--expose-gc']
  const subject = fork(new URL('./memory-subject.ts', import.meta.url), { execArgv })
  subject.send(job)
  const [result]: Held[] = await once(subject, 'message')
  if (result === undefined) throw new Error('the process told nothing')
  return result
}

type Work = Omit<Job, 'holder'>

const by = (holder: Holder, work: Work) => () => held({ holder, ...work })

/** Both clients in turns, and a bare socket that has said CONNECT as well: it is subtracted. */
async function aboveSockets(rounds: number, work: Work): Promise<Rounds<Held> & { readonly socket: Held }> {
  const sockets: Held[] = []
  for (let round = 0; round < rounds; round += 1) sockets.push(await held({ holder: 'socket', ...work }))
  const socket = {
    heapBytes: median(sockets.map(({ heapBytes }) => heapBytes)),
    residentBytes: median(sockets.map(({ residentBytes }) => residentBytes)),
  }
  const above = ({ heapBytes, residentBytes }: Held): Held => ({
    heapBytes: heapBytes - socket.heapBytes,
    residentBytes: residentBytes - socket.residentBytes,
  })
  const { ours, theirs } = await alternate(rounds, by('ours', work), by('theirs', work))
  return { ours: ours.map(above), theirs: theirs.map(above), socket }
}

const kilobytes = ({ heapBytes }: Held) => heapBytes / 1000
const residentKilobytes = ({ residentBytes }: Held) => residentBytes / 1000

async function clientRows(name: string, rounds: number, work: Work): Promise<Row[]> {
  const results = await aboveSockets(rounds, work)
  const row = (what: string, measured: (held: Held) => number): Row => ({
    work: `${name}: ${what}`,
    unit: 'KB',
    ...compared(results, 'less', measured),
    anchor: measured(results.socket),
  })
  return [row('heap', kilobytes), row('resident', residentKilobytes)]
}

async function clients(tcp: Server, tls: Server, effort: Effort): Promise<Table> {
  const rounds = roundsOf(effort, 3)
  const [many, fewer] = effort === 'full' ? [1_000, 500] : [20, 10]
  return {
    id: 'memory-clients',
    title: 'Memory of a connected client',
    how:
      `Above a bare socket of node:net or node:tls that has said CONNECT; mean of ${many} clients over TCP and ${fewer} over TLS ` +
      `in one process, medians of ${rounds} processes each, in turns.`,
    rival: 'MQTT.js',
    anchor: 'bare socket',
    rows: [
      ...(await clientRows('idle, TCP', rounds, { holds: 'idle clients', count: many, server: tcp })),
      ...(await clientRows('one subscription, TCP', rounds, { holds: 'subscribed clients', count: many, server: tcp })),
      ...(await clientRows('idle, TLS', rounds, { holds: 'idle clients', count: fewer, server: tls })),
    ],
    notes: [
      'Heap: after garbage collection, with the buffers beside it. Resident memory, from the operating system, holds garbage too, and over TLS ' +
        'mostly what OpenSSL takes for each connection. All TLS connections of a process share one SecureContext here.',
    ],
  }
}

/** A server that takes the connection, and never acknowledges anything else. */
async function startSilence(): Promise<{ readonly server: Server; close(): void }> {
  const silent = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () => socket.write(Buffer.from([0x20, 2, 0, 0])))
    socket.resume()
  })
  silent.listen(0, '::1')
  await once(silent, 'listening')
  const address = silent.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  return { server: { port: address.port }, close: () => silent.close() }
}

async function messages(acknowledging: Server, effort: Effort): Promise<Table> {
  const rounds = roundsOf(effort, 3)
  const [count, gone] = effort === 'full' ? [10_000, 1_000_000] : [100, 1_000]
  const silence = await startSilence()
  const row = async (work: string, unit: string, job: Work, measured: (held: Held) => number): Promise<Row> => ({
    work,
    unit,
    ...compared(await alternate(rounds, by('ours', job), by('theirs', job)), 'less', measured),
  })
  const bytes = ({ heapBytes }: Held) => heapBytes
  const rows = [
    await row('in flight', 'bytes', { holds: 'messages in flight', count, server: silence.server }, bytes),
    await row('queued before connect', 'bytes', { holds: 'messages queued', count, server: silence.server }, bytes),
  ]
  const left = await row('left', 'KB', { holds: 'nothing', count: gone, server: acknowledging }, kilobytes)
  silence.close()
  return {
    id: 'memory-messages',
    title: 'Memory of a message at QoS 1',
    how:
      `Heap and buffers for each of ${count.toLocaleString('en')} messages of 64 bytes, payload and promise included; ` +
      `medians of ${rounds} processes each, in turns.`,
    rival: 'MQTT.js',
    rows,
    notes: [
      `What is left of ${gone.toLocaleString('en')} messages after the last acknowledgement: ${left.ours.toFixed(0)} KB with mqtt311, ` +
        `${left.theirs?.toFixed(0)} KB with MQTT.js.`,
    ],
  }
}

export async function* run(effort: Effort): AsyncGenerator<Table> {
  const { process: sink, ports } = await startSink()
  const tcp = { port: ports.tcp }
  yield await clients(tcp, { port: ports.tls, ca }, effort)
  yield await messages(tcp, effort)
  yield await resend(effort)
  sink.kill()
}
