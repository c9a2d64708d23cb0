import { StoreError } from '../errors.js'

/** What was thrown, as an Error: code of the caller's may throw anything. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown })
}

/** What a session store threw, as a StoreError. */
export function asStoreError(thrown: unknown): StoreError {
  return thrown instanceof StoreError ? thrown : new StoreError('the session store failed', { cause: thrown })
}
