/**
 * How long a burst takes until the server has answered all of it. mosquitto as it ships leaves Nagle's algorithm on: it sends the first
 * answer alone, and holds the others until the client's TCP acknowledges the first, which takes 40 ms with a client that is silent. So
 * this starts two brokers: one as it ships, and one with `set_tcp_nodelay true`.
 */
import { setTimeout as pause } from 'node:timers/promises'
import { Broker } from '../../test/mosquitto/broker.js'
import { howRoundTrips, roundTripRows } from '../clients/round-trips.js'
import { median } from '../measure/machine.js'
import { alternate, compared, type Rounds, roundsOf } from '../measure/rounds.js'
import { payload, topic } from '../measure/sample-message.js'
import { Countdown, type OurSubject, ours, type Server, type Subject, theirs } from '../measure/subjects.js'
import type { Effort, Row, Table } from '../part.js'

interface Burst {
  readonly work: string
  /** Whether a single slow burst matters as well. */
  readonly slowest?: true
  /** Milliseconds of one burst. */
  run(client: Subject, connect: () => Promise<Subject>): Promise<number>
}

const retained = 5
/** Between two bursts, as a program that has something to say now and then. */
const pauseMs = 20
/** A burst that takes longer was held by Nagle's algorithm: on [::1] nothing else takes so long. */
const stalledMs = 30
const scale = {
  full: { bursts: 9, counted: 48, withoutNagle: 1_000 },
  quick: { bursts: 2, counted: 2, withoutNagle: 5 },
}

async function publishTogether(client: Subject, count: number, qos: 1 | 2): Promise<number> {
  const start = performance.now()
  await Promise.all(Array.from({ length: count }, () => client.publish(topic, payload, qos)))
  return performance.now() - start
}

async function subscribeUntilRetained(client: Subject): Promise<number> {
  const countdown = new Countdown()
  const start = performance.now()
  const all = countdown.start(retained)
  const unsubscribe = await client.subscribe('kept/+', 1, countdown.count)
  await all
  const ms = performance.now() - start
  await unsubscribe()
  return ms
}

const publishing = (count: number, qos: 1 | 2): Burst => ({
  work: `publish ${count} together, QoS ${qos}`,
  run: (client) => publishTogether(client, count, qos),
})

const subscribing: Burst = {
  work: `subscribe, until ${retained} retained messages have come`,
  run: subscribeUntilRetained,
}

/** Nothing is known of the server yet. */
const subscribingAtFirst: Burst = {
  work: 'the same, and first of all on a new connection',
  async run(_, connect) {
    const client = await connect()
    await pause(pauseMs)
    const ms = await subscribeUntilRetained(client)
    await client.end()
    return ms
  },
}

const small = [
  publishing(2, 1),
  publishing(10, 1),
  publishing(20, 1),
  publishing(2, 2),
  publishing(10, 2),
  publishing(20, 2),
]
const large: Burst = { ...publishing(500, 1), slowest: true }
const bursts = [...small, subscribing, subscribingAtFirst, large]

interface Connected {
  readonly server: Server
  readonly ours: OurSubject
  readonly theirs: Subject
}

async function connected(broker: Broker): Promise<Connected> {
  const server = { port: broker.port }
  const clients = { server, ours: await ours(server), theirs: await theirs(server) }
  for (let index = 0; index < retained; index += 1) await clients.ours.publish(`kept/${index}`, payload, 1, 'retain')
  return clients
}

type Measured = ReadonlyMap<Burst, Rounds<readonly number[]>>

async function measured(to: Connected, effort: Effort): Promise<Measured> {
  const results = new Map<Burst, Rounds<readonly number[]>>()
  for (const burst of bursts) {
    const round = (client: Subject, connect: (server: Server) => Promise<Subject>) => async () => {
      const all: number[] = []
      for (let left = scale[effort].bursts; left > 0; left -= 1) {
        all.push(await burst.run(client, () => connect(to.server)))
        await pause(pauseMs)
      }
      return all
    }
    results.set(burst, await alternate(roundsOf(effort), round(to.ours, ours), round(to.theirs, theirs)))
  }
  return results
}

/** The median of each round counts, and the slowest burst where it matters. */
function rowsOf(results: Measured): Row[] {
  return [...results].flatMap(([{ work, slowest }, rounds]) => {
    const usual = { work, unit: 'ms', ...compared(rounds, 'less', median) }
    if (slowest === undefined) return [usual]
    return [usual, { work: `${work}: the slowest`, unit: 'ms', ...compared(rounds, 'less', (all) => Math.max(...all)) }]
  })
}

function stalls(results: Measured): string {
  const counted = (side: 'ours' | 'theirs') => {
    const all = [...results.values()].flatMap((rounds) => rounds[side].flat())
    return `${all.filter((ms) => ms > stalledMs).length} of ${all.length}`
  }
  return `Bursts of all these kinds that took more than ${stalledMs} ms: mqtt311 ${counted('ours')}, MQTT.js ${counted('theirs')}.`
}

/** PINGREQs of each burst. */
async function pingreqs(client: OurSubject, bursts: number, publishes: number, pauseMs: number): Promise<number[]> {
  const each: number[] = []
  for (let left = bursts; left > 0; left -= 1) {
    const before = client.pingreqs()
    await publishTogether(client, publishes, 1)
    each.push(client.pingreqs() - before)
    await pause(pauseMs)
  }
  return each
}

async function pingreqTable(
  withNagle: Connected,
  withoutNagle: Connected,
  alone: number,
  effort: Effort,
): Promise<Table> {
  const { counted, withoutNagle: many } = scale[effort]
  const unit = 'PINGREQs'
  const rows: Row[] = []
  for (const publishes of [20, 100, 500]) {
    const each = await pingreqs(withNagle.ours, counted, publishes, pauseMs)
    const mean = each.reduce((sum, count) => sum + count, 0) / each.length
    rows.push({ work: `a burst of ${publishes}: on average`, unit, ours: mean })
    rows.push({ work: `a burst of ${publishes}: at most`, unit, ours: Math.max(...each) })
  }
  const client = await ours(withoutNagle.server)
  await pingreqs(client, many, 20, 2)
  rows.push({ work: 'all round trips of one message', unit, ours: alone })
  rows.push({ work: `${many.toLocaleString('en')} bursts of 20, set_tcp_nodelay true`, unit, ours: client.pingreqs() })
  await client.end()
  return {
    id: 'bursts-pingreqs',
    title: 'What a burst costs in PINGREQs',
    how: `Of ${counted} bursts each at QoS 1 to mosquitto as it ships, which the client knows by then; the last line is one connection from its beginning.`,
    rows,
  }
}

export async function* run(effort: Effort): AsyncGenerator<Table> {
  await using broker = await Broker.start({ nagle: 'on' })
  await using other = await Broker.start()
  const [withNagle, withoutNagle] = [await connected(broker), await connected(other)]
  const [results, anchors] = [await measured(withNagle, effort), await measured(withoutNagle, effort)]
  const how = `Over [::1], 64-byte payloads; medians of 5 alternating rounds of ${scale.full.bursts} bursts, with ${pauseMs} ms between two.`
  const plain = rowsOf(anchors)
  yield {
    id: 'bursts',
    title: 'Bursts, against mosquitto as it ships',
    how: `Until the server has answered all. ${how}`,
    rival: 'MQTT.js',
    anchor: 'mqtt311, set_tcp_nodelay true',
    rows: rowsOf(results).map((row, index) => ({ ...row, anchor: plain[index]?.ours ?? Number.NaN })),
    notes: [
      stalls(results),
      'mqtt311 wakes a server that holds answers back with a PINGREQ. One silence of 16 it leaves alone, to learn whether that is still needed.',
    ],
  }
  yield {
    id: 'bursts-nodelay',
    title: 'Bursts, against mosquitto with set_tcp_nodelay true',
    how,
    rival: 'MQTT.js',
    rows: plain,
    notes: [stalls(anchors)],
  }
  const before = withNagle.ours.pingreqs()
  yield {
    id: 'bursts-round-trip',
    title: 'Round trip of one QoS 1 message, against mosquitto as it ships',
    how: howRoundTrips,
    rival: 'MQTT.js',
    rows: await roundTripRows(withNagle, effort),
  }
  yield await pingreqTable(withNagle, withoutNagle, withNagle.ours.pingreqs() - before, effort)
  for (const { ours, theirs } of [withNagle, withoutNagle]) await Promise.all([ours.end(), theirs.end()])
}
