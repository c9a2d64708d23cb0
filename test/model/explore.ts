/**
 * npm run explore                           all configurations, and the sum
 * npm run explore -- --only crash           those with this in their name
 * npm run explore -- --more                 larger ones as well, each up to --states (2,000,000)
 * npm run explore -- --out 0,1,2 --in 2 --subscribe --cuts 3 --crashes 1 --losses 1     one of your own
 *
 * Also for your own: --refusals --waits --stalls --failures --withdrawals --delays (how often), --unsubscribe, --clean,
 * --window (maxInFlight), --receive-window, --backlog (receiveBufferBytes), --await 'own messages'|subscription|ping (what handlers
 * wait for), --ping, --max-backlog (receiveBufferMaxBytes), --server-window,
 * --takes at-publish|at-pubrel, --unread (explore losses that no CONNACK told of), --fault '...' (see faults.ts).
 * Ends with exit code 1 after a broken rule, whose shortest trace it prints.
 */
import { parseArgs } from 'node:util'
import type { QoS } from '../../src/codec/control-packet.js'
import { type Configuration, configuration, type Mishaps, noMishaps } from './configuration/configuration.js'
import { large, liberties, medium, nudged, small } from './configuration/configurations.js'
import { faults } from './configuration/faults.js'
import { smallSuspected, suspected } from './configuration/suspect-configurations.js'
import { type Exploration, explore } from './search/explorer.js'
import { printedTrace } from './search/trace.js'

const text = { type: 'string' } as const
const flag = { type: 'boolean', default: false } as const

const { values } = parseArgs({
  options: {
    only: { ...text, default: '' },
    more: flag,
    states: { ...text, default: '2000000' },
    out: text,
    in: text,
    subscribe: flag,
    clean: flag,
    unread: flag,
    await: { ...text, default: 'nothing' },
    ping: flag,
    unsubscribe: flag,
    window: { ...text, default: '10' },
    'receive-window': { ...text, default: '10' },
    backlog: { ...text, default: '10000' },
    'max-backlog': { ...text, default: '100000' },
    'server-window': { ...text, default: '65535' },
    takes: { ...text, default: 'at-publish' },
    fault: { ...text, default: 'none' },
    cuts: text,
    crashes: text,
    losses: text,
    refusals: text,
    waits: text,
    stalls: text,
    failures: text,
    withdrawals: text,
    delays: text,
  },
})

function chosen(): readonly Configuration[] {
  if (values.out !== undefined || values.in !== undefined || values.subscribe) return [own()]
  const sought = [...small, ...smallSuspected, ...liberties, ...nudged, ...suspected, ...medium]
  const all = [...sought, ...(values.more ? large : [])]
  return all.filter(({ name }) => name.includes(values.only))
}

const awaited = ['nothing', 'own messages', 'subscription', 'ping'] as const

function own(): Configuration {
  const { cuts, crashes, losses, refusals, waits, stalls, failures, withdrawals, delays } = values
  const given = { cuts, crashes, losses, refusals, waits, stalls, failures, withdrawals, delays }
  const mishaps: Mishaps = {
    ...noMishaps,
    ...Object.fromEntries(Object.entries(given).map(([name, times]) => [name, Number(times ?? 0)])),
  }
  return configuration('your own', {
    outgoing: qosList(values.out),
    incoming: qosList(values.in),
    subscribes: values.subscribe,
    mishaps,
    cleanSession: values.clean,
    journal: values.clean ? 'none' : 'kept',
    keepAlive: mishaps.waits > 0 ? 10 : 0,
    unsubscribes: values.unsubscribe,
    maxInFlight: Number(values.window),
    receiveWindow: Number(values['receive-window']),
    receiveBufferBytes: Number(values.backlog),
    receiveBufferMaxBytes: Number(values['max-backlog']),
    serverWindow: Number(values['server-window']),
    pings: values.ping,
    handlersAwait: awaited.find((what) => what === values.await) ?? 'nothing',
    serverTakes: values.takes === 'at-pubrel' ? 'at-pubrel' : 'at-publish',
    unreadLosses: values.unread ? 'explored' : 'excluded',
    fault: faults.find((fault) => fault === values.fault) ?? 'none',
  })
}

function qosList(list: string | undefined): QoS[] {
  return (list ?? '').split(',').flatMap((qos) => (qos === '0' ? [0] : qos === '1' ? [1] : qos === '2' ? [2] : []))
}

function row(name: string, cells: readonly (string | number)[]): string {
  return name.padEnd(52) + cells.map((cell) => String(cell).padStart(12)).join('')
}

function numbers({ states, transitions, depth, restingStates, seconds }: Omit<Exploration, 'configuration'>) {
  return [states, transitions, depth, restingStates, seconds.toFixed(1)]
}

const total = { states: 0, transitions: 0, depth: 0, restingStates: 0, seconds: 0, complete: true, broken: undefined }
console.log(row('configuration', ['states', 'transitions', 'depth', 'resting', 'seconds']))
for (const configuration of chosen()) {
  const exploration = explore(configuration, Number(values.states))
  const { broken, complete } = exploration
  const remark = broken !== undefined ? '  broken' : complete ? '' : '  stopped at --states'
  console.log(row(configuration.name, numbers(exploration)) + remark)
  if (broken !== undefined) {
    console.log(`\n${printedTrace(exploration)}\n`)
    process.exitCode = 1
  }
  total.states += exploration.states
  total.transitions += exploration.transitions
  total.depth = Math.max(total.depth, exploration.depth)
  total.restingStates += exploration.restingStates
  total.seconds += exploration.seconds
}
console.log(row('total', numbers(total)))
