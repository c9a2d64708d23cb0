/**
 * Whole clients against a server in another process that only acknowledges, so that the client is the limit: messages a
 * second, and what a message costs this process in microseconds of CPU time.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { ca } from '../../fixtures/tls/index.js'
import { roundsOf } from '../measure/rounds.js'
import { payload, topic } from '../measure/sample-message.js'
import { Countdown, ours, publishMany, type QoS, type Server, type Subject, theirs } from '../measure/subjects.js'
import type { Effort, Table } from '../part.js'
import { compareThroughput, tables, type Work } from './throughput.js'

/** A client, and the messages that it has been sent. */
interface Connected {
  readonly client: Subject
  readonly countdown: Countdown
}

const publish = (qos: QoS, width: number) => (subject: Connected, messages: number) =>
  publishMany(messages, width, () => subject.client.publish(topic, payload, qos))

/** The sink floods whom it is asked by. */
const receive =
  (qos: QoS) =>
  async ({ client, countdown }: Connected, messages: number): Promise<void> => {
    const done = countdown.start(messages)
    await client.publish(`flood/${qos}/${messages}/${payload.length}`, Buffer.alloc(0), 0)
    await done
  }

const works: readonly Work<Connected>[] = [
  { name: 'publish QoS 0, 1,000 at a time', messages: 200_000, run: publish(0, 1_000) },
  { name: 'publish QoS 1, 100 at a time', messages: 60_000, run: publish(1, 100) },
  { name: 'publish QoS 2, 100 at a time', messages: 30_000, run: publish(2, 100) },
  { name: 'receive QoS 0', messages: 200_000, run: receive(0) },
  { name: 'receive QoS 1', messages: 100_000, run: receive(1) },
  { name: 'receive QoS 2', messages: 50_000, run: receive(2) },
]

async function connected(connect: (server: Server) => Promise<Subject>, server: Server): Promise<Connected> {
  const [client, countdown] = [await connect(server), new Countdown()]
  await client.subscribe('plant/#', 2, countdown.count)
  return { client, countdown }
}

/** Messages that the sink has sent at QoS 2 are complete when it has their PUBCOMP; nobody waits for it. */
async function* against(server: Server, effort: Effort, link: 'TCP' | 'TLS'): AsyncGenerator<Table> {
  const subjects = { ours: await connected(ours, server), theirs: await connected(theirs, server) }
  const scale = { rounds: roundsOf(effort), share: effort === 'full' ? 1 : 0.01 }
  const results = await compareThroughput(works, subjects, scale)
  yield* tables(results, {
    id: `sink-${link.toLowerCase()}`,
    title: `Against a server that only acknowledges, ${link}`,
    how: 'Over [::1], 64-byte payloads, 35-byte topic; medians of 5 alternating rounds of 30,000 to 200,000 messages.',
  })
  await Promise.all([subjects.ours.client.end(), subjects.theirs.client.end()])
}

interface Ports {
  readonly tcp: number
  readonly tls: number
}

/** The sink, in a process of its own. It ends with this one. */
export async function startSink(): Promise<{ readonly process: ChildProcess; readonly ports: Ports }> {
  const sink = fork(new URL('./sink.ts', import.meta.url))
  const [ports]: Ports[] = await once(sink, 'message')
  if (ports === undefined) throw new Error('the sink told no ports')
  return { process: sink, ports }
}

export async function* run(effort: Effort): AsyncGenerator<Table> {
  const { process: sink, ports } = await startSink()
  yield* against({ port: ports.tcp }, effort, 'TCP')
  yield* against({ port: ports.tls, ca }, effort, 'TLS')
  sink.kill()
}
