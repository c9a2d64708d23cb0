import { expect, test } from 'vitest'
import { type RunEnd, type TestRuns, verdictOf } from './verdict.js'

const passed: RunEnd = { is: 'passed' }
const failed: RunEnd = { is: 'failed', file: 'a', message: '1 is not 2' }

function slow(file: string): RunEnd {
  return { is: 'slow', file }
}

/** Test runs that end as given, one after the other. */
class Script implements TestRuns {
  readonly runs: string[] = []
  isRefused = () => false
  readonly #ends: RunEnd[]

  constructor(...ends: RunEnd[]) {
    this.#ends = ends
  }

  async run(files: readonly string[], patience: number, source: 'mutant' | 'original'): Promise<RunEnd> {
    this.runs.push(`${files.join(' ')} x${patience} ${source}`)
    const end = this.#ends.shift()
    if (end === undefined) throw new Error('one run too many')
    return end
  }
}

const killed = { is: 'killed', by: 'a: 1 is not 2' }
const tests = ['a', 'b', 'c']

test('a mutant is killed by a test that fails twice, and survives tests that pass', async () => {
  const script = new Script(failed, failed)
  expect(await verdictOf(script, tests)).toEqual(killed)
  expect(script.runs).toEqual(['a b c x1 mutant', 'a x4 mutant'])
  expect(await verdictOf(new Script(passed), tests)).toEqual({ is: 'survived' })
  expect(await verdictOf(new Script(), [])).toEqual({ is: 'survived' })
})

test('a test that fails only once says nothing: the others have their say', async () => {
  const script = new Script(failed, passed, passed)
  expect(await verdictOf(script, tests)).toEqual({ is: 'survived' })
  expect(script.runs.at(-1)).toBe('b c x1 mutant')
})

test('a time-out on a busy machine kills nothing: with more time the test file passes, and the others have their say', async () => {
  const survives = new Script(slow('b'), passed, passed)
  expect(await verdictOf(survives, tests)).toEqual({ is: 'survived' })
  expect(survives.runs).toEqual(['a b c x1 mutant', 'b x4 mutant', 'a c x2 mutant'])
  expect(await verdictOf(new Script(slow('b'), passed, failed, failed), tests)).toEqual(killed)
})

test('a mutant has timed out if its test file hangs with more time, and does not without the mutant', async () => {
  const script = new Script(slow('b'), slow('b'), passed)
  expect(await verdictOf(script, tests)).toEqual({ is: 'timed out', by: 'b' })
  expect(script.runs.slice(1)).toEqual(['b x4 mutant', 'b x1 original'])
})

test('a test file that is slow without the mutant too says nothing: all run again with more time', async () => {
  const script = new Script(slow('b'), slow('b'), slow('b'), failed, failed)
  expect(await verdictOf(script, tests)).toEqual(killed)
  expect(script.runs.at(-2)).toBe('a b c x2 mutant')
})

test('a machine that is too busy is said, and is no verdict', async () => {
  const busy = { run: async () => slow('a'), isRefused: () => false }
  await expect(verdictOf(busy, tests)).rejects.toThrow('the machine is too busy')
})

test('a test file of which only the time-out is known to be somewhere runs with all the others', async () => {
  const script = new Script({ is: 'slow', file: undefined }, failed)
  expect(await verdictOf(script, tests)).toEqual(killed)
  expect(script.runs.at(-1)).toBe('a b c x4 mutant')
})

test('the compiler is asked about a mutant that no test has killed', async () => {
  const refusing = (...ends: RunEnd[]) => Object.assign(new Script(...ends), { isRefused: () => true })
  expect(await verdictOf(refusing(passed), tests)).toEqual({ is: 'refused' })
  expect(await verdictOf(refusing(slow('b')), tests)).toEqual({ is: 'refused' })
  expect(await verdictOf(refusing(failed, failed), tests)).toEqual(killed)
})
