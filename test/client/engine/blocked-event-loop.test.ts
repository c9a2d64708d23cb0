import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Timers } from '../../../src/client/engine/timers.js'

function block(milliseconds: number): void {
  const end = performance.now() + milliseconds
  while (performance.now() < end);
}

test('an event loop that was blocked past a deadline reads what has arrived before it judges', async () => {
  const server = createServer().listen(0, '::1')
  await once(server, 'listening')
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the server has no port')
  const accepted = once(server, 'connection')
  const client = connect(address.port, '::1')
  const [peer]: Socket[] = await accepted
  onTestFinished(() => {
    client.destroy()
    peer?.destroy()
    server.close()
  })

  const happened: string[] = []
  const judged = new Promise<void>((resolve) => {
    const timers = new Timers({
      deadlineReached() {
        happened.push('the deadline is judged')
        resolve()
      },
    })
    client.on('data', () => happened.push('the answer is read'))
    // The operating system has the answer while the event loop is blocked. The deadline passes in that time.
    peer?.write('PINGRESP', () => {
      timers.startEngine(timers.now() + 1)
      block(30)
    })
  })
  await judged
  expect(happened).toEqual(['the answer is read', 'the deadline is judged'])
})
