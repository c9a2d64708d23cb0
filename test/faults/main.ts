/**
 * `npm run faults [-- --quick] [-- --seed N]`: real faults against a real mosquitto, and a table of what came of them. It ends with 1 if
 * anything was lost or doubled that must not be.
 */
import { parseArgs } from 'node:util'
import { restartBroker } from './broker-restarts.js'
import { killClient } from './client-kills.js'
import { cutConnections } from './cut-connections.js'
import type { LoadReport } from './load.js'
import { table } from './table.js'
import type { Score } from './tally.js'

const { values } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, seed: { type: 'string', default: '1' } },
})
const seed = Number(values.seed)
const messagesOfEachQos = values.quick ? 2_000 : 20_000
const kills = values.quick ? 10 : 100

// An end by signal is an orderly one too, so that no broker is left behind.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

const rows: string[][] = []
const faults: string[] = []

function demand(name: string, what: string, count: number): void {
  if (count !== 0) faults.push(`${name}: ${what} ${count}, and it has to be 0`)
}

/**
 * `rolledBack`: the broker itself forgets what it has acknowledged, so that losses and copies prove nothing. `repeated`: copies that
 * it has made itself.
 */
function reportScores(
  name: string,
  scores: Partial<Record<0 | 1 | 2, Score>>,
  broker: { readonly rolledBack: boolean; readonly repeated: number },
  notes: string,
): void {
  for (const qos of [0, 1, 2] as const) {
    const score = scores[qos]
    if (score === undefined) continue
    const { promised, lost, doubled, disordered } = score
    rows.push([name, String(qos), ...[promised, lost, doubled, disordered].map(String), qos === 1 ? notes : ''])
    if (broker.rolledBack || qos === 0) continue
    demand(`${name}, QoS ${qos}`, 'lost', lost)
    if (qos === 2) demand(`${name}, QoS ${qos}`, 'doubled, but not by the broker:', doubled - broker.repeated)
  }
}

function reportLoad(name: string, report: LoadReport, rolledBack: boolean, deeds: string): void {
  const { repeatedByBroker, unacknowledged, hanging, leaked, rejected, reconnects, resent, seconds } = report
  const copies = repeatedByBroker === 0 ? '' : `; ${repeatedByBroker} repeated by the broker after PUBREL`
  const notes = `${deeds}; ${reconnects} reconnections, ${resent} resent, ${seconds.toFixed(1)} s${copies}`
  reportScores(name, report.scores, { rolledBack, repeated: repeatedByBroker }, notes)
  demand(name, 'publishes resolved without an acknowledgement', unacknowledged)
  demand(name, 'publishes that never settled', hanging)
  demand(name, 'Packet Identifiers or messages left over', leaked)
  demand(name, 'publishes rejected', rejected)
}

/** A fault that the harness itself does not survive is one as well, and does not hide what the others have shown. */
async function attempt(name: string, run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    faults.push(`${name}: ${error instanceof Error ? error.stack : String(error)}`)
  }
}

for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
  await attempt(`broker ${signal}`, async () => {
    const report = await restartBroker({ signal, messagesOfEachQos, seed })
    reportLoad(`broker ${signal}`, report, signal === 'SIGKILL', `${report.restarts} restarts`)
  })
}
await attempt('cutting proxy', async () => {
  const report = await cutConnections({ messagesOfEachQos, seed })
  const { cuts, stalls, silences, bytesAlone } = report.deeds
  const deeds = `${cuts} cuts, ${stalls} stalls, ${silences} silences, ${bytesAlone} bytes alone`
  reportLoad('cutting proxy', report, false, deeds)
})
await attempt('client kill -9', async () => {
  const { scores, early, seconds } = await killClient({ kills, seed })
  const notes = `${kills} kills, ${early} while starting, ${seconds.toFixed(1)} s`
  reportScores('client kill -9', scores, { rolledBack: false, repeated: 0 }, notes)
})

console.log(table(['fault', 'QoS', 'promised', 'lost', 'doubled', 'disordered', ''], rows))
for (const fault of faults) console.error(fault)
process.exitCode = faults.length === 0 ? 0 : 1
