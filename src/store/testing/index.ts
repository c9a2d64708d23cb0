/**
 * `mqtt311/store/testing`: the suite that every SessionStore must pass, for any test runner.
 *
 * @module mqtt311/store/testing
 */
import assert from 'node:assert/strict'
import { cases, type SessionStoreFixture } from './cases.js'

export type { SessionStoreFixture }

/** The tested store: whether it is durable, and how to make a new one. */
export interface SessionStoreSuiteOptions {
  /** The value of `store.durable`. If it is false, the suite leaves out the cases for durable stores. */
  readonly durable: boolean
  /** Makes a store with empty storage, which no other case uses. */
  create(): Promise<SessionStoreFixture>
}

/** One case: `run` rejects if the store fails it. */
export interface SessionStoreCase {
  /** The claim of the case, as a title for the test runner. */
  readonly name: string
  /**
   * Runs the case with its own fixture. If the claim is false, rejects with an AssertionError, or with the error of the
   * store.
   */
  run(): Promise<void>
}

/**
 * All cases for a store whose `durable` is `options.durable`.
 *
 * ```ts
 * // vitest (for node:test, import test from 'node:test' and call it in the same way)
 * import { test } from 'vitest'
 * import { type SessionStoreFixture, sessionStoreSuite } from 'mqtt311/store/testing'
 *
 * declare const create: () => Promise<SessionStoreFixture> // with your store in it
 * for (const { name, run } of sessionStoreSuite({ durable: true, create })) test(name, run)
 * ```
 */
export function sessionStoreSuite(options: SessionStoreSuiteOptions): SessionStoreCase[] {
  const applicable = cases.filter(({ needs }) => needs === undefined || options.durable)
  return applicable.map(({ name, test }) => ({
    name,
    async run() {
      const fixture = await options.create()
      try {
        assert.equal(fixture.store.durable, options.durable, 'store.durable equals the option durable')
        await test(fixture)
      } finally {
        await fixture.store.close().catch(() => {})
        await fixture.destroy()
      }
    },
  }))
}
