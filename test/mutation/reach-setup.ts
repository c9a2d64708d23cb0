/** Set up before each test file of the run that measures what tests reach (`reach.ts`). */
import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { afterAll, expect } from 'vitest'
import { reachedByProcesses } from './reach.js'

const reached = new Set<number>()
Object.assign(globalThis, { reachedByTests: reached })

afterAll(() => {
  const { testPath } = expect.getState()
  appendFileSync('reached.txt', `${[testPath ?? '', ...reached, ...ofProcesses()].join(' ')}\n`)
})

function ofProcesses(): readonly string[] {
  if (!existsSync(reachedByProcesses)) return []
  const ids = new Set(readFileSync(reachedByProcesses, 'utf8').trim().split(' '))
  rmSync(reachedByProcesses)
  return [...ids]
}
