import { type Abortable, signalWatches } from './signal-watches.js'

/**
 * Where calls wait that came before the session was read from its store. They go on in the order in which they came, all
 * at once; a call that is aborted leaves at once and takes no place any more. A call that comes while they go on waits behind them.
 */
export class SessionGate {
  readonly #waiting = new Set<WaitingCall>()

  /** True while calls wait, or are going on: who comes now comes after them. */
  get isBusy(): boolean {
    return this.#waiting.size > 0
  }

  /** Resolves with `open`; rejects with `fail`, or with the reason of the signal. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return Promise.reject(signal.reason)
    return new Promise((resolve, reject) => {
      const call = new WaitingCall(signal, resolve, reject, () => this.#waiting.delete(call))
      this.#waiting.add(call)
    })
  }

  open(): void {
    const calls = [...this.#waiting]
    if (calls.length === 0) return
    for (const call of calls) call.goOn()
    // What they do they do in microtasks, which are queued already: this one runs when all of them have.
    queueMicrotask(() => {
      for (const call of calls) this.#waiting.delete(call)
      this.open()
    })
  }

  fail(reason: () => unknown): void {
    for (const call of [...this.#waiting]) call.aborted(reason())
  }
}

class WaitingCall implements Abortable {
  readonly #signal: AbortSignal | undefined
  readonly #resolve: () => void
  readonly #reject: (reason: unknown) => void
  readonly #leave: () => void

  constructor(
    signal: AbortSignal | undefined,
    resolve: () => void,
    reject: (reason: unknown) => void,
    leave: () => void,
  ) {
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
    this.#leave = leave
    if (signal !== undefined) signalWatches.add(signal, this)
  }

  /** Takes its place until it has gone on. */
  goOn(): void {
    this.#unwatch()
    this.#resolve()
  }

  aborted(reason: unknown): void {
    this.#unwatch()
    this.#leave()
    this.#reject(reason)
  }

  #unwatch(): void {
    if (this.#signal !== undefined) signalWatches.delete(this.#signal, this)
  }
}
