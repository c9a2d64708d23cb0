/** How long one QoS 1 message takes from `publish()` to its PUBACK, when nothing else is under way. */

import { alternate, compared, roundsOf } from '../measure/rounds.js'
import { payload, topic } from '../measure/sample-message.js'
import type { Subject } from '../measure/subjects.js'
import type { Effort, Table } from '../part.js'

/** Microseconds, sorted. */
async function durations(subject: Subject, count: number): Promise<number[]> {
  const all: number[] = []
  for (let sent = 0; sent < count; sent += 1) {
    const start = performance.now()
    await subject.publish(topic, payload, 1)
    all.push(1000 * (performance.now() - start))
  }
  return all.sort((a, b) => a - b)
}

const percentile = (share: number) => (sorted: readonly number[]) =>
  sorted[Math.floor(share * sorted.length)] ?? Number.NaN

export async function roundTrips(
  link: 'TCP' | 'TLS',
  { ours, theirs }: { readonly ours: Subject; readonly theirs: Subject },
  effort: Effort,
): Promise<Table> {
  const count = effort === 'full' ? 2_000 : 20
  await durations(ours, count)
  await durations(theirs, count)
  const rounds = await alternate(
    roundsOf(effort, 9),
    () => durations(ours, count),
    () => durations(theirs, count),
  )
  return {
    id: `round-trip-${link.toLowerCase()}`,
    title: `Round trip of one QoS 1 message, ${link}`,
    how: `One message at a time against mosquitto on [::1]; medians of 9 alternating rounds of ${count.toLocaleString('en')}.`,
    rival: 'MQTT.js',
    rows: [
      { work: 'half are faster (p50)', unit: 'us', ...compared(rounds, 'less', percentile(0.5)) },
      { work: '99 of 100 are faster (p99)', unit: 'us', ...compared(rounds, 'less', percentile(0.99)) },
    ],
  }
}
