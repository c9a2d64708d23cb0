/**
 * A copy of the repository in a directory of its own, in which one mutant at a time is put in and the tests are run.
 *
 * A test that fails by its time-out alone says little: the machine may be busy. So the group runs again with more time, and only a
 * test that hangs there too counts.
 */
import { spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mutant } from './mutants.js'
import { onlyTimeOuts } from './time-out-reporter.js'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** How long one test, or one hook, may take in the first run of a group: a promise that a mutant leaves pending is found by it. */
const QUICK_TEST_MS = 6_000

/** The same in the second run, after a time-out. */
const PATIENT_TEST_MS = 20_000

/** How long a whole group may take: a mutant that makes a loop endless is found by it. */
const MAX_RUN_MS = 120_000
const PATIENT_RUN_MS = 300_000

/** Test files that run together, in one process. */
export interface TestGroup {
  readonly files: readonly string[]
  readonly pace: 'quick' | 'slow'
}

/** 'timed out': a test hangs, or the whole run does. */
export type Verdict = 'killed' | 'survived' | 'timed out'

interface Limits {
  /** Undefined: what vitest.config.ts says. */
  readonly testMs?: number
  readonly runMs: number
}

const limitsOf: Readonly<Record<TestGroup['pace'], Limits>> = {
  quick: { testMs: QUICK_TEST_MS, runMs: MAX_RUN_MS },
  slow: { runMs: MAX_RUN_MS },
}

const patient: Limits = { testMs: PATIENT_TEST_MS, runMs: PATIENT_RUN_MS }

export class Trial {
  readonly #directory = mkdtempSync(join(tmpdir(), 'mqtt311-mutation-'))

  constructor() {
    for (const name of ['src', 'test', 'fixtures', 'package.json', 'tsconfig.json', 'vitest.config.ts']) {
      cpSync(join(root, name), join(this.#directory, name), { recursive: true })
    }
    symlinkSync(join(root, 'node_modules'), join(this.#directory, 'node_modules'))
  }

  /** Runs the groups of tests one after the other, as long as the mutant survives. */
  async judge(mutant: Mutant, groups: readonly TestGroup[]): Promise<Verdict> {
    const path = join(this.#directory, mutant.file)
    const original = readFileSync(path, 'utf8')
    writeFileSync(path, original.slice(0, mutant.start) + mutant.replacement + original.slice(mutant.end))
    try {
      for (const group of groups) {
        const verdict = await this.run(group)
        if (verdict !== 'survived') return verdict
      }
      return 'survived'
    } finally {
      writeFileSync(path, original)
    }
  }

  async run({ files, pace }: TestGroup): Promise<Verdict> {
    const first = await this.#run(files, limitsOf[pace])
    return first === 'timed out' ? this.#run(files, patient) : first
  }

  #run(files: readonly string[], { testMs, runMs }: Limits): Promise<Verdict> {
    const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
    const mark = join(this.#directory, onlyTimeOuts)
    const options = [
      '--bail',
      '1',
      '--maxWorkers',
      '1',
      '--no-isolate',
      '--reporter',
      './test/mutation/time-out-reporter.ts',
    ]
    if (testMs !== undefined) options.push('--testTimeout', String(testMs), '--hookTimeout', String(testMs))
    rmSync(mark, { force: true })
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [vitest, 'run', ...options, ...files], {
        cwd: this.#directory,
        stdio: 'ignore',
        detached: true,
      })
      const timer = setTimeout(() => {
        // The whole group: a worker in an endless loop does not notice that its parent is gone.
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      }, runMs)
      child.once('error', reject)
      child.once('exit', (code, signal) => {
        clearTimeout(timer)
        if (signal !== null) resolve('timed out')
        else if (code === 0) resolve('survived')
        else resolve(existsSync(mark) ? 'timed out' : 'killed')
      })
    })
  }

  end(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
