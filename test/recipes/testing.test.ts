/**
 * The recipes for tests are tests: they run here. `@jest/globals` is vitest, whose `test` and `expect` mean the same; `node:test` runs
 * in a process of its own.
 */
import { execFile } from 'node:child_process'
import { createRequire } from 'node:module'
import { promisify } from 'node:util'
import * as mqtt311 from 'mqtt311'
import * as testing from 'mqtt311/testing'
import { describe, expect, test } from 'vitest'
import { builtProgram } from '../built-program.js'
import { recipe, recipeUrl } from './recipes.js'

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

test('with node:test', async () => {
  const program = await builtProgram(recipeUrl('lamp.node.ts'))
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', '--test-reporter', 'tap', program])
  expect(stdout).toMatch(/^# pass 1$/m)
  expect(stdout).toMatch(/^# fail 0$/m)
})
