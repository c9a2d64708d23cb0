/**
 * Whole clients against a mosquitto that this starts itself: CPU time a message, messages a second as far as the broker
 * goes, and the round trip of one message at low load. libmosquitto, in C, is the anchor.
 */
import { ca } from '../../fixtures/tls/index.js'
import { Broker, roomy } from '../../test/mosquitto/broker.js'
import { median } from '../measure/machine.js'
import { roundsOf } from '../measure/rounds.js'
import { payload } from '../measure/sample-message.js'
import { Countdown, ours, publishMany, type QoS, type Server, type Subject, theirs } from '../measure/subjects.js'
import type { Effort, Table } from '../part.js'
import { Anchor, howToGetTheAnchor } from './anchor.js'
import { flood } from './flood.js'
import { roundTrips } from './round-trips.js'
import { compareThroughput, type Throughput, tables, type Work } from './throughput.js'

/** A client, the topic that it publishes to, the one that it has subscribed to, and what it has been sent of that. */
interface Connected {
  readonly client: Subject
  readonly out: string
  readonly in: string
  readonly countdown: Countdown
}

interface BrokerWork extends Work<Connected> {
  readonly does: 'publish' | 'receive'
  readonly qos: QoS
  readonly width: number
}

function publishing(qos: QoS, width: number, messages: number): BrokerWork {
  return {
    ...{ does: 'publish', qos, width, messages },
    name: `publish QoS ${qos}, ${width.toLocaleString('en')} at a time`,
    run: ({ client, out }, count) => publishMany(count, width, () => client.publish(out, payload, qos)),
  }
}

/** Messages come over TCP from a process of its own, whatever carries them to the client. */
function receiving(broker: Broker, qos: QoS, messages: number): BrokerWork {
  return {
    ...{ does: 'receive', qos, width: 100, messages },
    name: `receive QoS ${qos}`,
    run: async ({ countdown, in: topic }, count) => {
      await Promise.all([countdown.start(count), flood(broker.port, topic, qos, count)])
    },
  }
}

function worksOn(broker: Broker): readonly BrokerWork[] {
  return [
    publishing(0, 1_000, 100_000),
    publishing(1, 100, 30_000),
    publishing(2, 100, 20_000),
    receiving(broker, 0, 50_000),
    receiving(broker, 1, 30_000),
    receiving(broker, 2, 20_000),
  ]
}

async function connected(
  connect: (server: Server) => Promise<Subject>,
  server: Server,
  who: string,
): Promise<Connected> {
  const subject = { client: await connect(server), out: `nobody/${who}`, in: `for/${who}`, countdown: new Countdown() }
  await subject.client.subscribe(subject.in, 2, subject.countdown.count)
  return subject
}

async function anchored(anchor: Anchor, broker: Broker, work: BrokerWork, messages: number): Promise<Throughput> {
  const topic = `${work.does}/anchor/qos-${work.qos}`
  const begin = () => {
    if (work.does === 'receive') void flood(broker.port, topic, work.qos, messages)
  }
  return anchor.measure(broker.port, { ...work, messages, topic }, begin)
}

/** The same tables with what C needs beside it. */
async function withAnchor(plain: readonly Table[], broker: Broker, works: readonly BrokerWork[], effort: Effort) {
  await using anchor = await Anchor.compile()
  if (anchor === undefined) return plain.map((table) => ({ ...table, notes: [howToGetTheAnchor] }))
  const measured = new Map<string, readonly Throughput[]>()
  for (const work of works) {
    const rounds: Throughput[] = []
    const messages = effort === 'full' ? work.messages : Math.ceil(work.messages / 100)
    for (let round = 0; round < roundsOf(effort, 3); round += 1)
      rounds.push(await anchored(anchor, broker, work, messages))
    measured.set(work.name, rounds)
  }
  return plain.map((table) => ({
    ...table,
    anchor: 'libmosquitto (C)',
    rows: table.rows.map((row) => {
      const values = (measured.get(row.work) ?? []).map((t) => (row.unit === 'us' ? t.cpuMicroseconds : t.perSecond))
      return { ...row, anchor: median(values) }
    }),
  }))
}

export async function* run(effort: Effort): AsyncGenerator<Table> {
  await using broker = await Broker.start({ settings: roomy })
  const works = worksOn(broker)
  const scale = { rounds: roundsOf(effort), share: effort === 'full' ? 1 : 0.01 }
  for (const [link, server] of [
    ['TCP', { port: broker.port }],
    ['TLS', { port: broker.tlsPort, ca }],
  ] as const) {
    const subjects = {
      ours: await connected(ours, server, 'mqtt311'),
      theirs: await connected(theirs, server, 'mqtt-js'),
    }
    const results = await compareThroughput(works, subjects, scale)
    const plain = tables(results, {
      id: `mosquitto-${link.toLowerCase()}`,
      title: `Against mosquitto, ${link}`,
      how: 'Over [::1], 64-byte payloads; medians of 5 alternating rounds of 20,000 to 100,000 messages.',
    })
    yield* link === 'TCP' ? await withAnchor(plain, broker, works, effort) : plain
    yield await roundTrips(link, { ours: subjects.ours.client, theirs: subjects.theirs.client }, effort)
    await Promise.all([subjects.ours.client.end(), subjects.theirs.client.end()])
  }
}
