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

/** What was thrown, as an Error: code of the caller's may throw anything. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown })
}

/** What a session store threw, as a StoreError. */
export function asStoreError(thrown: unknown): StoreError {
  return thrown instanceof StoreError ? thrown : new StoreError('the session store failed', { cause: thrown })
}
