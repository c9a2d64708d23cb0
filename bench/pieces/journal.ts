import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileStore, type JournalRecord, type SessionStore } from 'mqtt311/store'
import type { Effort, Row, Table } from '../part.js'

const payload = Buffer.alloc(64, 0x61)
const topic = 'sensors/building-7/floor-3/room-12'

const queued = (sequence: number): JournalRecord => {
  return { kind: 'queued', sequence, topic, payload, qos: 1, retain: false }
}
/** What follows on a QoS 1 message when it is sent and acknowledged. */
const sent = (sequence: number): JournalRecord[] => [
  { kind: 'bound', sequence, packetId: 1 + (sequence % 65_535) },
  { kind: 'settled', sequence },
]

/** Messages a second, each on disk before the next. */
async function alone(count: number): Promise<Row> {
  const perSecond = await inDirectory(async (store) => count / (await secondsOf(() => oneByOne(store, count))))
  return { work: 'one fsync for each message', unit: '/s', ours: perSecond }
}

/** Messages a second, with one fsync for all of a turn of the event loop. */
async function together(inTurn: number, count: number): Promise<Row> {
  const perSecond = await inDirectory(
    async (store) => count / (await secondsOf(() => groupCommit(store, count, inTurn))),
  )
  return { work: `group commit, ${inTurn.toLocaleString('en')} in a turn`, unit: '/s', ours: perSecond }
}

async function onDisk(count: number): Promise<Row> {
  const bytes = await inDirectory(async (store, directory) => {
    await groupCommit(store, count, 100)
    return (await directoryBytes(directory)) / count
  })
  return { work: 'stored, sent and acknowledged, on disk', unit: 'bytes', ours: bytes }
}

async function opening(count: number): Promise<Row> {
  const seconds = await inDirectory(async (store) => {
    await store.append(Array.from({ length: count }, (_, index) => queued(index + 1)))
    await store.close()
    return secondsOf(() => store.open('bench'))
  })
  return { work: `opening a journal of ${count.toLocaleString('en')} messages`, unit: 'ms', ours: 1000 * seconds }
}

/** What a durable session costs. */
export async function* run(effort: Effort): AsyncGenerator<Table> {
  const share = effort === 'full' ? 1 : 0.01
  yield {
    id: 'journal',
    title: 'The journal of a durable Session',
    how: "Messages at QoS 1, 64-byte payload, 34-byte topic, fsync 'always'; one run of 1,000 to 100,000 messages each.",
    rows: [
      await alone(2_000 * share),
      await together(10, 1_000 * share),
      await together(100, 10_000 * share),
      await together(1_000, 100_000 * share),
      await onDisk(10_000 * share),
      await opening(100_000 * share),
    ],
  }
}

async function oneByOne(store: SessionStore, count: number): Promise<void> {
  for (let sequence = 1; sequence <= count; sequence++) await store.append([queued(sequence), ...sent(sequence)])
}

/** Each turn of the event loop appends `inTurn` messages, one by one, and the next begins when they are safe. */
async function groupCommit(store: SessionStore, count: number, inTurn: number): Promise<void> {
  for (let first = 1; first <= count; first += inTurn) {
    const turn: Promise<void>[] = []
    for (let sequence = first; sequence < first + inTurn; sequence++) {
      turn.push(store.append([queued(sequence), ...sent(sequence)]))
    }
    await Promise.all(turn)
  }
}

async function inDirectory<T>(work: (store: SessionStore, directory: string) => Promise<T>): Promise<T> {
  const directory = await mkdtemp(join(tmpdir(), 'mqtt311-bench-'))
  const store = fileStore(directory)
  try {
    await store.open('bench')
    return await work(store, directory)
  } finally {
    await store.close()
    await rm(directory, { recursive: true })
  }
}

async function directoryBytes(directory: string): Promise<number> {
  const sizes = (await readdir(directory)).map(async (name) => (await stat(join(directory, name))).size)
  return (await Promise.all(sizes)).reduce((sum, size) => sum + size, 0)
}

async function secondsOf(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1000
}
