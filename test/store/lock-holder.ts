/** Run as a process of its own by the lock's test: opens the store, stores a message, says so, and holds on. */
import { fileStore } from '../../src/store/file-store.js'

const store = fileStore(process.argv[2] ?? '')
await store.open('s')
await store.append([{ kind: 'queued', sequence: 1, topic: 't', payload: Buffer.from('kept'), qos: 1, retain: false }])
process.send?.('stored')
process.on('message', () => {})
