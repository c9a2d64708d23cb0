/**
 * What reading costs. A broker writes each packet by itself, so a client that keeps up is woken once for each. mqtt311 reads less often
 * when packets come fast; whether that makes a message late is measured as well. A client that publishes reads acknowledgements.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { ca } from '../../fixtures/tls/index.js'
import { Broker } from '../../test/mosquitto/broker.js'
import { Anchor, howToGetTheAnchor } from '../clients/anchor.js'
import { type Throughput, tables } from '../clients/throughput.js'
import { machineMs, median } from '../measure/machine.js'
import { alternate, compared, type Rounds, roundsOf } from '../measure/rounds.js'
import { payload } from '../measure/sample-message.js'
import { ours, type QoS, type Server } from '../measure/subjects.js'
import type { Effort, Table } from '../part.js'
import { Child } from './child.js'
import { preparedFlood } from './prepared-flood.js'
import type { Holder, Order, Report } from './subject.js'

/** A client in its process, and the topic from which it receives. */
class Process {
  readonly topic: string
  readonly #child: Child<Report>

  private constructor(child: Child<Report>, topic: string) {
    this.#child = child
    this.topic = topic
  }

  static async start(topic: string, holder: Omit<Holder, 'topic'>): Promise<Process> {
    const child = new Child<Report>(new URL('./subject.ts', import.meta.url))
    child.send({ ...holder, topic })
    await child.told()
    return new Process(child, topic)
  }

  /** Sends what the order asks for when the process waits for it. */
  async follow(order: Order, send: (messages: number) => void): Promise<Report> {
    this.#child.send(order)
    for (;;) {
      const told = await this.#child.told()
      if (told.is !== 'waiting') return told
      send(told.messages)
    }
  }

  end(): void {
    this.#child.end()
  }
}

interface Processes {
  readonly ours: Process
  /** With the default window. */
  readonly narrow: Process
  readonly theirs: Process
}

type Kind =
  | { readonly does: 'receive'; readonly qos: 0 | 1 }
  /** Nothing is sent to it. */
  | { readonly does: 'publish'; readonly qos: QoS }

type Work = Kind & {
  readonly name: string
  readonly messages: number
  readonly by: 'ours' | 'narrow'
}

const outstanding = 1_000
const waiting = outstanding.toLocaleString('en')
/** Each lasts for seconds: a second is too short for what V8 compiles, and for how often a stream is worth reading, to be known. */
const works: readonly Work[] = [
  { name: 'receive QoS 0', does: 'receive', qos: 0, messages: 1_000_000, by: 'ours' },
  { name: 'receive QoS 1', does: 'receive', qos: 1, messages: 200_000, by: 'ours' },
  { name: `publish QoS 1, ${waiting} outstanding`, does: 'publish', qos: 1, messages: 200_000, by: 'ours' },
  { name: `publish QoS 2, ${waiting} outstanding`, does: 'publish', qos: 2, messages: 100_000, by: 'ours' },
  {
    name: `publish QoS 1, ${waiting} waiting, default window`,
    does: 'publish',
    qos: 1,
    messages: 200_000,
    by: 'narrow',
  },
]

function some(messages: number, effort: Effort): number {
  return effort === 'full' ? messages : Math.ceil(messages / 250)
}

async function measured(broker: Broker, process: Process, work: Work, messages: number): Promise<Throughput> {
  const told = await process.follow({ does: work.does, qos: work.qos, width: outstanding, messages }, (count) => {
    if (work.does === 'receive') void preparedFlood(broker.port, process.topic, work.qos, count)
  })
  if (told.is !== 'measured') throw new Error(`a process of the bench told ${told.is}`)
  return told.throughput
}

async function throughputs(broker: Broker, processes: Processes, effort: Effort) {
  const results = new Map<string, Rounds<Throughput>>()
  for (const work of works) {
    const round = (process: Process) => () => measured(broker, process, work, some(work.messages, effort))
    results.set(work.name, await alternate(roundsOf(effort), round(processes[work.by]), round(processes.theirs)))
  }
  return results
}

/** The same tables with what C needs beside it: it has no window, and needs none to receive. */
async function withAnchor(plain: readonly Table[], broker: Broker, effort: Effort): Promise<readonly Table[]> {
  await using anchor = await Anchor.compile()
  if (anchor === undefined) return plain.map((table) => ({ ...table, notes: [howToGetTheAnchor] }))
  const found = new Map<string, readonly Throughput[]>()
  for (const work of works.filter(({ by }) => by === 'ours')) {
    const { name, does, qos } = work
    const job = { does, qos, messages: some(work.messages, effort), width: outstanding, topic: `anchor/${does}/${qos}` }
    const begin = () => {
      if (work.does === 'receive') void preparedFlood(broker.port, job.topic, work.qos, job.messages)
    }
    const rounds: Throughput[] = []
    for (let left = roundsOf(effort, 3); left > 0; left -= 1) rounds.push(await anchor.measure(broker.port, job, begin))
    found.set(name, rounds)
  }
  return plain.map((table) => ({
    ...table,
    anchor: 'libmosquitto (C)',
    rows: table.rows.map((row) => {
      const rounds = found.get(row.work)
      const value = ({ perSecond, cpuMicroseconds }: Throughput) => (row.unit === 'us' ? cpuMicroseconds : perSecond)
      return rounds === undefined ? row : { ...row, anchor: median(rounds.map(value)) }
    }),
  }))
}

/** How late messages come, in microseconds, sorted. `perMs` of them are sent each millisecond; of 0 one at a time, each 4 ms. */
async function delays(broker: Broker, process: Process, perMs: number, messages: number): Promise<number[]> {
  const publisher = await ours({ port: broker.port })
  const sent: number[] = []
  const send = async (): Promise<void> => {
    const start = machineMs()
    while (sent.length < messages) {
      const due = perMs === 0 ? sent.length + 1 : Math.min(messages, perMs * (machineMs() - start))
      while (sent.length < due) {
        sent.push(machineMs())
        await publisher.publish(process.topic, payload, 0)
      }
      await pause(perMs === 0 ? 4 : 1)
    }
  }
  const told = await process.follow({ does: 'listen', messages }, () => void send())
  await publisher.end()
  if (told.is !== 'heard') throw new Error(`a process of the bench told ${told.is}`)
  return told.at.map((at, index) => 1_000 * (at - (sent[index] ?? Number.NaN))).sort((a, b) => a - b)
}

const percentile = (share: number) => (sorted: readonly number[]) =>
  sorted[Math.floor(share * sorted.length)] ?? Number.NaN

const streamPerMs = 20

async function latency(broker: Broker, process: Processes, awake: Process, effort: Effort): Promise<Table> {
  const kinds = [
    { name: 'one at a time', perMs: 0, messages: some(400, effort) },
    { name: `${streamPerMs},000 a second`, perMs: streamPerMs, messages: some(20_000, effort) },
  ]
  const rows = []
  for (const { name, perMs, messages } of kinds) {
    const round = (of: Process) => () => delays(broker, of, perMs, messages)
    const rounds = await alternate(roundsOf(effort), round(process.ours), round(process.theirs))
    const anchors = []
    for (let left = roundsOf(effort); left > 0; left -= 1) anchors.push(await round(awake)())
    for (const [what, share] of [
      ['p50', 0.5],
      ['p99', 0.99],
    ] as const) {
      const value = percentile(share)
      const anchor = median(anchors.map(value))
      rows.push({ work: `${name}: ${what}`, unit: 'us', ...compared(rounds, 'less', value), anchor })
    }
  }
  return {
    id: 'receiving-latency',
    title: 'From publish() to a handler, over mosquitto as it ships',
    how: `QoS 0, TCP, over [::1]; where one is sent at a time, it is sent 4 ms behind the one before; p50: half are sooner, p99: 99 of 100; medians of 5 alternating rounds.`,
    rival: 'MQTT.js',
    anchor: 'mqtt311, lowLatency',
    rows,
  }
}

async function started(server: Server): Promise<Processes> {
  return {
    ours: await Process.start('to/ours', { client: 'ours', server }),
    narrow: await Process.start('to/narrow', { client: 'ours', options: { maxInFlight: 100 }, server }),
    theirs: await Process.start('to/theirs', { client: 'theirs', server }),
  }
}

export async function* run(effort: Effort): AsyncGenerator<Table> {
  // It drops what is beyond 1,000 waiting messages unless it is told otherwise: no client can help that.
  await using broker = await Broker.start({ nagle: 'on', settings: ['max_queued_messages 1000000'] })
  for (const [link, server] of [
    ['TCP', { port: broker.port }],
    ['TLS', { port: broker.tlsPort, ca }],
  ] as const) {
    const processes = await started(server)
    const plain = tables(await throughputs(broker, processes, effort), {
      id: `receiving-${link.toLowerCase()}`,
      title: `Reading what mosquitto sends as it ships, ${link}`,
      how:
        'Over [::1], 64-byte payloads, a client in a process of its own; messages come over TCP from a publisher that costs next to nothing; medians of 5 alternating ' +
        'rounds of 100,000 to 1,000,000 messages.',
    })
    yield* link === 'TCP' ? await withAnchor(plain, broker, effort) : plain
    if (link === 'TCP') {
      const awake = await Process.start('to/awake', { client: 'ours', options: { lowLatency: true }, server })
      yield await latency(broker, processes, awake, effort)
      awake.end()
    }
    for (const process of Object.values(processes)) process.end()
  }
}
