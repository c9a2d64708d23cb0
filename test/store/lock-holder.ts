/**
 * Run by the tests of the lock as a process or a thread of its own: opens the store, stores a message and says so, or says
 * why not. Then it holds on until it is ended from outside; with `endless` it goes on storing messages and tells the number
 * of each, and with `throw` it ends by an error of its own at the next message that it gets.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { fileStore } from '../../src/store/file/file-store.js'

const [directory = '', mode] = Array.isArray(workerData) ? workerData.map(String) : process.argv.slice(2)

function say(what: string | number): void {
  if (parentPort === null) process.send?.(what)
  else parentPort.postMessage(what)
}
const listener = parentPort ?? process
listener.on('message', () => {
  if (mode === 'throw') throw new Error('a fault of the program')
})

const store = fileStore(directory, { segmentBytes: 4096 })

async function storeFrom(first: number): Promise<void> {
  for (let sequence = first; sequence === first || mode === 'endless'; sequence++) {
    const payload = Buffer.alloc(sequence % 200, sequence)
    await store.append([{ kind: 'queued', sequence, topic: 't', payload, qos: 1, retain: false }])
    say(sequence === first ? 'stored' : sequence)
  }
}

try {
  const { nextSequence } = await store.open('s')
  await storeFrom(nextSequence)
} catch (error) {
  say(String(error))
}
