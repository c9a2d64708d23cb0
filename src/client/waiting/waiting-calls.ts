import { rejection } from './promises.js'
import { type Abortable, signalWatches } from './signal-watches.js'

/**
 * The calls that a program makes before the session is read from its store. When the session is read, all of these calls go on, in
 * the order in which they were made. An aborted call is removed at once. A call that is made while earlier calls go on has to wait
 * until they are done, so that it does not overtake them.
 */
export class WaitingCalls {
  /** Calls that wait, and calls that go on and are not done. */
  readonly #calls = new Set<WaitingCall>()

  get isEmpty(): boolean {
    return this.#calls.size === 0
  }

  /** Resolves with `resolveAll`; rejects with `rejectAll`, or with the reason of the signal. */
  wait(signal: AbortSignal | undefined): Promise<void> {
    if (signal?.aborted) return rejection(signal.reason)
    return new Promise((resolve, reject) => {
      const call = new WaitingCall(signal, resolve, reject, () => this.#calls.delete(call))
      this.#calls.add(call)
    })
  }

  resolveAll(): void {
    const calls = [...this.#calls]
    if (calls.length === 0) return
    for (const call of calls) call.goOn()
    // The calls do their work in microtasks that are already queued, so this microtask runs after all of them.
    queueMicrotask(() => {
      for (const call of calls) this.#calls.delete(call)
      this.resolveAll()
    })
  }

  rejectAll(reason: () => unknown): void {
    for (const call of [...this.#calls]) call.aborted(reason())
  }
}

class WaitingCall implements Abortable {
  readonly #signal: AbortSignal | undefined
  readonly #resolve: () => void
  readonly #reject: (reason: unknown) => void
  readonly #remove: () => void

  constructor(
    signal: AbortSignal | undefined,
    resolve: () => void,
    reject: (reason: unknown) => void,
    remove: () => void,
  ) {
    this.#signal = signal
    this.#resolve = resolve
    this.#reject = reject
    this.#remove = remove
    if (signal !== undefined) signalWatches.add(signal, this)
  }

  /** The call goes on, but it stays in the list until its work is done. */
  goOn(): void {
    this.#unwatch()
    this.#resolve()
  }

  stopped(): void {
    this.#remove()
  }

  aborted(reason: unknown): void {
    this.#unwatch()
    this.#remove()
    this.#reject(reason)
  }

  #unwatch(): void {
    if (this.#signal !== undefined) signalWatches.delete(this.#signal, this)
  }
}
