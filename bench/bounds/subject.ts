/** One case in a process of its own, which tells its parent what it costs. */
import { once } from 'node:events'
import { askedCases } from './asked-cases.js'
import type { Work } from './case.js'
import { incomingCases } from './incoming-cases.js'
import { type Cost, costOf } from './watch.js'

export interface Job {
  readonly case: string
  readonly holder: 'ours' | 'theirs'
  readonly port: number
  readonly sizes: readonly number[]
  /** How often each size is measured. */
  readonly rounds: number
}

export interface Told extends Cost {
  readonly size: number
  readonly entries: number
}

async function measure(job: Job): Promise<Told[]> {
  const prepare = { ...incomingCases, ...askedCases }[job.case]?.prepare[job.holder]
  if (prepare === undefined) throw new Error(`${job.holder} has no case ${job.case}`)
  const told: Told[] = []
  for (let round = 0; round < job.rounds; round += 1) {
    for (const size of job.sizes) told.push(await measureOnce(() => prepare(job.port, size), size))
  }
  return told
}

async function measureOnce(prepare: () => Promise<Work>, size: number): Promise<Told> {
  for (;;) {
    const work = await prepare()
    const cost = await costOf(work.run)
    work.end()
    if (cost !== undefined) return { size, entries: work.entries, ...cost }
  }
}

const [job]: Job[] = await once(process, 'message')
if (job === undefined) throw new Error('the parent gave no job')
process.send?.(await measure(job), () => process.exit())
