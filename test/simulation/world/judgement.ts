import type { ClientStats } from '../../../src/client/surface/client-surface.js'
import type { SimulatedServer } from './simulated-server.js'
import type { Tally } from './tally.js'
import type { World } from './world.js'

/** Holds what happened against what is promised at rest. Gives each breach as a line. */
export function judge(
  world: World,
  tally: Tally,
  server: SimulatedServer,
  stats: ClientStats | undefined,
  timers: number,
  openFiles: number,
): string[] {
  const faults = [
    ...tally.surprises,
    ...server.faults,
    ...judgeOutgoing(world, tally, server),
    ...judgeIncoming(world, tally, server),
  ]
  if (stats !== undefined && stats.anomalies > 1_000) faults.push(`${stats.anomalies} anomalies`)
  if (timers > 0) faults.push(`${timers} timers are left after end()`)
  if (openFiles > 0) faults.push(`${openFiles} files are left open after end()`)
  return faults
}

function judgeOutgoing(world: World, tally: Tally, server: SimulatedServer): string[] {
  const faults: string[] = []
  for (const [message, qos] of world.outgoing.entries()) {
    const owned = server.owned[message] ?? 0
    const outcome = tally.outcome[message]
    const name = `out/${message} (QoS ${qos}, ${outcome})`
    if (outcome === 'asked') faults.push(`${name} never settled`)
    if (qos > 0 && (outcome === 'acknowledged' || outcome === 'stored') && owned === 0) faults.push(`${name} is lost`)
    if (qos === 0 && owned > 1) faults.push(`${name} reached the server ${owned} times`)
    if (qos === 2 && owned > 1 + server.losses)
      faults.push(`${name} is owned ${owned} times after ${server.losses} lost sessions`)
  }
  return faults
}

function judgeIncoming(world: World, tally: Tally, server: SimulatedServer): string[] {
  const faults: string[] = []
  for (const [message, qos] of world.incoming.entries()) {
    const started = tally.started[message] ?? 0
    const name = `in/${message} (QoS ${qos})`
    if ((tally.finished[message] ?? 0) === 0) faults.push(`${name} was never handled to its end`)
    const most = 1 + server.losses + world.crashesAtMs.length
    if (qos === 2 && started > most) faults.push(`${name} was handled ${started} times, at most ${most} are allowed`)
  }
  return faults
}
