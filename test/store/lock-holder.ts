/**
 * Run as a process of its own by the tests of the lock: opens the store, stores a message and says so. Then it holds on
 * until it is killed, or with the argument `endless` goes on storing messages and tells the number of each.
 */
import { fileStore } from '../../src/store/file/file-store.js'

const [, , directory = '', mode] = process.argv
const store = fileStore(directory, { segmentBytes: 4096 })
let { nextSequence } = await store.open('s')

async function storeNext(): Promise<number> {
  const sequence = nextSequence
  nextSequence += 1
  const payload = Buffer.alloc(sequence % 200, sequence)
  await store.append([{ kind: 'queued', sequence, topic: 't', payload, qos: 1, retain: false }])
  return sequence
}

await storeNext()
process.send?.('stored')
process.on('message', () => {})
while (mode === 'endless') process.send?.(await storeNext())
