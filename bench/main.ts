/**
 * `npm run bench` measures everything, `npm run bench -- codec memory` the named parts. A full run keeps what it found in
 * `bench/results/`, and makes the charts and the tables of the documents of it; `npm run bench -- --quick` shows that all of it still
 * runs, and that nothing grows faster than it may.
 */
import { parseArgs } from 'node:util'
import { circumstances } from './measure/machine.js'
import type { Effort, Part, Table } from './part.js'
import { drawCharts } from './report/charts.js'
import { markdown } from './report/markdown.js'
import { writeReports } from './report/reports.js'
import { keep } from './report/results.js'

const parts: Readonly<Record<string, () => Promise<Part>>> = {
  codec: () => import('./codec/codec.js'),
  sink: () => import('./clients/against-sink.js'),
  mosquitto: () => import('./clients/against-mosquitto.js'),
  bursts: () => import('./broker/bursts.js'),
  receiving: () => import('./broker/receiving.js'),
  gateway: () => import('./broker/gateway.js'),
  routing: () => import('./pieces/routing.js'),
  signer: () => import('./pieces/signer.js'),
  journal: () => import('./pieces/journal.js'),
  platform: () => import('./clients/platform.js'),
  diagnostics: () => import('./clients/diagnostics.js'),
  programs: () => import('./programs/programs.js'),
  bounds: () => import('./bounds/bounds.js'),
  memory: () => import('./process/memory.js'),
  package: () => import('./process/package-size.js'),
  'start-up': () => import('./process/start-up.js'),
}

async function measure(name: string, effort: Effort): Promise<void> {
  const load = parts[name]
  if (load === undefined) throw new Error(`no part "${name}"; there is ${Object.keys(parts).join(', ')}`)
  const part = await load()
  const where = circumstances()
  const tables: Table[] = []
  for await (const table of part.run(effort)) {
    console.log(markdown(table, where))
    tables.push(table)
    for (const failure of table.failures ?? []) {
      console.error(`failed: ${failure}\n`)
      process.exitCode = 1
    }
  }
  if (effort === 'full') keep({ part: name, ...where, tables })
}

const { values, positionals } = parseArgs({ options: { quick: { type: 'boolean' } }, allowPositionals: true })
const effort: Effort = values.quick ? 'quick' : 'full'
if (effort === 'quick')
  console.log('A little of everything, to see that it runs: these numbers mean nothing, only how they grow does.\n')
for (const name of positionals.length > 0 ? positionals : Object.keys(parts)) await measure(name, effort)
if (effort === 'full') {
  drawCharts()
  writeReports()
}
