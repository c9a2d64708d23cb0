/** What has to hold in a state, whatever led to it; and the state of the engine as the exploration compares it. */
import type { Session } from '../../../src/protocol/index.js'
import type { Configuration } from '../configuration/configuration.js'
import { recovered } from '../configuration/faults.js'
import { Broken } from '../world/broken.js'
import type { Subject } from '../world/subject.js'
import type { EngineView, World } from '../world/world.js'

type EngineState = ReturnType<Session<number, string>['inspect']>

/** Times count from now, so that two states which differ only in the hour are one. */
export function viewOf(subject: Subject, now: number): EngineView {
  const state = subject.session.inspect(now)
  const { connection, outgoing, requests } = state
  const sinceNow = ({ sentAt, ...rest }: { readonly sentAt: number }) => ({ ...rest, sentAt: now - sentAt })
  return {
    state: JSON.stringify([
      connection?.phase,
      connection?.output,
      connection?.input,
      Math.round(((connection?.deadline ?? now) - now) * 1_000),
      Math.max(0, subject.pacedUntil - now),
      Math.min(now - subject.session.gapFilledAt, 60_000),
      state.unansweredConnects,
      state.past,
      state.nextPacketId,
      outgoing.nextSequence,
      outgoing.exchanges.map(sinceNow),
      outgoing.queue,
      outgoing.again,
      outgoing.outstanding,
      state.incoming,
      requests.subscriptions,
      requests.waiting,
      requests.sent.map(sinceNow),
      outgoing.parked,
      outgoing.reserved,
      state.suspects,
      connection?.care,
      connection?.nudge?.map((part) => (typeof part === 'number' ? Math.round(part * 1_000) : part)),
    ]),
    deadline: subject.session.nextDeadline(),
    wantsToRead: subject.wantsToRead(now),
    backlogBytes: subject.session.incoming.backlogBytes,
    rests: isAtRest(subject, state),
    held: state.incoming.identifiers.filter((identifier) => identifier.state === 'received').length,
    queue: outgoing.queue.map(({ sequence }) => sequence),
  }
}

/** Nothing is under way, and no Packet Identifier is kept but those of messages that were handled and wait for PUBREL. */
function isAtRest({ session }: Subject, { outgoing, incoming, requests }: EngineState): boolean {
  const kept = [outgoing.exchanges, outgoing.queue, outgoing.again, requests.waiting, requests.sent]
  const received = [incoming.identifiers.filter(({ state }) => state !== 'received'), incoming.backlog, incoming.owed]
  return (
    [...kept, ...received].every(({ length }) => length === 0) && session.table.size + session.incoming.running === 0
  )
}

/** Checked in every state that a call of the engine has led to. */
export function checkEngine(world: World, { session }: Subject, configuration: Configuration): void {
  const state = session.inspect()
  checkOutgoing(state)
  checkReading(world, configuration)
  if ((world.link === undefined) !== (session.connection === undefined)) {
    throw new Broken('the engine and its driver do not agree whether there is a connection')
  }
  if (configuration.journal === 'kept' && configuration.fault === 'none') checkJournal(world, state)
}

/** A full backlog makes the server wait, unless a handler may wait for the client: and that takes time to be seen. */
function checkReading({ engine, link, now }: World, configuration: Configuration): void {
  const { outgoing, subscribes, unsubscribes, pings, receiveBufferBytes } = configuration
  if (!engine.wantsToRead || engine.backlogBytes < receiveBufferBytes || link?.client !== 'connected') return
  const asksForNothing = outgoing.length === 0 && !subscribes && !unsubscribes && !pings
  if (asksForNothing) throw new Broken('a full backlog does not end the reading, although nothing of ours is open')
  if (now === 0) throw new Broken('a full backlog does not end the reading, although no handler has had any time')
}

function checkOutgoing({ outgoing }: EngineState): void {
  const open = [...outgoing.exchanges, ...outgoing.queue].map(({ sequence }) => sequence)
  if (new Set(open).size < open.length) throw new Broken('a message is in the queue and in an exchange at once')
  const outstanding = outgoing.exchanges.filter(({ sentAt }) => sentAt !== Infinity).length
  if (outstanding !== outgoing.outstanding) {
    throw new Broken(`the engine counts ${outgoing.outstanding} written exchanges, and ${outstanding} are`)
  }
}

/** A process that died now, and lost nothing of its log, would go on where this one stands. */
function checkJournal(world: World, { outgoing, incoming }: EngineState): void {
  const { messages, held } = recovered(world.journal.base, world.journal.log, 'none', 'honest')
  const stored = [
    messages.filter(({ binding }) => binding?.received === true).map(({ sequence }) => sequence),
    messages.filter(({ binding }) => binding?.received === false).map(({ sequence }) => sequence),
    messages.filter(({ binding }) => binding === undefined).map(({ sequence }) => sequence),
    messages.flatMap(({ binding }) => (binding === undefined ? [] : [binding.packetId])).sort(),
    [...held].sort(),
  ]
  const lived = [
    outgoing.exchanges.filter(({ awaits }) => awaits === 'pubcomp').map(({ sequence }) => sequence),
    outgoing.exchanges.filter(({ awaits }) => awaits !== 'pubcomp').map(({ sequence }) => sequence),
    outgoing.queue.filter(({ qos }) => qos !== 0).map(({ sequence }) => sequence),
    outgoing.exchanges.map(({ packetId }) => packetId).sort(),
    [...incoming.identifiers, ...incoming.former]
      .filter(({ state }) => state === 'received')
      .map(({ packetId }) => packetId)
      .sort(),
  ]
  if (JSON.stringify(stored) !== JSON.stringify(lived)) {
    throw new Broken(`the journal adds up to ${JSON.stringify(stored)}, but the engine is at ${JSON.stringify(lived)}`)
  }
}

/** Checked where nothing but a mishap can happen any more: all must be done, and nothing be left behind. */
export function checkRest(world: World, { unreadLosses, judged, incoming }: Configuration): void {
  const { server, engine, link } = world
  const left = (what: string) => new Broken(`at rest: ${what}`)
  if (link === undefined) throw left('there is no connection')
  world.outgoing.forEach((tally, message) => {
    if (tally.stage === 'accepted' || tally.stage === 'unpublished') throw left(`out/${message} is ${tally.stage}`)
    if (tally.stage === 'settled' && tally.qos !== 0 && !tally.owned) throw left(`nobody owns out/${message}`)
  })
  if (world.sent < incoming.length) throw left('the server has more to send')
  world.incoming.forEach(({ qos, handled }, message) => {
    if (qos === 0 || handled || (qos === 2 && unreadLosses === 'explored')) return
    throw left(`in/${message} was never handled`)
  })
  if (!engine.rests) throw left(`the engine is not idle: ${engine.state}`)
  // A server that lost its session sends no PUBREL, and a client that has no word of that goes on waiting for it.
  if (engine.held > 0 && unreadLosses === 'excluded' && judged === 'every rule')
    throw left('an identifier is held for a PUBREL that never comes')
  const { session, owed } = server
  if (owed.length > 0 || session === undefined) throw left('the server has not sent all of its messages')
  if (session.sending.length > 0)
    throw left(`the server awaits ${session.sending.map(({ awaits }) => awaits).join(', ')}`)
  if (session.received.length > 0) throw left('the server awaits PUBREL')
  if (link.due.length > 0) throw left('an acknowledgement is due')
  if (world.subscription === 'asked') throw left('SUBSCRIBE was not answered')
  if (world.ping === 'asked') throw left('a ping was not answered')
  if (world.unsubscription === 'asked') throw left('UNSUBSCRIBE was not answered')
  if (world.unsubscription === 'answered' && session.subscribed) throw left('a subscription is left that nobody wants')
  if (world.subscription === 'answered' && world.unsubscription === 'unwanted' && !session.subscribed) {
    throw left('the subscription is lost')
  }
}
