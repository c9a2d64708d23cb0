/** The recipes for tests are tests: they run here. `@jest/globals` is vitest, whose `test` and `expect` mean the same. */
import { createRequire } from 'node:module'
import * as mqtt311 from 'mqtt311'
import * as testing from 'mqtt311/testing'
import { describe, expect, test } from 'vitest'
import { recipe } from './recipes.js'

describe('with vitest', async () => {
  await import('../../docs/recipes/lamp.vitest.js')
})

describe('with jest', () => {
  const modules: Readonly<Record<string, unknown>> = {
    '@jest/globals': { expect, test },
    mqtt311,
    'mqtt311/testing': testing,
  }
  const load = (name: string): unknown => modules[name] ?? createRequire(import.meta.url)(name)
  new Function('require', recipe('lamp.jest.cjs'))(load)
})
