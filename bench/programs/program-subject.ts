/**
 * One ordinary program in a process of its own. It tells its parent that it is ready, is told to go, and tells how often it has
 * handled each message. A message is handled when its handler has got what it awaited.
 */
import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { forgetPeak, resident } from '../measure/resident.js'
import { ours, type ProgramClient, theirs } from './program-client.js'

/** `again` is the next start of what `end` has ended. */
export type ProgramName = 'discovery' | 'pictures' | 'bridge' | 'end' | 'again'

export interface ProgramJob {
  readonly holder: 'ours' | 'theirs'
  readonly program: ProgramName
  readonly port: number
  /** Messages, of the topics `in/0` and so on. `again` gets one more, behind all that its Session holds. */
  readonly count: number
  /** `end` ends when so many are handled. */
  readonly enough: number
  readonly limitMs: number
}

export interface Told {
  readonly finished: boolean
  /** Until all was handled; with `end`, what end() took. */
  readonly milliseconds: number
  /** How often, for each message. */
  readonly handled: readonly number[]
  /** Above what was held when the program was ready. */
  readonly peakBytes: number
  readonly failure?: string | undefined
}

const session = { clientId: 'program' }
const isPersistent = (program: ProgramName) => program === 'end' || program === 'again'

async function handle(program: ProgramName, client: ProgramClient, index: number, payload: Buffer): Promise<unknown> {
  switch (program) {
    case 'discovery':
      return client.subscribe(JSON.parse(payload.toString()).state_topic)
    case 'pictures':
      return client.publish(`seen/${index}`, Buffer.from(`${payload.length} bytes`))
    case 'bridge':
      return client.publish(`out/${index}`, payload)
    case 'end':
    case 'again':
      // Work that takes a while, and not always as long: end() comes in the midst of it.
      await pause(20 + (index % 40))
      return client.publish(`done/${index}`, payload)
  }
}

/** Counts what is handled, and tells when the program has done what it was to do. */
class Tally {
  readonly handled: number[]
  readonly done: Promise<void>
  readonly #job: ProgramJob
  #resolve = (): void => {}
  #different = 0
  #running = 0

  constructor(job: ProgramJob) {
    this.#job = job
    this.handled = Array.from({ length: job.count + 1 }, () => 0)
    this.done = new Promise((resolve) => {
      this.#resolve = resolve
    })
  }

  async count(index: number, handling: Promise<unknown>): Promise<void> {
    this.#running += 1
    try {
      await handling
      const times = (this.handled[index] ?? 0) + 1
      this.handled[index] = times
      if (times === 1) this.#different += 1
    } finally {
      this.#running -= 1
      if (this.#isDone()) this.#resolve()
    }
  }

  #isDone(): boolean {
    const { program, count, enough } = this.#job
    if (program === 'end') return this.#different >= enough
    if (program === 'again') return this.handled[count] !== 0 && this.#running === 0
    return this.#different === count
  }
}

async function run(job: ProgramJob): Promise<Told> {
  const { program, holder, port, limitMs } = job
  const tally = new Tally(job)
  let failure: string | undefined
  const failed = ({ message }: Error) => {
    failure ??= message
  }
  const client = await (holder === 'ours' ? ours : theirs)({
    port,
    session: isPersistent(program) ? session : undefined,
    receiveWindow: program === 'pictures' ? 1 : undefined,
    handler: (self, topic, payload) => {
      const index = Number(topic.slice('in/'.length))
      return tally.count(index, handle(program, self, index, payload))
    },
    failed,
  })
  if (program !== 'discovery') await client.receive(1)
  const before = forgetPeak()
  process.send?.('ready')
  await once(process, 'message')

  let startedAt = performance.now()
  if (program === 'discovery') client.receive(0).catch(failed)
  const finished = await Promise.race([tally.done.then(() => true), pause(limitMs, false)])
  if (program === 'end') {
    startedAt = performance.now()
    await client.end()
  }
  const milliseconds = finished ? performance.now() - startedAt : limitMs
  // What comes a second time comes soon.
  await pause(200)
  return { finished, milliseconds, handled: tally.handled, peakBytes: resident().peak - before, failure }
}

const [job]: ProgramJob[] = await once(process, 'message')
if (job === undefined) throw new Error('the parent gave no job')
process.send?.(await run(job), () => process.exit())
