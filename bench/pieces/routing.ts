/** Finding the handlers of a message, against qlobber, with which aedes does it. MQTT.js leaves it to its users. */
import qlobber from 'qlobber'
import { TopicRouter } from '../../src/client/deliver/topic-router.js'
import { type Comparison, cpuTime } from '../measure/cpu-time.js'
import type { Effort, Row, Table } from '../part.js'

interface Routes {
  readonly name: string
  readonly filters: readonly string[]
  readonly topics: readonly string[]
}

const list = <T>(count: number, of: (index: number) => T): T[] => Array.from({ length: count }, (_, index) => of(index))

const works: readonly Routes[] = [
  { name: '1 filter with #, 1 topic', filters: ['plant/#'], topics: list(1_000, () => 'plant/line-7/state') },
  {
    name: '1,000 filters without wildcards, as many topics',
    filters: list(1_000, (robot) => `plant/line-${robot % 10}/robot-${robot}/state`),
    topics: list(1_000, (robot) => `plant/line-${robot % 10}/robot-${robot}/state`),
  },
  {
    name: '1,000 filters with +, 100 topics',
    filters: list(1_000, (robot) => `plant/+/robot-${robot}/state`),
    topics: list(100, (robot) => `plant/line-${robot % 10}/robot-${robot}/state`),
  },
  {
    name: '10,000 filters with + and #, 10,000 topics',
    filters: list(10_000, (robot) => `plant/+/robot-${robot}/${robot % 2 === 0 ? '#' : '+'}`),
    topics: list(10_000, (robot) => `plant/line-${robot % 10}/robot-${robot}/state`),
  },
]

function matching({ name, filters, topics }: Routes): Comparison {
  const router = new TopicRouter<number>()
  const index = new qlobber.Qlobber({ separator: '/', wildcard_one: '+', wildcard_some: '#' })
  for (const [handler, filter] of filters.entries()) {
    router.add(filter, handler)
    index.add(filter, handler)
  }
  const count = (match: (topic: string) => readonly unknown[]) => () =>
    topics.reduce((found, topic) => found + match(topic).length, 0)
  const ours = count((topic) => router.match(topic))
  const theirs = count((topic) => index.match(topic))
  if (ours() !== theirs() || ours() < topics.length) throw new Error(`${name}: the two routers disagree`)
  return { name, packets: topics.length, ours, theirs }
}

export async function* run(effort: Effort): AsyncGenerator<Table> {
  const rows: Row[] = []
  for (const routes of works) rows.push(await cpuTime(matching(routes), effort))
  yield {
    id: 'routing',
    title: 'Finding the handlers of a message',
    how: 'Nanoseconds of CPU time a message; medians of 5 alternating rounds of at least 100 ms.',
    rival: 'qlobber',
    rows,
  }
}
