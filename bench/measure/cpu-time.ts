/** Nanoseconds of CPU time that a packet takes, for work that is over in microseconds. */
import { measure } from 'mitata'
import type { Effort, Row } from '../part.js'
import { alternate, compared, roundsOf } from './rounds.js'

/** One call does the work of `packets` packets, some microseconds, and returns something that depends on all of it. */
export type Work = () => number

export interface Comparison {
  readonly name: string
  readonly packets: number
  readonly ours: Work
  readonly theirs: Work
}

/** CPU time of one round of one side, in nanoseconds. */
const roundNs = { full: 100e6, quick: 2e6 }

/** Calls between two looks at the clock, which counts microseconds, where a call takes less than 65 of them. */
const BATCH = 64

/** What the work returns ends here, where no compiler can know that it is not used. */
let sink = 0

/**
 * CPU time of the process, which goes on while the work does and not while other programs have the processor. It counts
 * all threads, so garbage collection in the background is paid for as well.
 */
function cpuNs(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) * 1000
}

/** Mean CPU time for a packet in one round. */
async function round(work: Work, packets: number, effort: Effort): Promise<number> {
  const stats = await measure(
    () => {
      sink = (sink + work()) >>> 0
    },
    { now: cpuNs, min_cpu_time: roundNs[effort], batch_samples: BATCH, gc: false },
  )
  return stats.avg / packets
}

export async function cpuTime({ name, packets, ours, theirs }: Comparison, effort: Effort): Promise<Row> {
  const rounds = await alternate(
    roundsOf(effort),
    () => round(ours, packets, effort),
    () => round(theirs, packets, effort),
  )
  return { work: name, unit: 'ns', ...compared(rounds, 'less', (ns) => ns) }
}
