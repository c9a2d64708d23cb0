/**
 * What the observer notes when something befalls the client: a packet is read, a handler ends, the connection or the process
 * ends. Each function is called before the engine is told, and says what is allowed from there on.
 */

import type { Configuration } from '../configuration/configuration.js'
import { recovered } from '../configuration/faults.js'
import { type FromServer, messageOf } from './packet-name.js'
import { connackRead, forget } from './reference-server.js'
import { boundTo, noneParked, type Run, type World, withIncoming, withLink } from './world.js'

/** The client reads a packet. */
export function read(world: World, { packet }: FromServer, configuration: Configuration): World {
  const { unreadLosses, saysPresent } = configuration
  switch (packet.type) {
    case 'connack':
      return packet.returnCode === 0 ? connected(world, packet.sessionPresent, configuration) : world
    case 'publish': {
      const message = messageOf(packet)
      if (packet.qos === 0) return { ...world, arrived: [...world.arrived, message] }
      const { packetId, qos } = packet
      const reuses = configuration.liberty === 'uses a held identifier for a new message'
      // After each CONNACK of a server that never says Session Present, only DUP and the content tell a copy from a new message.
      const told =
        saysPresent === 'truly' && !reuses ? world : unheld(world, packetId, packet.dup ? message : undefined)
      // Without word of a lost session, the client has to take a new message under an old identifier for a copy.
      const isCopy = (other: number) => other === message || unreadLosses === 'explored'
      const held = qos === 2 && told.incoming.some((tally, other) => tally.held === packetId && isCopy(other))
      const joins =
        qos === 2 && told.runs.some((run) => run.of !== 'detached' && run.packetId === packetId && isCopy(run.message))
      // The message that the server has forgotten is not acknowledged any more.
      const before = (told.link?.due ?? []).filter(
        (due) => !reuses || due.packetId !== packetId || due.message === message,
      )
      const due = [...before, { message, qos, packetId, progress: held ? 'done' : 'waiting' } as const]
      const next = withLink(told, { due })
      return held || joins ? next : { ...next, arrived: [...next.arrived, message] }
    }
    case 'unnamed-publish': {
      // No handler can get the message, and it is acknowledged in its turn.
      if (packet.qos === 0) return world
      const { qos, packetId } = packet
      const due = [...(world.link?.due ?? []), { message: 0, qos, packetId, progress: 'done' } as const]
      return withLink(withIncoming(world, 0, { handled: true, mayStart: 0, held: qos === 2 ? packetId : 0 }), { due })
    }
    case 'pubrec': {
      const message = boundTo(world, packet.packetId)
      if (message < 0 || world.pubrecs.includes(message)) return world
      return { ...answered(world), pubrecs: [...world.pubrecs, message] }
    }
    case 'puback':
      return boundTo(world, packet.packetId) < 0 ? world : answered(world)
    case 'pubrel': {
      const message = world.incoming.findIndex(({ held }) => held === packet.packetId)
      return message < 0 ? world : withIncoming(world, message, { held: 0 })
    }
    case 'suback':
    case 'unsuback':
      return withLink(world, { requests: (world.link?.requests ?? []).filter((id) => id !== packet.packetId) })
    default:
      return world
  }
}

/** The server answers a PUBLISH. */
function answered(world: World): World {
  return world.parked.since === 'an answer' ? world : { ...world, parked: { ...world.parked, since: 'an answer' } }
}

/** The identifier stands for no other message than this copy from now on. */
function unheld(world: World, packetId: number, copy: number | undefined): World {
  const ends = (message: number, identifier: number) => identifier === packetId && message !== copy
  return {
    ...world,
    incoming: world.incoming.map((tally, message) => (ends(message, tally.held) ? { ...tally, held: 0 } : tally)),
    runs: world.runs.map((run) => (ends(run.message, run.packetId) ? { ...run, of: 'detached' } : run)),
  }
}

function connected(world: World, sessionPresent: boolean, { saysPresent, cleanSession }: Configuration): World {
  const next = withLink({ ...world, server: connackRead(world.server) }, { client: 'connected' })
  if ((sessionPresent && !cleanSession) || saysPresent === 'never') return next
  // The server lost the session while these exchanges were open: each may be owned once more.
  return {
    ...next,
    pubrecs: [],
    // All are published anew, in the order of the application.
    sendings: next.sendings.toSorted((a, b) => a - b),
    outgoing: next.outgoing.map((tally) =>
      tally.packetId === 0 ? tally : { ...tally, released: false, mayOwn: true },
    ),
    incoming: next.incoming.map((tally) => ({ ...tally, held: 0 })),
    runs: detached(next.runs),
  }
}

function detached(runs: readonly Run[]): readonly Run[] {
  return runs.map((run) => ({ ...run, of: 'detached' }))
}

/** The server sends these messages anew, because it has lost its session: their handlers may start once more. */
export function sentAnew(world: World, messages: readonly number[], { cleanSession }: Configuration): World {
  let next = world
  for (const message of messages) {
    const before = next.incoming[message]?.mayStart ?? 0
    next = withIncoming(next, message, { mayStart: cleanSession ? before + 1 : 1 })
  }
  return next
}

/** A handler has ended well. */
export function handlerEnded(world: World, run: Run): World {
  const { message, packetId } = run
  const qos = world.incoming[message]?.qos ?? 0
  const next = withIncoming(world, message, {
    handled: true,
    ...(qos === 2 && run.of !== 'detached' ? { held: packetId } : {}),
  })
  // At QoS 1 a copy on a later connection has a handler of its own; at QoS 2 it joins the one that runs.
  const counts = run.of === 'present' || (run.of === 'earlier' && qos === 2)
  if (!counts || next.link === undefined) return next
  return withLink(next, {
    due: next.link.due.map((due) => (due.packetId === packetId ? { ...due, progress: 'done' } : due)),
  })
}

/** A handler has failed, and its message has to come again. */
export function handlerFailed(world: World, run: Run): World {
  return run.of === 'detached' ? world : withIncoming(world, run.message, { mayStart: 1 })
}

/** The Network Connection is gone, with all that was under way. */
export function cut(world: World, configuration: Configuration): World {
  if (world.link === undefined) return world
  const offline = { ...world, link: undefined, ping: world.ping === 'asked' ? 'given up' : world.ping } as const
  if (!configuration.cleanSession) {
    return {
      ...offline,
      runs: world.runs.map((run) => (run.of === 'present' ? { ...run, of: 'earlier' } : run)),
      arrived: world.arrived.filter((message) => world.incoming[message]?.qos === 0),
    }
  }
  const forgetful = forget(world.server)
  const next: World = {
    ...offline,
    server: forgetful.server,
    runs: detached(world.runs),
    pubrecs: [],
    incoming: world.incoming.map((tally) => ({ ...tally, held: 0 })),
    outgoing: world.outgoing.map((tally) =>
      tally.packetId === 0 ? tally : { ...tally, packetId: 0, released: false, mayOwn: true },
    ),
  }
  return sentAnew(next, forgetful.sentAnew, configuration)
}

/** So much of the log is safe from here on. */
export function safe(world: World, records: number, { fault }: Configuration): World {
  if (records === 0) return world
  const { base, faultyBase, log } = world.journal
  const past = log.slice(0, records)
  const next = recovered(base, past, fault, 'honest')
  const journal = {
    base: next,
    faultyBase: fault === 'none' ? next : recovered(faultyBase, past, fault, 'faulty'),
    log: log.slice(records),
  }
  const toServer = (world.link?.toServer ?? []).map(({ sent, needs }) => ({
    sent,
    needs: Math.max(0, needs - records),
  }))
  return withLink({ ...world, journal }, { toServer })
}

/** The process dies, and `records` of the records that were not known to be safe have survived. */
export function crash(world: World, records: number, configuration: Configuration): World {
  const offline = safe({ ...world, link: undefined }, records, configuration)
  const { base, faultyBase } = offline.journal
  const stored = new Map(base.messages.map((message) => [messageOf(message), message]))
  return {
    ...offline,
    journal: { base, faultyBase, log: [] },
    outgoing: world.outgoing.map((tally, message) => {
      const kept = stored.get(message)
      if (kept === undefined) {
        return { ...tally, packetId: 0, ours: false, stage: tally.stage === 'accepted' ? 'lost' : tally.stage }
      }
      const { binding } = kept
      const released = tally.released && binding?.received === true
      return { ...tally, stage: 'accepted', ours: false, packetId: binding?.packetId ?? 0, released }
    }),
    incoming: world.incoming.map((tally) =>
      tally.held !== 0 && base.held.includes(tally.held)
        ? tally
        : { ...tally, held: 0, mayStart: tally.qos === 2 ? 1 : tally.mayStart },
    ),
    pubrecs: base.messages.filter(({ binding }) => binding?.received === true).map(messageOf),
    sendings: world.sendings.filter((message) => stored.get(message)?.binding !== undefined),
    parked: noneParked,
    runs: [],
    arrived: [],
    handlers: 'free',
    subscription: configuration.subscribes ? 'wanted' : 'unwanted',
    unsubscription: configuration.unsubscribes ? 'wanted' : 'unwanted',
    ping: configuration.pings ? 'wanted' : 'unwanted',
    maxInFlight: configuration.maxInFlightLater,
  }
}
