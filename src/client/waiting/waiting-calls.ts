import { rejection } from './promises.js'
import { type Abortable, signalWatches } from './signal-watches.js'

/**
 * The calls that a program makes before the session is read from its store. When the session is read, all of these calls go on, in
 * the order in which they were made. An aborted call is removed at once. A call goes on in the turn of `resolveAll`, and not behind a
 * promise: code of the program that runs in between could end the client, and nobody would settle a call that goes on after that.
 */
export class WaitingCalls {
  readonly #calls = new Set<WaitingCall>()

  get isEmpty(): boolean {
    return this.#calls.size === 0
  }

  /** Calls `goOn` with `resolveAll`, and settles as its result does; rejects with `rejectAll`, or with the reason of the signal. */
  wait<T>(signal: AbortSignal | undefined, goOn: () => T | Promise<T>): Promise<T> {
    if (signal?.aborted) return rejection(signal.reason)
    return new Promise((resolve, reject) => {
      const call = new WaitingCall(
        signal,
        () => resolve(goOn()),
        reject,
        () => this.#calls.delete(call),
      )
      this.#calls.add(call)
    })
  }

  resolveAll(): void {
    for (const call of this.#calls) call.goOn()
  }

  rejectAll(reason: () => unknown): void {
    for (const call of this.#calls) call.aborted(reason())
  }
}

class WaitingCall implements Abortable {
  readonly #signal: AbortSignal | undefined
  readonly #goOn: () => void
  readonly #reject: (reason: unknown) => void
  readonly #remove: () => void

  constructor(
    signal: AbortSignal | undefined,
    goOn: () => void,
    reject: (reason: unknown) => void,
    remove: () => void,
  ) {
    this.#signal = signal
    this.#goOn = goOn
    this.#reject = reject
    this.#remove = remove
    if (signal !== undefined) signalWatches.add(signal, this)
  }

  goOn(): void {
    this.#end()
    try {
      this.#goOn()
    } catch (error) {
      this.#reject(error)
    }
  }

  stopped(): void {
    this.#remove()
  }

  aborted(reason: unknown): void {
    this.#end()
    this.#reject(reason)
  }

  #end(): void {
    if (this.#signal !== undefined) signalWatches.delete(this.#signal, this)
    this.#remove()
  }
}
