/** A copy of the repository in a directory of its own, in which one mutant at a time is put in and the tests are run. */
import { spawn } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mutant } from './mutants.js'

export const root = fileURLToPath(new URL('../..', import.meta.url))
/** A mutant that makes a loop endless is found by this. */
const MAX_RUN_MS = 120_000

/** No quick test needs this long: a promise that a mutant leaves pending is found by it. */
const QUICK_TEST_MS = 6_000

/** Test files that run together, in one process. */
export interface TestGroup {
  readonly files: readonly string[]
  readonly pace: 'quick' | 'slow'
}

export type Verdict = 'killed' | 'survived' | 'timed out'

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

  run({ files, pace }: TestGroup): Promise<Verdict> {
    return new Promise((resolve, reject) => {
      const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs')
      const options = ['--bail', '1', '--maxWorkers', '1', '--no-isolate', '--reporter', 'dot']
      if (pace === 'quick') options.push('--testTimeout', String(QUICK_TEST_MS), '--hookTimeout', String(QUICK_TEST_MS))
      const child = spawn(process.execPath, [vitest, 'run', ...options, ...files], {
        cwd: this.#directory,
        stdio: 'ignore',
        detached: true,
      })
      const timer = setTimeout(() => {
        // The whole group: a worker in an endless loop does not notice that its parent is gone.
        if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      }, MAX_RUN_MS)
      child.once('error', reject)
      child.once('exit', (code, signal) => {
        clearTimeout(timer)
        resolve(signal !== null ? 'timed out' : code === 0 ? 'survived' : 'killed')
      })
    })
  }

  end(): void {
    rmSync(this.#directory, { recursive: true, force: true })
  }
}
