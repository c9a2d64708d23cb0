import { StoreError } from '../../errors.js'
import { isError } from '../../realms/foreign-values.js'

/**
 * Returns the same promise, marked as handled for Node: if it rejects and the program does not await it, there is no unhandled
 * rejection. The program learns of the error in other ways too (events, `stats`). Whoever awaits the promise still gets the error.
 */
export function markHandled<T>(promise: Promise<T>): Promise<T> {
  promise.catch(nothing)
  return promise
}

/** Calls a function at the next turn of the event loop. It is the real one, also while a test of the program has faked the timers. */
export const atNextTurn = setImmediate
/** One rejection of so many comes with the next turn of the event loop. */
const rejectionsPerTurn = 1_000
let rejections = 0

/**
 * A rejected promise, marked as handled. A program that awaits a call in a loop, and tries again at each error, would stay in one turn of
 * the event loop for ever: no socket, timer or signal would get its turn, so the connection that the loop waits for could not come.
 */
export function rejection(reason: unknown): Promise<never> {
  rejections = (rejections + 1) % rejectionsPerTurn
  return markHandled(rejections === 0 ? new Promise((_, reject) => atNextTurn(reject, reason)) : Promise.reject(reason))
}

function nothing(): void {}

/** The thrown value as an Error. Code of the program may throw any value, even one for which `String` or `instanceof` throws. */
export function asError(thrown: unknown): Error {
  try {
    return isError(thrown) ? thrown : new Error(String(thrown), { cause: thrown })
  } catch {
    return new Error('something was thrown that is no Error and has no text', { cause: thrown })
  }
}

/** Whether a value has a method `then`: a promise, of this realm, of another realm or of a library. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** The value that a session store threw, as a StoreError. */
export function asStoreError(thrown: unknown): StoreError {
  const cause = asError(thrown)
  return cause instanceof StoreError ? cause : new StoreError(`the session store failed: ${cause.message}`, { cause })
}
