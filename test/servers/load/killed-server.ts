/** A server that is killed with -9 while a client publishes to it `until: 'stored'`, with its session in a directory. */
import { mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { connect } from 'mqtt311'
import { fileStore } from 'mqtt311/store'
import { type Score, Tally } from '../../faults/tally.js'
import { profiles } from '../kinds/profiles.js'
import type { ServerProcess } from '../process/server-process.js'

export interface KilledServer extends Score {
  /** Packet Identifiers and queued messages of the producer that nobody waits for any more. */
  readonly leaked: number
  readonly seconds: number
}

const reconnect = { minDelayMs: 20, maxDelayMs: 50, maxAttemptsPerMinute: 10_000 }
const width = 20
const topic = 'load/killed'

export async function killServer(server: ServerProcess, messages: number): Promise<KilledServer> {
  const start = performance.now()
  const directory = await mkdtemp(path.join(os.tmpdir(), 'mqtt311-killed-'))
  const tally = new Tally()
  const { promise: half, resolve: halfArrived } = deferred()
  const { promise: all, resolve: allArrived } = deferred()
  const { promise: end, resolve: endArrived } = deferred()
  const options = { ...server.address(), profile: profiles[server.kind.name], reconnect, cleanSession: false }
  const consumer = await connect({ ...options, clientId: 'killed-consumer' })
  const producer = await connect({ ...options, clientId: 'killed-producer', store: fileStore(directory) })
  try {
    await consumer.subscribe(topic, { qos: 1 }, (message) => {
      if (message.text() === 'end') return endArrived()
      tally.receive(Number(message.text()))
      if (tally.received === messages / 2) halfArrived()
      if (tally.received === messages) allArrived()
    })
    let next = 0
    const publishInTurn = async (): Promise<void> => {
      while (next < messages) {
        const number = next
        next += 1
        await producer.publish(topic, String(number), { qos: 1, until: 'stored' })
        tally.promise(number)
      }
    }
    const publishing = Promise.all(Array.from({ length: width }, publishInTurn))
    await half
    await server.restart('SIGKILL')
    await publishing
    if (server.kind.afterKill === 'kept') await all
    // The client publishes in order, so all before it has been acknowledged too.
    await producer.publish(topic, 'end', { qos: 1 })
    await end
    const { inFlight, queued } = producer.stats
    return { ...tally.score, leaked: inFlight + queued, seconds: (performance.now() - start) / 1000 }
  } finally {
    producer.destroy()
    consumer.destroy()
    await Promise.allSettled([producer.closed, consumer.closed])
    await rm(directory, { recursive: true, force: true })
  }
}

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => {}
  const promise = new Promise<void>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}
