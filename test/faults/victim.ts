/**
 * The process that is killed: `victim.ts <url> <directory> <ledger> <first number> <count>`.
 *
 * It opens its session from the directory, publishes numbered messages at QoS 1 and 2 `until: 'stored'`, and writes the number of each
 * whose promise has settled to the ledger, in one call of the operating system: what has been written there
 * outlives the process. Then it waits to be killed. With a count of 0 it delivers what is stored and ends by itself.
 */
import { openSync, writeSync } from 'node:fs'
import { connect } from 'mqtt311'
import { fileStore } from 'mqtt311/store'

const [, , url = '', directory = '', ledgerFile = '', first = '0', count = '0'] = process.argv
const ledger = openSync(ledgerFile, 'a')
const client = await connect(url, {
  clientId: 'victim',
  // Small segments, so that kills hit the change from one to the next and the compaction of old ones.
  store: fileStore(directory, { segmentBytes: 16_384 }),
  reconnect: { minDelayMs: 5, maxDelayMs: 50, retryInitial: true },
})
process.send?.('connected')

const end = Number(first) + Number(count)
let next = Number(first)

async function publishInTurn(): Promise<void> {
  while (next < end) {
    const number = next
    next += 1
    const qos = number % 2 === 0 ? 1 : 2
    await client.publish(`load/${qos}`, String(number), { qos, until: 'stored' })
    writeSync(ledger, `${number}\n`)
  }
}

await Promise.all(Array.from({ length: 16 }, publishInTurn))
if (count === '0') {
  await client.end({ timeoutMs: 60_000 })
  process.disconnect()
}
