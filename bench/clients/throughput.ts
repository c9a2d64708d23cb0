/** Messages a second, and what a message costs this process in CPU time. */

import { alternate, compared, type Rounds } from '../measure/rounds.js'
import type { Row, Table } from '../part.js'

export interface Throughput {
  readonly perSecond: number
  readonly cpuMicroseconds: number
}

/** A tenth of the work goes before, so that what is measured is warm. */
export async function throughput(messages: number, work: (messages: number) => Promise<unknown>): Promise<Throughput> {
  await work(Math.ceil(messages / 10))
  const cpuBefore = process.cpuUsage()
  const startedAt = performance.now()
  await work(messages)
  const seconds = (performance.now() - startedAt) / 1000
  const { user, system } = process.cpuUsage(cpuBefore)
  return { perSecond: messages / seconds, cpuMicroseconds: (user + system) / messages }
}

export interface Work<Subject> {
  readonly name: string
  readonly messages: number
  run(subject: Subject, messages: number): Promise<unknown>
}

/** What both clients reach at each kind of work, in turns. */
export async function compareThroughput<Subject>(
  works: readonly Work<Subject>[],
  subjects: { readonly ours: Subject; readonly theirs: Subject },
  { rounds, share }: { readonly rounds: number; readonly share: number },
): Promise<ReadonlyMap<string, Rounds<Throughput>>> {
  const results = new Map<string, Rounds<Throughput>>()
  for (const { name, messages, run } of works) {
    const some = Math.ceil(messages * share)
    const round = (subject: Subject) => () => throughput(some, (count) => run(subject, count))
    results.set(name, await alternate(rounds, round(subjects.ours), round(subjects.theirs)))
  }
  return results
}

/** The two tables of one comparison. */
export function tables(
  results: ReadonlyMap<string, Rounds<Throughput>>,
  { id, title, how }: { readonly id: string; readonly title: string; readonly how: string },
): Table[] {
  const rows = (unit: string, better: 'less' | 'more', measured: (round: Throughput) => number): Row[] =>
    [...results].map(([work, rounds]) => ({ work, unit, ...compared(rounds, better, measured) }))
  return [
    {
      id: `${id}-rate`,
      title: `${title}: messages a second`,
      how,
      rival: 'MQTT.js',
      rows: rows('/s', 'more', ({ perSecond }) => perSecond),
    },
    {
      id: `${id}-cpu`,
      title: `${title}: CPU time a message`,
      how,
      rival: 'MQTT.js',
      rows: rows('us', 'less', ({ cpuMicroseconds }) => cpuMicroseconds),
    },
  ]
}
