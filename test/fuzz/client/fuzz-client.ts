/** Servers that lie to the client, one seed after the other, with a report every ten seconds, and the findings as they come. */
import { garbageCollector } from '../../garbage-collector.js'
import { Campaign } from './campaign.js'
import type { ClientRun } from './client-run.js'
import { Watchdog } from './watchdog.js'

/** One more is a flood of the same. */
const MAX_FINDINGS = 20
const REPORT_EVERY_SECONDS = 10
/** After so many runs all code is compiled and all caches are full. */
const WARM_RUNS = 2000
/** The heap may not grow by more from then on, however many runs there are. */
const MAX_GROWTH_BYTES = 8 * 1024 * 1024

export interface ClientLimits {
  readonly seconds: number
  readonly runs: number
  /** The seed of the first run; each run has the next. */
  readonly seed: number
  /** Each run ends after so many steps, if it has not ended before. */
  readonly steps: number
}

/** True if something was found. */
export async function fuzzClient(limits: ClientLimits): Promise<boolean> {
  if (limits.runs === 1) return replay(limits)
  const { seconds, runs, seed } = limits
  console.log(`client: runs from seed ${seed} on`)
  const collect = garbageCollector()
  const watchdog = new Watchdog()
  const begun = process.hrtime.bigint()
  const elapsed = () => Number(process.hrtime.bigint() - begun) / 1e9
  const findings: ClientRun[] = []
  let heapWhenWarm: number | undefined
  let done = 0
  let lastReport = 0
  let campaign = new Campaign({ steps: limits.steps })
  while (done < runs && elapsed() < seconds && findings.length < MAX_FINDINGS) {
    watchdog.begins(seed + done)
    const run = await campaign.run(seed + done)
    done += 1
    if (run.faults.length > 0) {
      findings.push(run)
      campaign.end()
      await print(run)
      campaign = new Campaign({ steps: limits.steps })
    }
    if (done === WARM_RUNS) heapWhenWarm = heapAfter(collect)
    if (elapsed() - lastReport < REPORT_EVERY_SECONDS) continue
    lastReport = elapsed()
    console.log(line(elapsed(), done, findings.length))
  }
  campaign.end()
  await watchdog.end()
  console.log(line(elapsed(), done, findings.length))
  return hasGrown(heapWhenWarm, heapAfter(collect)) || findings.length > 0
}

function line(elapsed: number, done: number, findings: number): string {
  return `${elapsed.toFixed(0)} s, ${done} runs, ${((elapsed / done) * 1000).toFixed(1)} ms each, ${findings} findings`
}

function heapAfter(collect: () => void): number {
  collect()
  collect()
  const { heapUsed, arrayBuffers } = process.memoryUsage()
  return heapUsed + arrayBuffers
}

function hasGrown(before: number | undefined, after: number): boolean {
  if (before === undefined) return false
  const megabytes = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`
  console.log(`heap after ${WARM_RUNS} runs: ${megabytes(before)}, at the end: ${megabytes(after)}`)
  return after - before > MAX_GROWTH_BYTES
}

/** The finding, and the fewest steps after which it is there. */
async function print(run: ClientRun): Promise<void> {
  const [first = ''] = run.faults
  const { steps, faults } = await fewestSteps(run, kindOf(first))
  const command = `npm run fuzz -- --target client --seed ${run.seed} --runs 1`
  console.log(`\nfinding: ${faults.join('\n  ')}\n  ${command}${steps === undefined ? '' : ` --steps ${steps}`}`)
}

async function fewestSteps(run: ClientRun, kind: string) {
  for (let steps = 0; steps <= run.steps; steps += 1) {
    const campaign = new Campaign({ steps })
    const { faults } = await campaign.run(run.seed)
    campaign.end()
    if (faults.some((fault) => kindOf(fault) === kind)) return { steps, faults }
  }
  return { steps: undefined, faults: run.faults }
}

const kindOf = (fault: string): string => fault.replace(/\d+/g, 'N').slice(0, 30)

/** One run, with all that happens in it. */
async function replay({ seed, steps }: ClientLimits): Promise<boolean> {
  const campaign = new Campaign({
    steps,
    trace: { note: (happening) => console.log(`${performance.now()} ${happening()}`) },
  })
  const run = await campaign.run(seed)
  campaign.end()
  console.log(run.faults.length === 0 ? 'nothing was found' : `found: ${run.faults.join('\n  ')}`)
  return run.faults.length > 0
}
