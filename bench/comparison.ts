/** Two ways to do the same work, measured in turns, so that both meet the same machine in the same mood. */
import { measure } from 'mitata'
import { load, machine, median } from './machine.js'

/** One call does the work of `packets` packets and returns something that depends on all of it. */
export type Work = () => number

export interface Comparison {
  readonly name: string
  readonly packets: number
  readonly ours: Work
  readonly theirs: Work
}

interface Result {
  readonly name: string
  readonly oursNs: number
  readonly theirsNs: number
}

/** An odd number: the median of the rounds is a round. */
const ROUNDS = 5
/** CPU time of one round of one side, in nanoseconds. */
const ROUND_NS = 150e6

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
async function round(work: Work, packets: number): Promise<number> {
  const stats = await measure(
    () => {
      sink = (sink + work()) >>> 0
    },
    { now: cpuNs, min_cpu_time: ROUND_NS, gc: false },
  )
  return stats.avg / packets
}

async function compare(comparison: Comparison): Promise<Result> {
  const ours: number[] = []
  const theirs: number[] = []
  for (let count = 0; count < ROUNDS; count += 1) {
    ours.push(await round(comparison.ours, comparison.packets))
    theirs.push(await round(comparison.theirs, comparison.packets))
  }
  return { name: comparison.name, oursNs: median(ours), theirsNs: median(theirs) }
}

/** Compares and prints a table in Markdown. */
export async function report(title: string, rival: string, comparisons: readonly Comparison[]): Promise<void> {
  console.log(`## ${title}\n`)
  console.log(`${machine()}.`)
  console.log(`Median of ${ROUNDS} alternating rounds, nanoseconds of CPU time per packet.`)
  console.log(`Load of the machine at the start: ${load()}.\n`)
  const width = Math.max(...comparisons.map(({ name }) => name.length))
  console.log(`| ${''.padEnd(width)} | mqtt311 | ${rival} | ratio |`)
  console.log(`| ${'-'.repeat(width)} | ${'-'.repeat(6)}: | ${'-'.repeat(rival.length - 1)}: | ----: |`)
  for (const comparison of comparisons) {
    const { name, oursNs, theirsNs } = await compare(comparison)
    const cells = [
      name.padEnd(width),
      ns(oursNs, 7),
      ns(theirsNs, rival.length),
      `${(theirsNs / oursNs).toFixed(1)}x`.padStart(5),
    ]
    console.log(`| ${cells.join(' | ')} |`)
  }
  console.log(`\n(${sink} bytes and packets were counted, so that nothing was optimised away.)`)
}

function ns(value: number, width: number): string {
  return value.toFixed(value < 100 ? 1 : 0).padStart(width)
}
