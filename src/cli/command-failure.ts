/** Why a command ended before it was done, where no error of the library says it. */
import type { ExitName } from './outcome/exit-code.js'

/** A failure that no class of the library stands for. */
export class CommandFailure extends Error {
  readonly exitName: ExitName

  constructor(exitName: ExitName, message: string, options?: ErrorOptions) {
    super(message, options)
    this.exitName = exitName
  }
}

/** SIGINT or SIGTERM: the person wants the command to end. */
export class Interrupted extends Error {
  readonly signal: 'SIGINT' | 'SIGTERM'

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`interrupted by ${signal}`)
    this.signal = signal
  }
}
