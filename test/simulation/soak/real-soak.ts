/** Real minutes of steady traffic at every QoS in both directions, over TCP, with a cut every few seconds. */
import { setTimeout as delay } from 'node:timers/promises'
import type { QoS } from '../../../src/codec/control-packet.js'
import { MqttClient } from '../../../src/index.js'
import { type TestServer, testServer } from '../../../src/testing/index.js'
import { SeededRandom } from '../seeded-random.js'
import { HeapRecord } from './heap-record.js'

export interface RealSoak {
  readonly story: string
  readonly heap: HeapRecord
  readonly faults: readonly string[]
}

const levels: readonly QoS[] = [0, 1, 2]
/** Messages of each QoS every so many milliseconds. */
const burst = 10
const burstEveryMs = 10
const payload = Buffer.alloc(64, 0x61)
const measureEveryMs = 10_000

export async function realSoak(seed: number, minutes: number): Promise<RealSoak> {
  const random = new SeededRandom(seed)
  // Few packets are remembered, so that the heap is that of the client.
  const server = await testServer({ packetsKept: 1_000 })
  const echoing = echo(server)
  const counts = { published: 0, settled: 0, received: 0, cuts: 0 }
  const client = new MqttClient({
    url: server.url,
    clientId: 'soak',
    cleanSession: false,
    keepAlive: 5,
    queue: { offlineQos0: true },
    reconnect: { minDelayMs: 5, maxDelayMs: 50 },
    handlers: {
      echo: () => {
        counts.received += 1
      },
    },
  })
  const settled = (): void => {
    counts.settled += 1
  }
  await client.connect()
  await client.subscribe('echo', { qos: 2 })
  const traffic = setInterval(() => {
    for (let n = 0; n < burst; n += 1) {
      for (const qos of levels) client.publish('soak', payload, { qos }).then(settled, settled)
    }
    counts.published += burst * levels.length
  }, burstEveryMs)
  let cutting = setTimeout(cut, 1_000)
  function cut(): void {
    counts.cuts += 1
    // Taken, so that the server remembers none of them.
    server.accepts()
    server.cut()
    cutting = setTimeout(cut, 1_000 + random.below(4_000))
  }
  const heap = new HeapRecord()
  for (let ms = 0; ms < 60_000 * minutes; ms += measureEveryMs) {
    await delay(measureEveryMs)
    heap.measure()
  }
  clearInterval(traffic)
  clearTimeout(cutting)
  await client.end({ timeoutMs: 10_000 })
  await server.close()
  await echoing
  const { inFlight, queued, rejected, resent, reconnects } = client.stats
  const faults: string[] = []
  if (counts.settled !== counts.published) faults.push(`${counts.published - counts.settled} publishes never settled`)
  if (inFlight + queued > 0) faults.push(`${inFlight + queued} messages are left after end()`)
  const story =
    `${minutes} minutes: ${counts.published} messages out, ${counts.received} in, ${counts.cuts} cuts, ` +
    `${reconnects} reconnections, ${resent} sent again, ${rejected} refused`
  return { story, heap, faults }
}

/** Sends each message back under another topic, at the same QoS, until the server is closed. */
async function echo(server: TestServer): Promise<void> {
  for (;;) {
    const publish = await server.receives('publish').catch(() => undefined)
    if (publish === undefined) return
    server.publish('echo', publish.payload, { qos: publish.qos })
  }
}
