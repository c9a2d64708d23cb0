/**
 * The process in which `Trial` has tests run: vitest stays loaded, with all sources that it has transformed, and each run gets a
 * worker of its own. It says which test file has begun, and when a test has ended, so that an endless loop can be told from a long run.
 */
import { join, relative } from 'node:path'
import type { SerializedError, TestModule, TestSpecification, Vitest } from 'vitest/node'
import { BaseSequencer, createVitest } from 'vitest/node'
import type { Answer, Failure, Order } from './trial.js'

const root = process.cwd()
const [setupFile] = process.argv.slice(2)

function say(answer: Answer): void {
  process.send?.(answer)
}

function nameOf(module: TestModule): string {
  return relative(root, module.moduleId)
}

/** The order is the runner's: the quick ones first. */
class GivenOrder extends BaseSequencer {
  static order: readonly string[] = []

  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification) => GivenOrder.order.indexOf(relative(root, moduleId))
    return files.toSorted((a, b) => place(a) - place(b))
  }
}

const timeOut = /^(?:Test|Hook) timed out in /

function failuresOf(module: TestModule): readonly Failure[] {
  const suites = [module, ...module.children.allSuites()].flatMap((suite) => suite.errors())
  const tests = [...module.children.allTests()].flatMap((test) => test.result().errors ?? [])
  return [...suites, ...tests].map((error) => failureOf(error, nameOf(module)))
}

function failureOf({ message }: SerializedError, file?: string): Failure {
  return { file, message: message.slice(0, 300), isTimeOut: timeOut.test(message) }
}

const reporter = {
  onTestModuleStart(module: TestModule): void {
    say({ kind: 'begun', file: nameOf(module) })
  },
  onTestCaseResult(): void {
    say({ kind: 'test ended' })
  },
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const failures = [...unhandled.map((error) => failureOf(error)), ...modules.flatMap(failuresOf)]
    const passed = modules.filter((module) => module.state() === 'passed')
    const durations = passed.map((module) => {
      const tests = [...module.children.allTests()].map((test) => test.diagnostic()?.duration ?? 0)
      return { file: nameOf(module), ms: module.diagnostic().duration, longestTestMs: Math.max(0, ...tests) }
    })
    say({ kind: 'ended', failures, passed: durations })
  },
}

const vitest: Vitest = await createVitest('test', {
  root,
  watch: false,
  maxWorkers: 1,
  isolate: false,
  fileParallelism: false,
  reporters: [reporter],
  sequence: { sequencer: GivenOrder },
})
await vitest.standalone()
if (setupFile !== undefined) for (const { config } of vitest.projects) config.setupFiles = [join(root, setupFile)]

async function run({ files, testMs, upTo, changed }: Order): Promise<void> {
  for (const path of changed) vitest.invalidateFile(path)
  GivenOrder.order = files
  for (const config of [vitest.config, ...vitest.projects.map((project) => project.config)]) {
    config.bail = upTo === 'all' ? 0 : 1
    config.testTimeout = testMs
    config.hookTimeout = testMs
  }
  const found = await vitest.globTestSpecifications([...files])
  const wanted = found.filter(({ moduleId }) => files.includes(relative(root, moduleId)))
  await vitest.runTestSpecifications(wanted)
}

let runs = Promise.resolve()
process.on('message', (order: Order) => {
  runs = runs.then(() => run(order))
})
process.once('disconnect', () => process.exit())
say({ kind: 'ready' })
