/** How long one QoS 1 message takes from `publish()` to its PUBACK, when nothing else is under way. */

import { alternate, compared, roundsOf } from '../measure/rounds.js'
import { payload, topic } from '../measure/sample-message.js'
import type { Subject } from '../measure/subjects.js'
import type { Effort, Row, Table } from '../part.js'

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

const full = { rounds: 9, messages: 2_000 }
export const howRoundTrips = `One message at a time; medians of ${full.rounds} alternating rounds of ${full.messages.toLocaleString('en')}.`

export interface Two {
  readonly ours: Subject
  readonly theirs: Subject
}

export async function roundTripRows({ ours, theirs }: Two, effort: Effort): Promise<Row[]> {
  const count = effort === 'full' ? full.messages : 20
  await durations(ours, count)
  await durations(theirs, count)
  const rounds = await alternate(
    roundsOf(effort, full.rounds),
    () => durations(ours, count),
    () => durations(theirs, count),
  )
  return [
    { work: 'half are faster (p50)', unit: 'us', ...compared(rounds, 'less', percentile(0.5)) },
    { work: '99 of 100 are faster (p99)', unit: 'us', ...compared(rounds, 'less', percentile(0.99)) },
  ]
}

export async function roundTrips(link: 'TCP' | 'TLS', subjects: Two, effort: Effort): Promise<Table> {
  return {
    id: `round-trip-${link.toLowerCase()}`,
    title: `Round trip of one QoS 1 message, ${link}`,
    how: `Against mosquitto on [::1]. ${howRoundTrips}`,
    rival: 'MQTT.js',
    rows: await roundTripRows(subjects, effort),
  }
}
