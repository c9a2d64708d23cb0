import { type Abortable, signalWatches } from './signal-watches.js'

/**
 * Where calls wait that came before the session was read from its store. They go on in the order in which they came, all
 * at once; a call that is aborted leaves at once and takes no place any more.
 */
export class SessionGate {
  readonly #waiting = new Set<WaitingCall>()

  /** Resolves with `open`; rejects with `fail`, or with the reason of the signal. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const call = new WaitingCall(resolve, reject, () => {
        this.#waiting.delete(call)
        if (signal !== undefined) signalWatches.delete(signal, call)
      })
      this.#waiting.add(call)
      if (signal !== undefined) signalWatches.add(signal, call)
    })
  }

  open(): void {
    for (const call of [...this.#waiting]) call.goOn()
  }

  fail(reason: () => unknown): void {
    for (const call of [...this.#waiting]) call.aborted(reason())
  }
}

class WaitingCall implements Abortable {
  readonly #resolve: () => void
  readonly #reject: (reason: unknown) => void
  readonly #leave: () => void

  constructor(resolve: () => void, reject: (reason: unknown) => void, leave: () => void) {
    this.#resolve = resolve
    this.#reject = reject
    this.#leave = leave
  }

  goOn(): void {
    this.#leave()
    this.#resolve()
  }

  aborted(reason: unknown): void {
    this.#leave()
    this.#reject(reason)
  }
}
