import { UsageError } from '../../errors.js'
import { atNextTurn } from './promises.js'

/** A call, or a client, that an AbortSignal can end. */
export interface Abortable {
  /** The signal was aborted, and `aborted` will be called, maybe in a later turn of the event loop: nothing may be sent any more. */
  stopped?(reason: unknown): void
  /** The signal was aborted. */
  aborted(reason: unknown): void
}

/** More calls than this may be told over several turns of the event loop, each of them for so many ms. */
const toldAtOnceMax = 1_000
const tellingMsPerTurn = 10
/** A look at the clock costs as much as a tenth of a call. */
const callsPerLook = 16

/**
 * Adds one listener to each AbortSignal, for all the calls that share the signal. Node warns of a leak at the eleventh listener of
 * one signal, but a service may pass its shutdown signal to thousands of publishes. One object serves all clients of the process,
 * so an idle client needs no memory here.
 */
class SignalWatches {
  readonly #watches = new WeakMap<AbortSignal, Watch>()

  /** A caller adds its waiter before it keeps or sends anything. @throws UsageError if the signal, an object of the program, throws. */
  add(signal: AbortSignal, waiter: Abortable): void {
    const watch = this.#watches.get(signal)
    if (watch !== undefined) {
      watch.waiters.add(waiter)
      return
    }
    const first = new Watch(signal, waiter)
    try {
      signal.addEventListener('abort', first)
    } catch (cause) {
      throw new UsageError('the addEventListener of signal threw: give the signal of an AbortController', { cause })
    }
    this.#watches.set(signal, first)
  }

  delete(signal: AbortSignal, waiter: Abortable): void {
    const watch = this.#watches.get(signal)
    if (watch === undefined) return
    watch.waiters.delete(waiter)
    if (watch.waiters.size > 0) return
    this.#watches.delete(signal)
    try {
      signal.removeEventListener('abort', watch)
    } catch {
      // The call is over. A listener that stays has nobody to tell.
    }
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
    const { reason } = this.#signal
    if (this.waiters.size > toldAtOnceMax) for (const waiter of this.waiters) waiter.stopped?.(reason)
    this.#tell(this.waiters.values(), reason)
  }

  /** A call that settles meanwhile is not among `left` any more. */
  #tell(left: IterableIterator<Abortable>, reason: unknown): void {
    const endsAt = performance.now() + tellingMsPerTurn
    let told = 0
    for (const waiter of left) {
      waiter.aborted(reason)
      told += 1
      if (told < toldAtOnceMax || told % callsPerLook > 0) continue
      if (performance.now() >= endsAt) return void atNextTurn(() => this.#tell(left, reason))
    }
  }
}

export const signalWatches = new SignalWatches()
