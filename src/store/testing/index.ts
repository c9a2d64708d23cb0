/**
 * `mqtt311/store/testing`: the suite that every SessionStore must pass, for any test runner.
 *
 * @module mqtt311/store/testing
 */
import assert from 'node:assert/strict'
import { cases, type SessionStoreFixture } from './cases.js'

export type { SessionStoreFixture }

/** The store that is tested: what it promises, and how a fresh one is made. */
export interface SessionStoreSuiteOptions {
  /** What `store.durable` says. The cases that need it are left out if it is false. */
  readonly durable: boolean
  /** Makes the storage of one case: empty, and nobody else's. */
  create(): Promise<SessionStoreFixture>
}

/** One case: `run` rejects if the store fails it. */
export interface SessionStoreCase {
  /** What the case claims, as a title for the test runner. */
  readonly name: string
  /**
   * Runs the case over a fixture of its own. Rejects, with an AssertionError or what the store threw, if the claim does
   * not hold.
   */
  run(): Promise<void>
}

/**
 * All cases that apply to a store that promises `options.durable`.
 *
 * ```ts
 * // vitest (for node:test, import test from 'node:test' and call it in the same way)
 * import { test } from 'vitest'
 * import { sessionStoreSuite } from 'mqtt311/store/testing'
 * for (const { name, run } of sessionStoreSuite({ durable: true, create: async () => myFixture() })) {
 *   test(name, run)
 * }
 * ```
 */
export function sessionStoreSuite(options: SessionStoreSuiteOptions): SessionStoreCase[] {
  const applicable = cases.filter(({ needs }) => needs === undefined || options.durable)
  return applicable.map(({ name, test }) => ({
    name,
    async run() {
      const fixture = await options.create()
      try {
        assert.equal(fixture.store.durable, options.durable, 'durable is what the suite was told')
        await test(fixture)
      } finally {
        await fixture.store.close().catch(() => {})
        await fixture.destroy()
      }
    },
  }))
}
