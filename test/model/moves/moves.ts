/**
 * What may happen next in a world. The two directions of a connection are first-in, first-out; a cut takes all that is in
 * them at once. Nothing is missed by that: a prefix that still got through is a delivery that happened before the cut, whose
 * answer was lost by it, because neither side can tell the difference.
 */

import type { Configuration } from '../configuration/configuration.js'
import { Broken } from '../world/broken.js'
import { crash, cut, read, safe, sentAnew } from '../world/happenings.js'
import { type FromServer, messageOf } from '../world/packet-name.js'
import {
  type Answer,
  answer,
  type ConnectDecision,
  connectAnswer,
  hasRoomFor,
  pingresp,
  refuse,
  send,
  sendReusing,
  strangeSuback,
} from '../world/reference-server.js'
import { type Link, newLink, type World, withLink, withOutgoing } from '../world/world.js'
import { applicationMoves, handlerMoves } from './application-moves.js'
import { at, type Move } from './move.js'

export function moves(world: World, configuration: Configuration): readonly Move[] {
  const possible = [
    ...applicationMoves(world, configuration),
    ...handlerMoves(world, configuration),
    ...(world.link === undefined
      ? [
          {
            name: 'a connection is opened',
            act: () => ({ world: { ...world, link: newLink }, input: at(world, 'connect') }),
          },
        ]
      : linkMoves(world, world.link, configuration)),
    ...crashes(world, configuration),
  ]
  const affordable = possible
    .filter(({ costs }) => costs === undefined || world.left[costs] > 0)
    .map((move) => paid(world, move))
  const timePasses =
    configuration.handlersAwait !== 'nothing' || configuration.paceMs !== undefined || configuration.cutsAre === 'cut'
  if (!timePasses || affordable.some(({ costs }) => costs === undefined)) return affordable
  return [...affordable, ...waiting(world, configuration).map(({ name, act }) => ({ name, act }))]
}

function paid(world: World, move: Move): Move {
  const { costs, act } = move
  if (costs === undefined) return move
  return {
    ...move,
    act: () => {
      const moved = act()
      return { ...moved, world: { ...moved.world, left: { ...world.left, [costs]: world.left[costs] - 1 } } }
    },
  }
}

function linkMoves(world: World, link: Link, configuration: Configuration): Move[] {
  return [
    {
      name: 'the connection is cut',
      costs: 'cuts',
      act: () => ({ world: cut(world, configuration), input: at(world, configuration.cutsAre) }),
    },
    ...towardsServer(world, link, configuration),
    ...towardsClient(world, link, configuration),
    ...waiting(world, configuration),
    link.output === 'full'
      ? {
          name: 'the socket has drained',
          act: () => ({ world: withLink(world, { output: 'open' }), input: at(world, 'drained') }),
        }
      : {
          name: 'the socket is full',
          costs: 'stalls',
          act: () => ({ world: withLink(world, { output: 'full' }), input: at(world, 'full') }),
        },
  ]
}

function towardsClient(world: World, link: Link, configuration: Configuration): Move[] {
  const list: Move[] = []
  const [next, ...toClient] = link.toClient
  if (next !== undefined && world.engine.wantsToRead) {
    list.push({
      name: `${next.name} reaches the client`,
      act: () => ({
        world: {
          ...read(
            withLink(world, { toClient, nudges: silenceEnded(link.nudges, next, configuration) }),
            next,
            configuration,
          ),
          clock: { ...world.clock, received: world.now, pinged: undefined },
        },
        input: { is: 'receive', received: next, now: world.now },
      }),
    })
  }
  if (link.server === 'open') list.push(...libertiesOf(world, link, configuration))
  const { server, sent } = world
  const [owed] = server.owed
  if (link.server !== 'open') return list
  if (owed !== undefined) {
    const qos = configuration.incoming[owed] ?? 0
    if (!hasRoomFor(server, qos, configuration)) return list
    const rest = { ...server, owed: server.owed.slice(1) }
    list.push({
      name: `the server sends in/${owed}`,
      act: () => ({ world: answered(world, send(rest, owed, qos, configuration), configuration) }),
    })
  } else if (sent < configuration.incoming.length) {
    const qos = configuration.incoming[sent] ?? 0
    if (!hasRoomFor(server, qos, configuration)) return list
    list.push({
      name: `the server sends in/${sent}`,
      act: () => ({
        world: answered({ ...world, sent: sent + 1 }, send(server, sent, qos, configuration), configuration),
      }),
    })
  }
  return list
}

function silenceEnded(nudges: Link['nudges'], { packet }: FromServer, { nudge }: Configuration): Link['nudges'] {
  if (!nudge) return nudges
  return { ...nudges, inSilence: 0, begun: nudges.begun + (packet.type === 'suback' ? 1 : 0) }
}

/** What the server sends although the standard forbids it. */
function libertiesOf(world: World, link: Link, configuration: Configuration): Move[] {
  if (configuration.liberty === 'sends a SUBACK that nobody asked for') {
    const act = () => ({ world: withLink(world, { toClient: [...link.toClient, strangeSuback] }) })
    return [{ name: `the server sends ${strangeSuback.name}`, costs: 'liberties', act }]
  }
  if (configuration.liberty === 'answers PINGREQ as it likes') {
    const act = () => ({ world: withLink(world, { toClient: [...link.toClient, pingresp] }) })
    return [{ name: 'the server sends PINGRESP', costs: 'liberties', act }]
  }
  const { server, sent } = world
  const qos = configuration.incoming[sent]
  if (configuration.liberty !== 'uses a held identifier for a new message' || qos === undefined || qos === 0) return []
  // The client has written the PUBREC for the message that the server forgets, and the server has not read it.
  const written = (server.session?.sending ?? []).filter(
    ({ packetId, message, awaits }) =>
      awaits === 'pubrec' &&
      world.incoming[message]?.held === packetId &&
      !link.due.some((due) => due.packetId === packetId),
  )
  return written.map(({ packetId }) => ({
    name: `the server sends in/${sent} with identifier ${packetId}, whose message it forgets`,
    costs: 'liberties',
    act: () => ({
      world: answered(
        { ...world, sent: sent + 1 },
        sendReusing(server, packetId, sent, qos, configuration),
        configuration,
      ),
    }),
  }))
}

/** A nudge comes within milliseconds. Time-outs are explored without nudges, because they make the engine careful. */
const nudgeMaxMs = 100

function waiting(world: World, { nudge }: Configuration): Move[] {
  const now = world.engine.deadline
  if (now === Infinity || (nudge && now - world.now > nudgeMaxMs)) return []
  return [
    {
      name: `nothing happens until ${now} ms`,
      costs: 'waits',
      act: () => ({ world: { ...world, now }, input: { is: 'tick', now } }),
    },
  ]
}

function towardsServer(world: World, link: Link, configuration: Configuration): Move[] {
  const [next, ...toServer] = link.toServer
  if (next === undefined) return []
  const { sent, needs } = next
  // What reaches the server was written, and so all of the journal that it needs is safe.
  const delivered = () => safe(withLink(world, { toServer }), needs, configuration)
  const name = `${sent.name} reaches the server`
  if (sent.packet.type === 'publish' && messageOf(sent.packet) === configuration.poison) {
    const closed = () => ({ world: cut(delivered(), configuration), input: at(world, configuration.cutsAre) })
    return [{ name: `${name}, which closes the connection`, act: closed }]
  }
  if (link.server === 'open') {
    const list: Move[] = [
      { name, act: () => ({ world: answered(delivered(), answer(world.server, sent, configuration), configuration) }) },
    ]
    const { packet } = sent
    if (packet.type === 'publish') {
      const closed = () => ({ world: cut(delivered(), configuration), input: at(world, configuration.cutsAre) })
      list.push({ name: `${name}, which closes the connection`, costs: 'closings', act: closed })
    }
    if (packet.type === 'subscribe' && configuration.liberty === 'refuses SUBSCRIBE with 0x87') {
      const refused = () => ({ world: answered(delivered(), refuse(world.server, packet.packetId), configuration) })
      list.push({ name: `${name}, which refuses it`, costs: 'liberties', act: refused })
    }
    if (packet.type === 'pingreq' && configuration.liberty === 'answers PINGREQ as it likes')
      list.push({ name: `${name}, which does not answer`, costs: 'liberties', act: () => ({ world: delivered() }) })
    return list
  }
  const decided = (decision: ConnectDecision) => () => ({
    world: answered(
      withLink(delivered(), { server: 'open' }),
      connectAnswer(world.server, decision, configuration),
      configuration,
    ),
  })
  const list: Move[] = [
    { name, act: decided('keep') },
    { name: `${name}, which refuses it`, costs: 'refusals', act: decided('refuse') },
  ]
  if (world.server.session !== undefined && !configuration.cleanSession) {
    list.push({ name: `${name}, which has lost its session`, costs: 'losses', act: decided('lose') })
  }
  return list
}

function answered(world: World, reply: Answer, configuration: Configuration): World {
  const toClient = [...(world.link?.toClient ?? []), ...reply.replies]
  const next = withLink({ ...world, server: reply.server }, { toClient })
  const anew = sentAnew(
    reply.sentAnew === undefined ? next : sessionLost(next, configuration),
    reply.sentAnew ?? [],
    configuration,
  )
  return reply.owns === undefined ? anew : owned(anew, reply.owns, configuration)
}

/** A loss counts when the client reads of it; where unread losses are explored, it counts at once. */
function sessionLost(world: World, { unreadLosses }: Configuration): World {
  if (unreadLosses === 'excluded') return world
  return {
    ...world,
    outgoing: world.outgoing.map((tally) => (tally.packetId === 0 ? tally : { ...tally, mayOwn: true })),
  }
}

/** A server that answers with PUBACK knows no copy. */
function owned(world: World, message: number, { liberty }: Configuration): World {
  const tally = world.outgoing[message]
  if (tally === undefined) throw new Broken(`the server got out/${message}, which was never published`)
  const knowsNoCopy = tally.qos === 1 || liberty === 'answers PUBLISH at QoS 2 with PUBACK'
  if (!knowsNoCopy && !tally.mayOwn) throw new Broken(`the server owns out/${message} once too often`)
  return withOutgoing(world, message, { owned: true, mayOwn: knowsNoCopy })
}

function crashes(world: World, configuration: Configuration): Move[] {
  if (world.left.crashes === 0) return []
  const { length } = world.journal.log
  return Array.from({ length: length + 1 }, (_, records) => ({
    name:
      length === 0 ? 'the process crashes' : `the process crashes; ${records} of its last ${length} records survive`,
    costs: 'crashes' as const,
    act: () => {
      const crashed = crash(world, records, configuration)
      const stored = configuration.journal === 'kept' ? crashed.journal.faultyBase : undefined
      return { world: crashed, input: { is: 'start' as const, stored, now: world.now } }
    },
  }))
}
