/** What the diagnostics channels cost: nothing while nobody listens, and little when somebody does. */
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel'
import { alternate, compared, roundsOf } from '../measure/rounds.js'
import { payload, topic } from '../measure/sample-message.js'
import { ours as connected, publishMany, type QoS } from '../measure/subjects.js'
import type { Effort, Table } from '../part.js'
import { startSink } from './against-sink.js'
import { throughput } from './throughput.js'

const channels = ['mqtt311:packet:in', 'mqtt311:packet:out']
const works: readonly { readonly qos: QoS; readonly width: number; readonly messages: number }[] = [
  { qos: 0, width: 1_000, messages: 200_000 },
  { qos: 1, width: 100, messages: 60_000 },
]

/** Nanoseconds of CPU time to ask a channel whether somebody listens, with the loop around it. */
function asking(): number {
  const [quiet, times] = [channel('mqtt311:packet:in'), 10_000_000]
  const before = process.cpuUsage()
  let listeners = 0
  for (let count = 0; count < times; count += 1) if (quiet.hasSubscribers) listeners += 1
  const { user, system } = process.cpuUsage(before)
  return (1000 * (user + system)) / (times + listeners)
}

export async function* run(effort: Effort): AsyncGenerator<Table> {
  const { process: sink, ports } = await startSink()
  const client = await connected({ port: ports.tcp })
  const rows = []
  for (const { qos, width, messages } of works) {
    const some = effort === 'full' ? messages : messages / 100
    const publishing = () =>
      throughput(some, (count) => publishMany(count, width, () => client.publish(topic, payload, qos)))
    const heard = async () => {
      let packets = 0
      const listener = () => {
        packets += 1
      }
      for (const channel of channels) subscribe(channel, listener)
      const result = await publishing()
      for (const channel of channels) unsubscribe(channel, listener)
      if (packets < some) throw new Error(`heard of ${packets} packets of ${some}`)
      return result
    }
    const rounds = await alternate(roundsOf(effort), publishing, heard)
    const { ours, theirs } = compared(rounds, 'less', ({ cpuMicroseconds }) => cpuMicroseconds)
    rows.push({ work: `publish QoS ${qos}`, unit: 'us', ours, anchor: theirs })
  }
  await client.end()
  sink.kill()
  yield {
    id: 'diagnostics',
    title: 'The diagnostics channels: CPU time a message',
    how: 'Nobody listens (the first column), or somebody counts the packets in and out; medians of 5 alternating rounds.',
    anchor: 'listened to',
    rows,
    notes: [`Asking a channel whether somebody listens takes ${asking().toFixed(1)} ns, once for each packet.`],
  }
}
