/** A process of the bench: it is given an order at a time, and tells what came of it. It ends with its parent. */
import { type ChildProcess, fork, type Serializable } from 'node:child_process'
import { once } from 'node:events'

export class Child<Told> {
  readonly #process: ChildProcess
  readonly #gone: Promise<never>

  constructor(module: URL) {
    this.#process = fork(module)
    this.#gone = once(this.#process, 'exit').then(([code, signal]) => {
      throw new Error(`${module.pathname} ended with ${code ?? signal}`)
    })
    this.#gone.catch(() => {})
  }

  send(order: Serializable): void {
    this.#process.send(order)
  }

  /** The next thing that it tells. */
  async told(): Promise<Told> {
    const [told]: Told[] = await Promise.race([once(this.#process, 'message'), this.#gone])
    if (told === undefined) throw new Error('a process of the bench told nothing')
    return told
  }

  end(): void {
    this.#process.disconnect()
  }
}
