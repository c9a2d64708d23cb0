import { StoreError } from '../../errors.js'

/**
 * The same promise, which does not end the process when it rejects and nobody awaits it: what went wrong is told in other ways too,
 * and whoever does await it is told all the same.
 */
export function tamed<T>(promise: Promise<T>): Promise<T> {
  promise.catch(nothing)
  return promise
}

/** A tamed promise that is rejected already. */
export function rejection(reason: unknown): Promise<never> {
  return tamed(Promise.reject(reason))
}

function nothing(): void {}

/** What was thrown, as an Error: code of the caller's may throw anything, also what has no text and answers no question. */
export function asError(thrown: unknown): Error {
  try {
    return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown })
  } catch {
    return new Error('something was thrown that is no Error and has no text', { cause: thrown })
  }
}

/** Whether a value can be waited for: a promise, of whatever make. */
export function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function'
}

/** What a session store threw, as a StoreError. */
export function asStoreError(thrown: unknown): StoreError {
  const cause = asError(thrown)
  return cause instanceof StoreError ? cause : new StoreError(`the session store failed: ${cause.message}`, { cause })
}
