/** Who waits for something that a signal may cut short. */
export interface Abortable {
  aborted(reason: unknown): void
}

/**
 * Listens to AbortSignals on behalf of many: one listener for each signal, however many publishes share it. Node warns of a leak
 * at the eleventh listener of one signal, and a service that passes its shutdown signal to every publish has thousands. So
 * there is one of these for all clients of the process, and an idle client owns nothing here.
 */
class SignalWatches {
  readonly #watches = new WeakMap<AbortSignal, Watch>()

  add(signal: AbortSignal, waiter: Abortable): void {
    const watch = this.#watches.get(signal)
    if (watch !== undefined) watch.waiters.add(waiter)
    else {
      const first = new Watch(signal, waiter)
      this.#watches.set(signal, first)
      signal.addEventListener('abort', first)
    }
  }

  delete(signal: AbortSignal, waiter: Abortable): void {
    const watch = this.#watches.get(signal)
    if (watch === undefined) return
    watch.waiters.delete(waiter)
    if (watch.waiters.size > 0) return
    this.#watches.delete(signal)
    signal.removeEventListener('abort', watch)
  }
}

class Watch {
  readonly #signal: AbortSignal
  readonly waiters: Set<Abortable>

  constructor(signal: AbortSignal, first: Abortable) {
    this.#signal = signal
    this.waiters = new Set([first])
  }

  handleEvent(): void {
    for (const waiter of [...this.waiters]) waiter.aborted(this.#signal.reason)
  }
}

export const signalWatches = new SignalWatches()
