/** What the engine asks of its driver, taken in one by one, and checked against what holds. */
import type { ControlPacket } from '../../../src/codec/control-packet.js'
import { ConnectionLostError, ConnectionRefusedError, TimeoutError } from '../../../src/errors.js'
import type { Anomaly } from '../../../src/protocol/index.js'
import type { Configuration, Liberty } from '../configuration/configuration.js'
import { recovered } from '../configuration/faults.js'
import { Broken } from '../world/broken.js'
import { cut, handlerEnded } from '../world/happenings.js'
import { messageOf, type NamedPacket } from '../world/packet-name.js'
import type { Output } from '../world/subject.js'
import {
  boundTo,
  type Link,
  type OutgoingTally,
  type World,
  withIncoming,
  withLink,
  withOutgoing,
} from '../world/world.js'
import { passedBy } from './order.js'

export function observe(world: World, output: Output, configuration: Configuration): World {
  switch (output.is) {
    case 'send':
      return written(world, output.sent, configuration)
    case 'record':
      return { ...world, journal: { ...world.journal, log: [...world.journal.log, output.record] } }
    case 'deliver':
      return started(world, output.message, configuration)
    case 'dropped':
      return dropped(world, output.message, configuration)
    case 'settled':
      return settled(world, output.message)
    case 'rejected':
      throw new Broken(`out/${output.message} was rejected, although nothing limits how long it may wait`)
    case 'abandoned':
      return abandoned(world, output.message, configuration)
    case 'answered':
      return answered(world, output)
    case 'refused':
      return refused(world, configuration)
    case 'unanswered':
      if (configuration.handlersAwait !== 'nothing' && hasAnswerUnread(world)) {
        throw new Broken(`${output.request} is given up, although its answer is there to be read`)
      }
      return { ...world, [tallyOf(output.request)]: 'given up' }
    case 'pinged':
      return { ...world, ping: 'answered' }
    case 'connected':
      return world
    case 'closing':
      if (output.error instanceof ConnectionRefusedError || (output.error instanceof TimeoutError && world.now > 0)) {
        return cut(world, configuration)
      }
      // What was shed behind a full backlog comes again on the next connection.
      if (output.error instanceof ConnectionLostError && output.error.reason === 'redelivery')
        return cut(world, configuration)
      throw new Broken(`the engine closes the connection to a server that conforms: ${output.error.message}`)
    case 'anomaly':
      if (output.anomaly === 'unknown-pubrel' || configuration.unreadLosses === 'explored') return world
      if (output.anomaly === anomalyOf[configuration.liberty]) return world
      throw new Broken(`the engine reports ${output.anomaly} ${output.packetId} of a server that conforms`)
  }
}

/** How the engine tells of a liberty. */
const anomalyOf: Readonly<Record<Liberty, Anomaly | undefined>> = {
  none: undefined,
  'answers PUBLISH at QoS 2 with PUBACK': 'puback-at-qos-2',
  'sends a Topic Name that is no text': undefined,
  'refuses SUBSCRIBE with 0x87': undefined,
  'sends a SUBACK that nobody asked for': 'unknown-suback',
  'uses a held identifier for a new message': 'reused-identifier',
  'says Session Present after Clean Session': 'session-present-after-clean-session',
  'answers PINGREQ as it likes': 'unsolicited-pingresp',
}

function hasAnswerUnread({ link }: World): boolean {
  return link?.toClient.some(({ packet: { type } }) => type === 'suback' || type === 'unsuback') === true
}

function tallyOf(request: 'subscribe' | 'unsubscribe'): 'subscription' | 'unsubscription' {
  return request === 'subscribe' ? 'subscription' : 'unsubscription'
}

function answered(
  world: World,
  { request, grants }: { readonly request: 'subscribe' | 'unsubscribe'; readonly grants: 'all' | 'nothing' },
): World {
  const tally = tallyOf(request)
  // The answer to a request that was given up still comes to the driver, which takes a late grant back.
  if (world[tally] === 'given up') return world
  if (world[tally] !== 'asked') throw new Broken(`${request} was answered, but nobody waits for it`)
  return { ...world, [tally]: grants === 'all' ? 'answered' : 'refused' }
}

/** The server refuses the SUBSCRIBE with which the client asks again after a lost session. */
function refused(world: World, { liberty }: Configuration): World {
  if (liberty !== 'refuses SUBSCRIBE with 0x87')
    throw new Broken('a subscription is refused by a server that refuses none')
  return { ...world, subscription: 'refused' }
}

/** A packet or a call that breaks a rule, whatever comes of it. */
function breach({ judged }: Configuration, rule: string): void {
  if (judged === 'every rule') throw new Broken(rule)
}

function written(world: World, sent: NamedPacket, configuration: Configuration): World {
  const { link } = world
  if (link === undefined) throw new Broken(`${sent.name} is written without a connection`)
  const { packet, name } = sent
  if (packet.type !== 'connect' && link.client !== 'connected') throw new Broken(`${name} is written before CONNACK`)
  if (configuration.journal === 'kept' && configuration.fault === 'none') checkNoted(world, sent)
  const needs = world.journal.log.length
  const nudges = configuration.nudge ? nudgesWith(link.nudges, packet.type) : link.nudges
  const next = withLink(world, { toServer: [...link.toServer, { sent, needs }], nudges })
  switch (packet.type) {
    case 'publish':
      return publishWritten(next, sent, configuration)
    case 'pubrel':
      return pubrelWritten(next, link, packet.packetId, configuration)
    case 'puback':
    case 'pubrec':
      return acknowledged(next, link, sent, packet.packetId, configuration)
    case 'pubcomp':
      if (world.incoming.some(({ held }) => held === packet.packetId)) throw new Broken(`${name} without PUBREL`)
      return next
    case 'subscribe':
    case 'unsubscribe':
      checkUnused(world, link, packet.packetId, name)
      return withLink(next, { requests: [...link.requests, packet.packetId] })
    default:
      return next
  }
}

/** One for a silence, and one more behind SUBACK; five on a connection, and four for each of what may begin a silence. */
function nudgesWith({ inSilence, onConnection, begun }: Link['nudges'], type: ControlPacket['type']): Link['nudges'] {
  if (type !== 'pingreq') return { inSilence: 0, onConnection, begun: begun + 1 }
  if (inSilence === 2) throw new Broken('a third nudge is sent, although nothing has come since the first one')
  if (onConnection >= 5 + 4 * begun) throw new Broken(`more than ${onConnection} nudges are sent on a connection`)
  return { inSilence: inSilence + 1, onConnection: onConnection + 1, begun }
}

/** What a packet relies on is handed to the journal before it. */
function checkNoted({ journal }: World, { packet, name }: NamedPacket): void {
  switch (packet.type) {
    case 'publish': {
      if (packet.qos === 0) return
      const stored = recovered(journal.base, journal.log, 'none', 'honest')
      const message = stored.messages.find((message) => messageOf(message) === messageOf(packet))
      if (message?.binding?.packetId !== packet.packetId)
        throw new Broken(`${name} is written before it is noted as bound`)
      return
    }
    case 'pubrel': {
      const stored = recovered(journal.base, journal.log, 'none', 'honest')
      const message = stored.messages.find(({ binding }) => binding?.packetId === packet.packetId)
      if (message?.binding?.received === false)
        throw new Broken(`${name} is written before PUBREC is noted as received`)
      return
    }
    case 'pubrec':
    case 'pubcomp': {
      const held = recovered(journal.base, journal.log, 'none', 'honest').held.includes(packet.packetId)
      if (held !== (packet.type === 'pubrec')) throw new Broken(`${name} is written before what it says is noted`)
      return
    }
    default:
      return
  }
}

function publishWritten(world: World, { packet, name }: NamedPacket, configuration: Configuration): World {
  const { link } = world
  if (packet.type !== 'publish' || link === undefined) return world
  const message = messageOf(packet)
  const tally = world.outgoing[message]
  if (tally === undefined) return world
  const passed = passedBy(message, world, configuration)
  if (passed !== undefined)
    breach(configuration, `${name} is written before out/${passed}, which is not parked [MQTT-4.6.0-1]`)
  if (packet.qos === 0) {
    if (tally.written) throw new Broken(`${name} is written twice [MQTT-4.3.1-1]`)
    return withOutgoing(world, message, { written: true })
  }
  if (tally.stage !== 'accepted') throw new Broken(`${name}, but the message is ${tally.stage}`)
  if (tally.released) breach(configuration, `${name} after PUBREL [MQTT-4.3.3-1]`)
  if (link.published.includes(message)) throw new Broken(`${name} is written twice on one connection`)
  if (packet.dup !== (tally.packetId !== 0)) {
    breach(configuration, `${name}: DUP says whether it may have been written before [MQTT-3.3.1-1] [MQTT-3.3.1-2]`)
  }
  if (tally.packetId !== 0 && tally.packetId !== packet.packetId) {
    breach(configuration, `${name}, which had identifier ${tally.packetId} before [MQTT-4.4.0-1]`)
  }
  if (tally.packetId === 0) checkUnused(world, link, packet.packetId, name)
  const sendings = world.sendings.includes(message) ? world.sendings : [...world.sendings, message]
  const next = withLink(withOutgoing({ ...world, sendings }, message, { packetId: packet.packetId, written: true }), {
    published: [...link.published, message],
  })
  return withinWindow(next, name)
}

/** Exchanges that were written on this connection and are not settled. */
function withinWindow(world: World, name: string): World {
  const { link, outgoing, maxInFlight } = world
  const isOpen = ({ packetId, stage }: OutgoingTally, message: number) =>
    packetId !== 0 &&
    stage === 'accepted' &&
    (link?.published.includes(message) === true || link?.released.includes(message) === true)
  if (outgoing.filter(isOpen).length > maxInFlight) throw new Broken(`${name} oversteps maxInFlight`)
  return world
}

function checkUnused(world: World, link: Link, packetId: number, name: string): void {
  if (boundTo(world, packetId) >= 0 || link.requests.includes(packetId)) {
    throw new Broken(`${name}: the identifier is in use [MQTT-2.3.1-2]`)
  }
}

function pubrelWritten(world: World, link: Link, packetId: number, configuration: Configuration): World {
  const message = boundTo(world, packetId)
  const rank = world.pubrecs.indexOf(message)
  if (message < 0 || rank < 0) {
    if (configuration.unreadLosses === 'excluded') breach(configuration, `PUBREL ${packetId} is written without PUBREC`)
    return world
  }
  if (link.released.includes(message)) return world
  if (link.released.some((other) => world.pubrecs.indexOf(other) > rank)) {
    throw new Broken(`PUBREL ${packetId} is not written in the order of the PUBRECs [MQTT-4.6.0-4]`)
  }
  const next = withLink(withOutgoing(world, message, { released: true }), { released: [...link.released, message] })
  return withinWindow(next, `PUBREL ${packetId}`)
}

function acknowledged(
  world: World,
  link: Link,
  { name, packet }: NamedPacket,
  packetId: number,
  configuration: Configuration,
): World {
  const qos = packet.type === 'puback' ? 1 : 2
  // The standard orders each kind of acknowledgement by itself.
  const first = link.due.find((due) => due.qos === qos)
  if (first === undefined || first.packetId !== packetId) {
    throw new Broken(`${name} is not written in the order of arrival [MQTT-4.6.0-2] [MQTT-4.6.0-3]`)
  }
  if (first.progress !== 'done')
    breach(configuration, `${name} is written before the handler of in/${first.message} is done`)
  return withLink(world, { due: link.due.filter((due) => due !== first) })
}

function started(world: World, message: number, configuration: Configuration): World {
  const tally = world.incoming[message]
  if (tally === undefined) throw new Broken(`a handler started for in/${message}, which was never sent`)
  if (tally.qos !== 1 && tally.mayStart === 0) throw new Broken(`the handler of in/${message} started once too often`)
  if (world.arrived[0] !== message) {
    breach(configuration, `the handler of in/${message} started, but it is not the turn of that message`)
  }
  if (!tally.started && tally.qos !== 0) {
    const later = world.incoming.findIndex(({ qos, started }, other) => other > message && qos !== 0 && started)
    if (later >= 0) throw new Broken(`the handler of in/${message} first starts after that of in/${later}`)
  }
  const due = world.link?.due.find((waiting) => waiting.message === message && waiting.progress === 'waiting')
  const run = { message, packetId: due?.packetId ?? 0, of: due === undefined ? 'detached' : 'present' } as const
  const next = withLink(
    withIncoming({ ...world, arrived: world.arrived.slice(world.arrived.indexOf(message) + 1) }, message, {
      mayStart: Math.max(0, tally.mayStart - 1),
      started: true,
    }),
    { due: (world.link?.due ?? []).map((other) => (other === due ? { ...other, progress: 'running' } : other)) },
  )
  return configuration.handlers === 'at-once' ? handlerEnded(next, run) : { ...next, runs: [...next.runs, run] }
}

/** Only a message at which the server closes may be given up, and only when the log has it. */
function abandoned(world: World, message: number, { poison, journal }: Configuration): World {
  if (message !== poison) throw new Broken(`out/${message} is given up, although the server does not refuse it`)
  const isNoted = world.journal.log.some(({ kind }) => kind === 'abandoned')
  if (journal === 'kept' && !isNoted) throw new Broken(`out/${message} is given up before that is noted`)
  return withOutgoing(world, message, { stage: 'abandoned', packetId: 0 })
}

/** A message that was just read was not kept: its session brings it again, or nobody does. */
function dropped(world: World, message: number, { cleanSession, receiveBufferMaxBytes }: Configuration): World {
  const hasRoom = world.engine.backlogBytes < receiveBufferMaxBytes
  if (hasRoom && world.link?.gap !== 'open')
    throw new Broken(`in/${message} is not kept, although there is room for it`)
  // An earlier copy, of a session that is gone, may still wait.
  const without = { ...world, arrived: world.arrived.toSpliced(world.arrived.lastIndexOf(message), 1) }
  const comesAgain = world.incoming[message]?.qos !== 0 && !cleanSession
  const due = (world.link?.due ?? []).flatMap((entry) => {
    if (entry.message !== message || entry.progress !== 'waiting') return [entry]
    return comesAgain ? [] : [{ ...entry, progress: 'done' } as const]
  })
  const next = comesAgain ? without : withIncoming(without, message, { handled: true })
  return withLink(next, { due, gap: comesAgain ? 'open' : (world.link?.gap ?? 'none') })
}

function settled(world: World, message: number): World {
  const tally = world.outgoing[message]
  if (tally?.stage !== 'accepted') throw new Broken(`out/${message} was settled, but it is ${tally?.stage}`)
  if (tally.qos === 0 ? !tally.written : !tally.owned) {
    throw new Broken(`out/${message} was settled, but the server does not own it`)
  }
  const next = withOutgoing(world, message, { stage: 'settled', packetId: 0 })
  return { ...next, pubrecs: next.pubrecs.filter((other) => other !== message) }
}
