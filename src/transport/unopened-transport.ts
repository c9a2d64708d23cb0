import type { Transport, TransportEvents } from './transport.js'

/** A connection that could not even be begun: it takes nothing, and tells its cause as soon as the caller has it in hand. */
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

  end(): void {
    this.destroy()
  }

  destroy(): void {
    this.#cause = undefined
  }
}
