import type { Transport, TransportEvents } from './transport.js'

/** A connection that could not be started: it drops all output, and calls `closed` with the cause in the next tick. */
export class UnopenedTransport implements Transport {
  readonly peer = undefined
  readonly unsentBytes = 0
  readonly writtenChunks = 'free'
  #cause: Error | undefined

  constructor(cause: Error, events: TransportEvents) {
    this.#cause = cause
    process.nextTick(() => events.closed(this.#cause))
  }

  write(): boolean {
    return false
  }

  pause(): void {}

  resume(): void {}

  wake(): boolean {
    return false
  }

  end(): void {
    this.destroy()
  }

  destroy(): void {
    this.#cause = undefined
  }
}
