/** Bytes of memory that a packet takes while it is encoded or decoded. */
import { fork } from 'node:child_process'
import { once } from 'node:events'
import type { Row, Table } from '../part.js'

export async function allocations(): Promise<Table> {
  // The young generation has room for all that is allocated, so that nothing is collected while it is counted.
  const execArgv = [...process.execArgv, '--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256']
  const child = fork(new URL('./allocation-count.ts', import.meta.url), { execArgv })
  const [rows]: Row[][] = await once(child, 'message')
  return {
    id: 'codec-allocation',
    title: 'Memory allocated for each packet',
    how: 'Bytes of heap and of array buffers, least mean of five times 20,000 packets.',
    rival: 'mqtt-packet',
    rows: rows ?? [],
    notes: ['Encoding goes into the output of a connection, whose chunk is used again.'],
  }
}
