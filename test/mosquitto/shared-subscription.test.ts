import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { Broker, roomy } from './broker.js'
import { connected } from './client.js'

const messageCount = 2_000

describe('a shared subscription', () => {
  it('spreads the messages over four processes, and each message is handled once', async () => {
    await using broker = await Broker.start({ settings: roomy })
    const workers = await Promise.all([0, 1, 2, 3].map((index) => startWorker(broker, `worker-${index}`)))
    const handled = workers.map(() => [] as string[])
    const all = new Promise<void>((resolve) => {
      let count = 0
      for (const [index, worker] of workers.entries()) {
        worker.on('message', (text) => {
          handled[index]?.push(String(text))
          count += 1
          if (count >= messageCount) resolve()
        })
      }
    })
    const publisher = await connected(broker)
    const texts = Array.from({ length: messageCount }, (_, number) => String(number))
    await Promise.all(texts.map((text) => publisher.publish(`jobs/${text}`, text, { qos: 2 })))
    await all
    // A copy that is still on its way arrives before the end of its process.
    await Promise.all(workers.map(stopWorker))
    expect(handled.flat().toSorted(byNumber)).toEqual(texts)
    for (const share of handled) expect(share.length).toBeGreaterThan(0)
  })
})

async function startWorker(broker: Broker, clientId: string): Promise<ChildProcess> {
  const program = fileURLToPath(new URL('worker.ts', import.meta.url))
  const worker = fork(program, [broker.url, '$share/workers/jobs/#', clientId], { execArgv: ['--import', 'tsx'] })
  onTestFinished(() => {
    worker.kill('SIGKILL')
  })
  const [message] = await once(worker, 'message')
  expect(message).toBe('ready')
  return worker
}

async function stopWorker(worker: ChildProcess): Promise<void> {
  worker.send('end')
  const [code] = await once(worker, 'exit')
  expect(code).toBe(0)
}

function byNumber(a: string, b: string): number {
  return Number(a) - Number(b)
}
