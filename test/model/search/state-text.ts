/**
 * A world as text: two worlds with the same text go on in the same way. It is made for every step, so what changes with
 * nearly every step is put together by hand, and what seldom changes is kept.
 */
import type { JournalRecord } from '../../../src/protocol/index.js'
import { messageOf } from '../world/packet-name.js'
import type { Link, World } from '../world/world.js'

const kept = new WeakMap<object, string>()

/** The text of a part that many worlds share. */
function shared(part: object): string {
  const known = kept.get(part)
  if (known !== undefined) return known
  const text = JSON.stringify(part)
  kept.set(part, text)
  return text
}

export function textOf(world: World): string {
  const { link, journal, server } = world
  const { session } = server
  return [
    shared(world.left),
    shared(world.outgoing),
    shared(world.incoming),
    `${world.published} ${world.sent} ${world.subscription} ${world.unsubscription} ${world.ping} ${world.handlers} ${world.maxInFlight}`,
    link === undefined ? '' : textOfLink(link),
    server.owed.join(),
    server.parked.join(),
    session === undefined
      ? ''
      : `${session.began} ${session.replaced} ${session.subscribed} ${session.receipts.join()} ${session.received
          .map(({ packetId, message }) => `${packetId}:${message}`)
          .join()} ${session.sending.map(({ packetId, message, awaits }) => `${packetId}:${message}:${awaits}`).join()} ${session.forgotten.join()}`,
    shared(journal.base),
    journal.faultyBase === journal.base ? '' : shared(journal.faultyBase),
    journal.log.map(textOfRecord).join(),
    world.pubrecs.join(),
    world.sendings.join(),
    `${world.parked.messages.join()} ${world.parked.since}`,
    world.runs.map(({ message, packetId, of }) => `${message}:${packetId}:${of}`).join(),
    world.arrived.join(),
    textOfClock(world),
    world.engine.state,
  ].join('\n')
}

function textOfLink(link: Link): string {
  const { toServer, toClient, server, client, output, due, published, released, requests, gap, nudges } = link
  return [
    toServer.map(({ sent, needs }) => `${sent.name} ${needs}`).join(),
    toClient.map(({ name }) => name).join(),
    server,
    client,
    output,
    due.map(({ message, qos, packetId, progress }) => `${message}:${qos}:${packetId}:${progress}`).join(),
    published.join(),
    released.join(),
    requests.join(),
    gap,
    shared(nudges),
  ].join('|')
}

function textOfRecord(record: JournalRecord): string {
  switch (record.kind) {
    case 'queued':
      return `queued ${record.sequence} ${messageOf(record)}`
    case 'bound':
      return `bound ${record.sequence} ${record.packetId}`
    case 'held':
      return `held ${record.packetId} ${record.content?.checksum}`
    case 'released':
    case 'reserved':
      return `${record.kind} ${record.packetId}`
    case 'forgotten':
      return record.kind
    default:
      return `${record.kind} ${record.sequence}`
  }
}

/** Times count from now, so that two worlds which differ only in the hour are one. */
function textOfClock({ now, clock: { sent, received, pinged } }: World): string {
  return `${now - sent} ${now - received} ${pinged === undefined ? '' : now - pinged}`
}
