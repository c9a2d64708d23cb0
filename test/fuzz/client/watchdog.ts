import { Worker } from 'node:worker_threads'

/** A run takes milliseconds: after so much time of the processor it is hung. */
const HUNG_AFTER_SECONDS = 2

/**
 * The other thread. It counts the time that the process has used, not the time of the clock: a machine that is busy with something else
 * hangs nobody.
 */
const watch = `
const { workerData } = require('node:worker_threads')
const { writeSync } = require('node:fs')
const state = new Int32Array(workerData.memory)
let runs = -1
let since = 0
setInterval(() => {
  const { user, system } = process.cpuUsage()
  const now = (user + system) / 1e6
  if (Atomics.load(state, 0) !== runs) {
    runs = Atomics.load(state, 0)
    since = now
  } else if (runs > 0 && now - since > workerData.hungAfterSeconds) {
    const seed = Atomics.load(state, 1)
    writeSync(1, '\\nfinding: a run hangs\\n  npm run fuzz -- --target client --runs 1 --seed ' + seed + '\\n')
    process.kill(process.pid, 'SIGKILL')
  }
}, 200)
`

/** Ends the process if a run hangs, and says which. A run that never gives way can only be seen from another thread. */
export class Watchdog {
  readonly #state = new Int32Array(new SharedArrayBuffer(8))
  readonly #worker: Worker

  constructor() {
    const workerData = { memory: this.#state.buffer, hungAfterSeconds: HUNG_AFTER_SECONDS }
    this.#worker = new Worker(watch, { eval: true, workerData })
    this.#worker.unref()
  }

  begins(seed: number): void {
    Atomics.store(this.#state, 1, seed)
    Atomics.add(this.#state, 0, 1)
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}
