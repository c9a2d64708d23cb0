/** Set up before each test file of the run that measures what tests reach (`reach.ts`). */
import { appendFileSync } from 'node:fs'
import { afterAll, expect } from 'vitest'

const reached = new Set<number>()
Object.assign(globalThis, { reachedByTests: reached })

afterAll(() => {
  const { testPath } = expect.getState()
  appendFileSync('reached.txt', `${[testPath ?? '', ...reached].join(' ')}\n`)
})
