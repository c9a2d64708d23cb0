/** What a run of `npm run test:servers` ends with: a table of the loads, and the servers that were not tried. */
import type { Reporter, TestCase, TestModule } from 'vitest/node'
import { table } from '../faults/table.js'
import { installedKinds, kinds } from './form.js'
import type { LoadReport } from './load/load.js'

const headings = ['server', 'version', 'tests', 'load', 'messages', 'cuts', 'lost', 'doubled', 'seconds']
const theirs = ['MQTT.js: cuts', 'lost', 'doubled', 'seconds']

export default class ServerReport implements Reporter {
  async onTestRunEnd(modules: readonly TestModule[]): Promise<void> {
    const rows = modules.flatMap(rowsOf)
    if (rows.length > 0) console.log(`\n${table([...headings, ...theirs], rows)}`)
    for (const module of modules) {
      for (const test of module.children.allTests()) if (test.meta().found !== undefined) console.log(test.meta().found)
    }
    const installed = await installedKinds()
    for (const kind of kinds) {
      if (!installed.includes(kind))
        console.log(`${kind.title} was not tried, since it is not installed: ${kind.install}`)
    }
  }
}

function rowsOf(module: TestModule): string[][] {
  const tests = [...module.children.allTests()]
  const version = tests.map((test) => test.meta().version).find((each) => each !== undefined) ?? '?'
  const count = `${tests.filter((test) => test.result().state === 'passed').length} of ${tests.length}`
  return tests.flatMap(rowOf).map((cells, index) => {
    const [server = '', ...rest] = cells
    return index === 0 ? [server, version, count, ...rest] : ['', '', '', ...rest]
  })
}

function rowOf(test: TestCase): string[][] {
  const { load } = test.meta()
  if (load === undefined) return []
  const { server, what, messages, ours } = load
  const other = load.theirs === undefined ? [] : numbersOf(load.theirs)
  return [[server, what, String(messages), ...numbersOf(ours), ...other]]
}

function numbersOf({ cuts, lost, late, doubled, repeatedByServer, seconds }: LoadReport): string[] {
  const repeated = repeatedByServer === 0 ? '' : `, ${repeatedByServer} of them by the server`
  const held = late === 0 ? '' : `, ${late} late`
  return [String(cuts), `${lost}${held}`, `${doubled}${repeated}`, seconds.toFixed(1)]
}
