/** A copy of the repository in a directory of its own, in which one mutant at a time is put in and the tests are run. */
import { type ChildProcess, fork } from 'node:child_process'
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Compiler } from './compiler.js'
import { type Mutant, mutatedText } from './mutants.js'
import { type Probed, type Reach, readReach } from './reach.js'
import { type RunEnd, type Verdict, verdictOf } from './verdict.js'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** A limit is this many times what was measured without a mutant, or what counts as slow. */
const LIMIT_FACTOR = 4

/** Of one test, or one hook. */
const SLOW_TEST_MS = 1_000

/**
 * An endless loop lets no test time out, and says nothing more. It is waited for as long as a test may take, and this for what lies before the
 * test: loading a file, and its hooks. Not as long as a whole file takes: such a loop would cost ten minutes.
 */
const MAX_PAUSE_MS = 30_000

/** How often a test may fail without a mutant on a busy machine. */
const MAX_ATTEMPTS = 5

export interface Order {
  readonly files: readonly string[]
  readonly testMs: number
  /** Whether tests run behind one that has failed. */
  readonly upTo: 'first failure' | 'all'
  /** Sources that differ from what the process has loaded. */
  readonly changed: readonly string[]
}

export interface Failure {
  /** Undefined if it is not known. */
  readonly file: string | undefined
  readonly message: string
  readonly isTimeOut: boolean
}

export interface Duration {
  readonly file: string
  readonly ms: number
  readonly longestTestMs: number
}

interface Ended {
  readonly kind: 'ended'
  readonly failures: readonly Failure[]
  /** The files that passed. */
  readonly passed: readonly Duration[]
}

export type Answer =
  | { readonly kind: 'ready' }
  | { readonly kind: 'begun'; readonly file: string }
  | { readonly kind: 'test ended' }
  | Ended

/** 'hung': for too long no test has ended, not even by its time-out. */
type Outcome = Ended | { readonly kind: 'hung'; readonly file: string | undefined }

export interface Measured {
  readonly reach: Reach
  /** Milliseconds of each test file. */
  readonly durations: ReadonlyMap<string, Duration>
}

export class Trial {
  readonly #directory = mkdtempSync(join(tmpdir(), 'mqtt311-mutation-'))
  #durations: ReadonlyMap<string, Duration>
  readonly #compiler: Compiler
  #warm: ChildProcess | undefined
  #changed = new Set<string>()

  constructor(compiler: Compiler, durations: ReadonlyMap<string, Duration> = new Map()) {
    this.#compiler = compiler
    this.#durations = durations
    for (const name of ['src', 'test', 'fixtures', 'package.json', 'tsconfig.json', 'vitest.config.ts']) {
      cpSync(join(root, name), join(this.#directory, name), { recursive: true })
    }
    symlinkSync(join(root, 'node_modules'), join(this.#directory, 'node_modules'))
  }

  /** Without a mutant all tests pass, at the last try at the latest; else each mutant would count as killed. */
  async measure(probed: ReadonlyMap<string, Probed>, tests: readonly string[]): Promise<Measured> {
    const originals = [...probed.keys()].map((file) => [file, this.#read(file)] as const)
    for (const [file, { text }] of probed) this.#write(file, text)
    await this.#start('test/mutation/reach-setup.ts')
    const durations = new Map<string, Duration>()
    let left = tests
    for (let attempt = 1; left.length > 0; attempt += 1) {
      const outcome = await this.#run(left, 60_000, 600_000, 'all')
      if (outcome.kind === 'hung') throw new Error(`${outcome.file} does not end without any mutant`)
      for (const duration of outcome.passed) durations.set(duration.file, duration)
      left = left.filter((file) => !durations.has(file))
      const [failure] = outcome.failures
      if (attempt === MAX_ATTEMPTS && left.length > 0)
        throw new Error(`${left.join(' ')} fails without any mutant: ${failure?.message}`)
    }
    this.#stop()
    for (const [file, text] of originals) this.#write(file, text)
    this.#durations = durations
    return { reach: readReach(join(this.#directory, 'reached.txt'), this.#directory), durations }
  }

  /** Runs the tests, in this order, up to the first failure. */
  async judge(mutant: Mutant, tests: readonly string[]): Promise<Verdict> {
    const original = this.#read(mutant.file)
    // No test has to run for a state that has no such name.
    if (mutant.operator === 'string' && this.#compiler.refuses(mutant, original)) return { is: 'refused' }
    const texts = { mutant: mutatedText(mutant, original), original }
    try {
      return await verdictOf(
        {
          run: (files, patience, source) => {
            this.#write(mutant.file, texts[source])
            return this.#tryOut(files, patience)
          },
          isRefused: () => this.#compiler.refuses(mutant, original),
        },
        tests,
      )
    } finally {
      this.#write(mutant.file, original)
    }
  }

  async #tryOut(files: readonly string[], patience: number): Promise<RunEnd> {
    if (this.#warm === undefined) await this.#start()
    const isSlow = (file: string) => (this.#durations.get(file)?.longestTestMs ?? 0) > SLOW_TEST_MS
    // Apart, so that the quick ones have short limits.
    for (const group of [files.filter((file) => !isSlow(file)), files.filter(isSlow)]) {
      if (group.length === 0) continue
      const measured = group.flatMap((file) => this.#durations.get(file) ?? [])
      const testMs = LIMIT_FACTOR * Math.max(SLOW_TEST_MS, ...measured.map(({ longestTestMs }) => longestTestMs))
      const end = runEnd(await this.#run(group, patience * testMs, patience * testMs + MAX_PAUSE_MS))
      if (end.is !== 'passed') return end
    }
    return { is: 'passed' }
  }

  #run(
    files: readonly string[],
    testMs: number,
    silenceMs: number,
    upTo: Order['upTo'] = 'first failure',
  ): Promise<Outcome> {
    const warm = this.#warm
    if (warm === undefined) throw new Error('there is no process to run tests in')
    const order: Order = { files, testMs, upTo, changed: [...this.#changed] }
    this.#changed.clear()
    return new Promise((resolve, reject) => {
      let running: string | undefined
      const hung = () => {
        this.#stop()
        end({ kind: 'hung', file: running })
      }
      let timer = setTimeout(hung, silenceMs)
      const end = (outcome: Outcome) => {
        clearTimeout(timer)
        warm.off('message', hear)
        warm.off('exit', gone)
        resolve(outcome)
      }
      const hear = (answer: Answer) => {
        if (answer.kind === 'ended') return end(answer)
        if (answer.kind === 'begun') running = answer.file
        clearTimeout(timer)
        timer = setTimeout(hung, silenceMs)
      }
      const gone = () => reject(new Error('the process that runs the tests has ended'))
      warm.on('message', hear)
      warm.once('exit', gone)
      warm.send(order)
    })
  }

  #start(...setup: readonly string[]): Promise<void> {
    const warm = fork(join(root, 'test', 'mutation', 'warm-vitest.ts'), setup, {
      cwd: this.#directory,
      execArgv: ['--import', 'tsx'],
      stdio: 'ignore',
      detached: true,
    })
    this.#warm = warm
    this.#changed.clear()
    return new Promise((resolve, reject) => {
      warm.once('message', () => resolve())
      warm.once('error', reject)
      warm.once('exit', () => reject(new Error('the process that runs the tests does not start')))
    })
  }

  /** The whole group: a worker in an endless loop does not notice that its parent is gone. */
  #stop(): void {
    const pid = this.#warm?.pid
    this.#warm?.removeAllListeners()
    this.#warm = undefined
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  }

  #read(file: string): string {
    return readFileSync(join(this.#directory, file), 'utf8')
  }

  #write(file: string, text: string): void {
    if (this.#read(file) === text) return
    writeFileSync(join(this.#directory, file), text)
    this.#changed.add(join(this.#directory, file))
  }

  end(): void {
    this.#stop()
    rmSync(this.#directory, { recursive: true, force: true })
  }
}

function runEnd(outcome: Outcome): RunEnd {
  if (outcome.kind === 'hung') return { is: 'slow', file: outcome.file }
  const [first] = outcome.failures
  if (first === undefined) return { is: 'passed' }
  return outcome.failures.every(({ isTimeOut }) => isTimeOut)
    ? { is: 'slow', file: first.file }
    : { is: 'failed', file: first.file, message: first.message }
}
