/**
 * Ordinary programs, whose handlers await their own client: whether they come to an end, how soon, with how much memory, and
 * what they lose on the way. Each run has a process of its own, and a mosquitto of its own.
 */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { Broker, roomy } from '../../test/mosquitto/broker.js'
import { median } from '../measure/machine.js'
import { alternate, compared, type Rounds, roundsOf } from '../measure/rounds.js'
import { publishMany } from '../measure/subjects.js'
import type { Effort, Row, Table } from '../part.js'
import type { ProgramJob, ProgramName, Told } from './program-subject.js'

const built = new URL('../../dist/index.js', import.meta.url).href
const { connect }: typeof import('mqtt311') = await import(built)

const limitMs = 30_000

interface Program {
  readonly name: Exclude<ProgramName, 'again'>
  readonly title: string
  readonly how: string
  readonly count: number
  payload(index: number): Buffer
}

const noise = (bytes: number) => (index: number) => Buffer.alloc(bytes, `${index} `)

/** What a device says of itself: the topic of its state, and much that nobody reads here. */
function announcement(index: number): Buffer {
  const plain = JSON.stringify({ state_topic: `state/${index}`, about: '' })
  return Buffer.from(plain.replace('""', `"${'x'.repeat(700 - plain.length)}"`))
}

function programs(effort: Effort): readonly Program[] {
  const of = (full: number, quick: number) => (effort === 'full' ? full : quick)
  const text = (count: number) => count.toLocaleString('en')
  const [devices, messages, worked] = [of(3_000, 30), of(20_000, 200), of(500, 50)]
  return [
    {
      ...{ name: 'discovery', count: devices, payload: announcement },
      title: 'A handler that subscribes',
      how: `${text(devices)} retained messages of 700 bytes; the handler subscribes to the topic that each of them names.`,
    },
    {
      ...{ name: 'pictures', count: 3, payload: noise(of(1_200_000, 120_000)) },
      title: 'A handler that publishes what it found in a picture',
      how: 'Three messages of 1.2 MB at QoS 1; the handler publishes at QoS 1. mqtt311 with receiveWindow 1.',
    },
    {
      ...{ name: 'bridge', count: messages, payload: noise(64) },
      title: 'A bridge',
      how: `${text(messages)} messages of 64 bytes at QoS 1, as fast as they come; the handler publishes each under another topic at QoS 1.`,
    },
    {
      ...{ name: 'end', count: worked, payload: noise(64) },
      title: 'end() while handlers run',
      how:
        `${text(worked)} messages at QoS 1 in a persistent Session; the handler works for 20 to 59 ms, then publishes at QoS 1. end() comes when ` +
        `${text(worked / 5)} are handled, and the program starts a second time.`,
    },
  ]
}

/** One start of the program. `during` is what happens from when it is ready. */
async function start(job: ProgramJob, during: () => Promise<unknown>): Promise<Told> {
  const execArgv = [...process.execArgv, '--expose-gc']
  const subject = fork(new URL('./program-subject.ts', import.meta.url), { execArgv })
  const gone = once(subject, 'exit').then(([code, signal]) => {
    throw new Error(`the process of ${job.program} ended with ${code ?? signal} before it told what it found`)
  })
  gone.catch(() => {})
  const told = (): Promise<Told[]> => Promise.race([once(subject, 'message'), gone])
  // It keeps the limit itself, unless it is too busy for that.
  const stuck = setTimeout(() => subject.kill('SIGKILL'), limitMs + 30_000)
  try {
    subject.send(job)
    await told()
    subject.send('go')
    const [[result]] = await Promise.all([told(), during()])
    if (result === undefined) throw new Error(`the process of ${job.program} told nothing`)
    return result
  } finally {
    clearTimeout(stuck)
    subject.kill()
  }
}

interface Outcome {
  /** Until all was handled, or what end() took. */
  readonly milliseconds: number
  /** Messages. */
  readonly lost: number
  readonly twice: number
  readonly cameAgain: number
  readonly peakBytes: number
  readonly failure?: string | undefined
}

function outcome(count: number, first: Told, second?: Told): Outcome {
  const times = first.handled.slice(0, count).map((handled, index) => handled + (second?.handled[index] ?? 0))
  const finished = first.finished && (second?.finished ?? true)
  return {
    milliseconds: finished ? first.milliseconds : limitMs,
    lost: times.filter((handled) => handled === 0).length,
    twice: times.filter((handled) => handled > 1).length,
    cameAgain: second?.handled.slice(0, count).filter((handled) => handled > 0).length ?? 0,
    peakBytes: first.peakBytes,
    failure: first.failure ?? second?.failure,
  }
}

async function outcomeOf({ name, count, payload }: Program, holder: 'ours' | 'theirs'): Promise<Outcome> {
  // Of a burst, mosquitto drops what is beyond 1,000 messages unless it is told otherwise: no client can help that.
  await using broker = await Broker.start({ settings: roomy })
  await using publisher = await connect({ host: '::1', port: broker.port, maxInFlight: 1_000 })
  const publishAll = (retain: boolean) => {
    let next = 0
    return publishMany(count, 1_000, () => {
      const index = next++
      return publisher.publish(`in/${index}`, payload(index), { qos: 1, retain })
    })
  }
  const job = { holder, program: name, port: broker.port, count, enough: count / 5, limitMs }
  if (name === 'discovery') {
    await publishAll(true)
    return outcome(count, await start(job, async () => {}))
  }
  const first = await start(job, () => publishAll(false))
  if (name !== 'end') return outcome(count, first)
  await publisher.publish(`in/${count}`, 'the last one', { qos: 1 })
  return outcome(count, first, await start({ ...job, program: 'again' }, async () => {}))
}

function rows({ name }: Program, rounds: Rounds<Outcome>): Row[] {
  const counted = (work: string, count: (outcome: Outcome) => number): Row => ({
    ...{ work, unit: 'messages' },
    ours: median(rounds.ours.map(count)),
    theirs: median(rounds.theirs.map(count)),
  })
  return [
    name === 'end' ? timeOfEnd(rounds) : timeOfAll(rounds),
    ...(name === 'end' ? [counted('come at the next start', ({ cameAgain }) => cameAgain)] : []),
    counted('lost', ({ lost }) => lost),
    counted('handled twice', ({ twice }) => twice),
    {
      work: 'memory at the peak',
      unit: 'MB',
      ...compared(rounds, 'less', ({ peakBytes }) => peakBytes / 1_000_000),
    },
  ]
}

function timeOfAll(rounds: Rounds<Outcome>): Row {
  const limit = limitMs / 1000
  const { ours, theirs, ratio } = compared(rounds, 'less', ({ milliseconds }) => milliseconds / 1000)
  const row = { work: 'time until all is handled', unit: 's', ours, theirs, limit }
  return ours < limit && theirs < limit ? { ...row, ratio } : row
}

/** Without a ratio: the soonest end is the one that waits for nothing. */
function timeOfEnd(rounds: Rounds<Outcome>): Row {
  const { ours, theirs } = compared(rounds, 'less', ({ milliseconds }) => milliseconds)
  return { work: 'time that end() takes', unit: 'ms', ours, theirs, limit: limitMs }
}

/** The first failure of each client stands for all. */
function failures({ ours, theirs }: Rounds<Outcome>): string[] {
  const told = (client: string, outcomes: readonly Outcome[]) => {
    const messages = outcomes.flatMap(({ failure }) => failure ?? [])
    const [first] = messages
    return first === undefined ? [] : [`${client}, in ${messages.length} of ${outcomes.length} processes: ${first}`]
  }
  return [...told('mqtt311', ours), ...told('MQTT.js', theirs)]
}

export async function* run(effort: Effort): AsyncGenerator<Table> {
  const rounds = roundsOf(effort, 3)
  for (const program of programs(effort)) {
    const results = await alternate(
      rounds,
      () => outcomeOf(program, 'ours'),
      () => outcomeOf(program, 'theirs'),
    )
    yield {
      id: `programs-${program.name}`,
      title: program.title,
      how:
        `${program.how} Against mosquitto on [::1], whose queues have room for all; ${limitMs / 1000} s at most, and what is not handled by then counts as lost; ` +
        `resident memory above what was held before the messages came; medians of ${rounds} processes each, in turns.`,
      rival: 'MQTT.js',
      rows: rows(program, results),
      notes: failures(results),
    }
  }
}
