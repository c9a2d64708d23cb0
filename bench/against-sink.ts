/**
 * Whole clients against a server in another process that only acknowledges, over TCP on `[::1]`: messages a second, and what a
 * message costs this process in microseconds of CPU. The two clients take turns; each number is the median of the rounds.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import mqtt from 'mqtt'
import { load, machine, median } from './machine.js'

const built = new URL('../dist/index.js', import.meta.url).href
const { connect }: typeof import('mqtt311') = await import(built)

type QoS = 0 | 1 | 2

/** What both clients can do. */
interface Subject {
  publish(qos: QoS): Promise<unknown>
  /** Asks the sink for so many messages; resolves when they have come. */
  receive(qos: QoS, count: number): Promise<void>
  end(): Promise<unknown>
}

interface Work {
  readonly name: string
  readonly messages: number
  run(subject: Subject, messages: number): Promise<unknown>
}

interface Result {
  readonly perSecond: number
  readonly microseconds: number
}

const topic = 'plant/line-7/robot-42/joint/3/torque'.slice(0, 35)
const payload = Buffer.alloc(64, 1)
const rounds = 3

async function publishing(subject: Subject, qos: QoS, messages: number, width: number): Promise<void> {
  let left = messages
  const worker = async (): Promise<void> => {
    while (left > 0) {
      left -= 1
      await subject.publish(qos)
    }
  }
  await Promise.all(Array.from({ length: width }, worker))
}

const works: readonly Work[] = [
  { name: 'publish QoS 0, 1,000 at a time', messages: 200_000, run: (subject, n) => publishing(subject, 0, n, 1_000) },
  { name: 'publish QoS 1, 100 at a time', messages: 60_000, run: (subject, n) => publishing(subject, 1, n, 100) },
  { name: 'publish QoS 2, 100 at a time', messages: 30_000, run: (subject, n) => publishing(subject, 2, n, 100) },
  { name: 'receive QoS 0', messages: 200_000, run: (subject, n) => subject.receive(0, n) },
  { name: 'receive QoS 1', messages: 100_000, run: (subject, n) => subject.receive(1, n) },
]

/** Counts messages down and tells when the last one has come. */
class Countdown {
  #left = 0
  #done = (): void => {}

  start(count: number): Promise<void> {
    this.#left = count
    return new Promise((resolve) => {
      this.#done = resolve
    })
  }

  readonly count = (): void => {
    this.#left -= 1
    if (this.#left === 0) this.#done()
  }
}

async function ours(port: number): Promise<Subject> {
  // As many as at a time, also at QoS 2: the sink has room, and MQTT.js knows no window.
  const client = await connect({ host: '::1', port, maxInFlight: 1_000 })
  const countdown = new Countdown()
  await client.subscribe('plant/#', { qos: 2 }, countdown.count)
  return {
    publish: (qos) => client.publish(topic, payload, { qos }),
    receive: async (qos, count) => {
      const done = countdown.start(count)
      await client.publish(`flood/${qos}/${count}/${payload.length}`, '')
      await done
    },
    end: () => client.end(),
  }
}

async function theirs(port: number): Promise<Subject> {
  const client = await mqtt.connectAsync({ host: '::1', port, protocol: 'mqtt', protocolVersion: 4 })
  const countdown = new Countdown()
  await client.subscribeAsync('plant/#', { qos: 2 })
  client.on('message', countdown.count)
  return {
    publish: (qos) => client.publishAsync(topic, payload, { qos }),
    receive: async (qos, count) => {
      const done = countdown.start(count)
      await client.publishAsync(`flood/${qos}/${count}/${payload.length}`, '')
      await done
    },
    end: () => client.endAsync(),
  }
}

async function measure(work: Work, subject: Subject): Promise<Result> {
  await work.run(subject, Math.ceil(work.messages / 10))
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  await work.run(subject, work.messages)
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  return { perSecond: work.messages / seconds, microseconds: (user + system) / work.messages }
}

function startSink(): Promise<{ readonly sink: ChildProcess; readonly port: number }> {
  const sink = fork(fileURLToPath(new URL('./sink.ts', import.meta.url)), { execArgv: ['--import', 'tsx'] })
  return new Promise((resolve, reject) => {
    sink.once('message', (port) => resolve({ sink, port: Number(port) }))
    sink.once('error', reject)
    sink.once('exit', (code) => reject(new Error(`the sink ended with ${code}`)))
  })
}

export async function run(): Promise<void> {
  const { sink, port } = await startSink()
  const [us, them] = [await ours(port), await theirs(port)]
  console.log('## Against a server that only acknowledges\n')
  console.log(`${machine()}, TCP on [::1], 64 bytes.`)
  console.log(`Median of ${rounds} alternating rounds. Load of the machine at the start: ${load()}.\n`)
  console.log('| work | mqtt311 /s | MQTT.js /s | ratio | mqtt311 CPU | MQTT.js CPU | ratio |')
  console.log('| --- | ---: | ---: | ---: | ---: | ---: | ---: |')
  for (const work of works) {
    const mine: Result[] = []
    const other: Result[] = []
    for (let round = 0; round < rounds; round += 1) {
      mine.push(await measure(work, us))
      other.push(await measure(work, them))
    }
    const rate = [mine, other].map((results) => median(results.map(({ perSecond }) => perSecond)))
    const cost = [mine, other].map((results) => median(results.map(({ microseconds }) => microseconds)))
    const ratios = (of: (round: number) => number) => median(mine.map((_, round) => of(round))).toFixed(1)
    const byRate = ratios((round) => (mine[round]?.perSecond ?? 0) / (other[round]?.perSecond ?? 1))
    const byCost = ratios((round) => (other[round]?.microseconds ?? 0) / (mine[round]?.microseconds ?? 1))
    console.log(
      `| ${work.name} | ${rate.map((value) => Math.round(value).toLocaleString('en')).join(' | ')} | ${byRate}x | ` +
        `${cost.map((value) => `${value.toFixed(2)} us`).join(' | ')} | ${byCost}x |`,
    )
  }
  await Promise.all([us.end(), them.end()])
  sink.removeAllListeners('exit')
  sink.kill()
}
