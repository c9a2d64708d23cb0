/** A reporter of vitest for `Trial`: writes `only-time-outs` in the working directory if each failure of the run is a time-out. */
import { writeFileSync } from 'node:fs'
import type { Reporter, SerializedError, TestModule } from 'vitest/node'

export const onlyTimeOuts = 'only-time-outs'

export default class TimeOutReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const failures = [...unhandled, ...modules.flatMap(errorsOf)]
    const areTimeOuts = failures.every(({ message }) => /^(?:Test|Hook) timed out in /.test(message))
    if (failures.length > 0 && areTimeOuts) writeFileSync(onlyTimeOuts, '')
  }
}

function errorsOf(module: TestModule): readonly SerializedError[] {
  const suites = [module, ...module.children.allSuites()].flatMap((suite) => suite.errors())
  const tests = [...module.children.allTests()].flatMap((test) => test.result().errors ?? [])
  return [...suites, ...tests]
}
