/**
 * Run by `npm run locks` in a process of its own: opens the store of a directory when told, says whether that was refused,
 * and closes the store when told.
 */
import { StoreError } from '../../src/errors.js'
import { fileStore } from '../../src/store/file/file-store.js'

let store = fileStore('.')

async function open(at: number, directory: string): Promise<string> {
  store = fileStore(directory)
  // All contenders begin within the same fraction of a millisecond.
  while (Date.now() < at);
  try {
    await store.open('s')
    return 'won'
  } catch (error) {
    const isRefusal = error instanceof StoreError && error.message.includes(' is in use by ')
    return isRefusal ? 'refused' : String(error)
  }
}

process.on('message', async (order) => {
  const [what, at, directory = ''] = String(order).split('\n')
  if (what === 'open') process.send?.(await open(Number(at), directory))
  if (what !== 'close') return
  await store.close()
  process.send?.('closed')
})
process.once('disconnect', () => process.exit())
process.send?.('ready')
