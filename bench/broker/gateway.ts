/**
 * A gateway: one process with a client for each of many devices, each of which publishes a few messages a second. No write has more than
 * one packet, so most of the time goes to the sockets: what bare sockets cost with the same packets is measured in the same rounds.
 */
import { Broker } from '../../test/mosquitto/broker.js'
import { median } from '../measure/machine.js'
import { compared, roundsOf } from '../measure/rounds.js'
import type { Effort, Table } from '../part.js'
import { Child } from './child.js'
import type { Cost, Gateway } from './gateway-subject.js'

const scale = { full: { devices: 500, ms: 4_000 }, quick: { devices: 10, ms: 500 } }
const everyMs = 250

async function start(gateway: Gateway): Promise<Child<Cost>> {
  const child = new Child<Cost>(new URL('./gateway-subject.ts', import.meta.url))
  child.send({ ...gateway })
  await child.told()
  return child
}

export async function* run(effort: Effort): AsyncGenerator<Table> {
  const { devices, ms } = scale[effort]
  await using broker = await Broker.start({ nagle: 'on' })
  const clients = ['ours', 'theirs', 'raw'] as const
  const gateways = new Map<Gateway['client'], Child<Cost>>()
  for (const client of clients) gateways.set(client, await start({ client, port: broker.port, devices, everyMs }))
  const costs = { ours: [] as Cost[], theirs: [] as Cost[], raw: [] as Cost[] }
  for (let round = 0; round < roundsOf(effort); round += 1) {
    // Who goes first changes with every round.
    const order = clients.map((_, index) => clients[(index + round) % clients.length] ?? 'raw')
    for (const client of order) {
      const gateway = gateways.get(client)
      if (gateway === undefined) continue
      gateway.send(ms)
      costs[client].push(await gateway.told())
    }
  }
  for (const gateway of gateways.values()) gateway.end()
  const aboveRaw = (all: readonly Cost[]) => median(all.map((cost, round) => cost / (costs.raw[round] ?? Number.NaN)))
  const { raw, ...rounds } = costs
  yield {
    id: 'gateway',
    title: `A gateway with ${devices} clients in one process`,
    how:
      `Each publishes ${1_000 / everyMs} messages of 64 bytes a second at QoS 1 to mosquitto as it ships, over [::1]; medians of ${roundsOf(effort)} rounds of ` +
      `${ms / 1_000} s, in turns.`,
    rival: 'MQTT.js',
    anchor: 'bare sockets',
    rows: [
      { work: 'CPU time a message', unit: 'us', ...compared(rounds, 'less', (cost) => cost), anchor: median(raw) },
      {
        work: 'the same, in that of bare sockets',
        unit: 'times',
        ours: aboveRaw(rounds.ours),
        theirs: aboveRaw(rounds.theirs),
      },
    ],
  }
}
