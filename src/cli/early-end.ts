/** What ends a conversation from outside: -W or a signal. A second signal ends the process where it stands. */
import { CommandFailure, Interrupted } from './command-failure.js'
import { exitCodeOfSignal } from './outcome/exit-code.js'

export class EarlyEnd {
  /** Rejects when it is time to end, and never resolves. */
  readonly promise: Promise<never>
  readonly #timer: NodeJS.Timeout | undefined
  readonly #interrupt: (signal: NodeJS.Signals) => void

  constructor(timeoutMs: number | undefined) {
    let fail: (error: Error) => void = () => {}
    this.promise = new Promise((_, reject) => {
      fail = reject
    })
    this.promise.catch(() => {})
    let signals = 0
    this.#interrupt = (signal) => {
      const name = signal === 'SIGTERM' ? signal : 'SIGINT'
      signals += 1
      if (signals > 1) process.exit(exitCodeOfSignal(name))
      fail(new Interrupted(name))
    }
    process.on('SIGINT', this.#interrupt)
    process.on('SIGTERM', this.#interrupt)
    if (timeoutMs !== undefined) {
      const text =
        timeoutMs === 1000 ? 'the second of -W has passed' : `the ${timeoutMs / 1000} seconds of -W have passed`
      this.#timer = setTimeout(() => fail(new CommandFailure('timedOut', text)), timeoutMs)
    }
  }

  /** From here on a signal does what it does to any process. */
  stop(): void {
    clearTimeout(this.#timer)
    process.off('SIGINT', this.#interrupt)
    process.off('SIGTERM', this.#interrupt)
  }
}
