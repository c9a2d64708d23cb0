/** Runs one seed after the other, on a clock that passes only when a run says so. */
import './fixed-chance.js'
import { AsyncResource } from 'node:async_hooks'
import { install } from '@sinonjs/fake-timers'
import { ClientRun, type PlantedFault } from './client-run.js'
import { systemRandom } from './fixed-chance.js'
import type { Trace } from './lying-server.js'

Math.random = systemRandom

const silent: Trace = { note: () => {} }

export interface CampaignOptions {
  /** Makes the fault of each run. */
  readonly planted?: () => PlantedFault
  readonly trace?: Trace
  /** A run ends after so many steps, if it has not ended before. */
  readonly steps?: number
}

/** Runs of the client, while whoever has made this waits: the clock and what is unhandled belong to the runs until `end`. */
export class Campaign {
  readonly #options: CampaignOptions
  readonly #clock = install({
    now: 0,
    toFake: [
      'setTimeout',
      'clearTimeout',
      'setImmediate',
      'clearImmediate',
      'setInterval',
      'clearInterval',
      'performance',
      'Date',
    ],
  })
  readonly #others = {
    rejection: process.listeners('unhandledRejection'),
    exception: process.listeners('uncaughtException'),
  }
  readonly #stackTraceLimit = Error.stackTraceLimit
  readonly #emitWarning = process.emitWarning
  #run: ClientRun | undefined

  constructor(options: CampaignOptions = {}) {
    this.#options = options
    // Most runs make errors, and collecting their stacks takes longer than all the rest. A run that is traced has them.
    if (options.trace === undefined) Error.stackTraceLimit = 0
    // What a client says once, thousands of clients say thousands of times.
    process.emitWarning = () => {}
    process.removeAllListeners('unhandledRejection').on('unhandledRejection', this.#onRejection)
    process.removeAllListeners('uncaughtException').on('uncaughtException', this.#onException)
  }

  readonly #onRejection = (reason: unknown): void => this.#run?.unhandled(reason)
  readonly #onException = (error: unknown): void => {
    this.#run?.report(`an uncaught exception: ${error instanceof Error ? error.stack : error}`)
  }

  async run(seed: number): Promise<ClientRun> {
    this.#clock.reset()
    const { trace = silent, steps = Infinity, planted } = this.#options
    const run = new ClientRun(seed, this.#clock, trace, steps, planted?.())
    this.#run = run
    // A loop of the program marks the asynchronous context in which it runs: the next run must not begin in that one.
    const context = new AsyncResource('mqtt311.fuzz')
    await context.runInAsyncScope(() => run.run()).catch((error: unknown) => this.#onException(error))
    return run
  }

  end(): void {
    process.off('unhandledRejection', this.#onRejection).off('uncaughtException', this.#onException)
    for (const listener of this.#others.rejection) process.on('unhandledRejection', listener)
    for (const listener of this.#others.exception) process.on('uncaughtException', listener)
    Math.random = systemRandom
    process.emitWarning = this.#emitWarning
    Error.stackTraceLimit = this.#stackTraceLimit
    this.#clock.uninstall()
  }
}
