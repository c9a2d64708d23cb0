/** `npm run storm [-- --clients 100000] [--seed 1]`: prints how clients come back after an outage, and draws it. */
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { table } from '../faults/table.js'
import { attemptsBetween, type Outage, reconnectStorm, strategies } from './storm/reconnect-storm.js'
import { stormPlot } from './storm/storm-plot.js'

const { values } = parseArgs({
  options: { clients: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
})
const outageSeconds = 60
const whole = (value: number): string => Math.round(value).toLocaleString('en')
const clients = Number(values.clients)
const outage: Outage = {
  seed: Number(values.seed),
  clients,
  outageMs: 1_000 * outageSeconds,
  acceptsPerSecond: Infinity,
}
const headings = ['', 'peak, down', 'mean, down', 'peak, up', 'mean, up', '99 % back after']

for (const acceptsPerSecond of [Infinity, 5_000]) {
  const storms = strategies.map((strategy) => reconnectStorm(strategy, { ...outage, acceptsPerSecond }))
  const rows = storms.map((storm) => {
    const [down, up] = [attemptsBetween(storm, 0, outageSeconds), attemptsBetween(storm, outageSeconds, Infinity)]
    return [
      storm.strategy.name,
      ...[down.peak, down.mean, up.peak, up.mean].map((value) => whole(value).padStart(10)),
      `${storm.backAfterSeconds.toFixed(1)} s`.padStart(15),
    ]
  })
  const server = acceptsPerSecond === Infinity ? 'all that come' : `${whole(acceptsPerSecond)} a second`
  console.log(
    `${whole(clients)} clients, ${outageSeconds} s down, then the server takes ${server}; attempts a second\n`,
  )
  console.log(`${table(headings, rows)}\n`)
  if (acceptsPerSecond !== Infinity) continue
  const title = `${whole(clients)} clients after a server was down for ${outageSeconds} s`
  const path = 'docs/pictures/reconnect-storm.svg'
  writeFileSync(path, stormPlot(title, outageSeconds, storms))
  console.log(`drawn in ${path}\n`)
}
