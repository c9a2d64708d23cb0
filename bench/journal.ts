import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileStore, type JournalRecord, type SessionStore } from 'mqtt311/store'

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

/**
 * What a durable session costs: messages a second with one fsync for each and with group commit, bytes on disk for a
 * message, and the time to open a journal of 100,000. 64-byte payload, 34-byte topic, QoS 1, fsync 'always'.
 */
export async function run(): Promise<void> {
  const alone = await inDirectory(async (store) => {
    const count = 2_000
    return count / (await secondsOf(() => oneByOne(store, count)))
  })
  const rows: [string, string][] = [['one fsync for each message', `${whole(alone)} messages/s`]]
  for (const inTurn of [10, 100, 1000]) {
    const together = await inDirectory(async (store) => {
      const count = 100 * inTurn
      return count / (await secondsOf(() => groupCommit(store, count, inTurn)))
    })
    rows.push([`group commit, ${inTurn} in a turn`, `${whole(together)} messages/s`])
  }
  const bytes = await inDirectory(async (store, directory) => {
    await groupCommit(store, 10_000, 100)
    return (await directoryBytes(directory)) / 10_000
  })
  rows.push(['on disk, stored, sent and acknowledged', `${whole(bytes)} bytes/message`])
  const seconds = await inDirectory(async (store) => {
    const log = Array.from({ length: 100_000 }, (_, index) => queued(index + 1))
    await store.append(log)
    await store.close()
    return secondsOf(() => store.open('bench'))
  })
  rows.push(['opening a journal of 100,000 messages', `${whole(1000 * seconds)} ms`])
  for (const [what, result] of rows) console.log(`${what.padEnd(42)}${result.padStart(24)}`)
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

const whole = (value: number) => Math.round(value).toLocaleString('en')
