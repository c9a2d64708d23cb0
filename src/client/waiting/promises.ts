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
