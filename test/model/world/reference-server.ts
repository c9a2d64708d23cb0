/**
 * A server that conforms to MQTT 3.1.1, as pure functions from its state and a packet to its new state and its replies.
 * It is written from the standard for this exploration and shares nothing with the engine. It has one client. It also checks
 * its client: what a conforming client cannot send breaks a rule.
 *
 *   received   QoS 2 messages from the client, from PUBLISH to PUBREL
 *   sending    messages to the client, from PUBLISH to PUBACK or PUBCOMP, in the order in which they are sent again
 *   owed       messages to the client that have no Packet Identifier yet
 *
 * Its identifiers are always the lowest that are free, so that one is used again as soon as that is legal. It owns a QoS 2
 * message at its PUBLISH or at its PUBREL: both methods of figure 4.3. When it loses its session it still owes what it
 * was not told to have arrived, as a server does that reads its messages from somewhere.
 */
import type { QoS } from '../../../src/codec/control-packet.js'
import type { Configuration } from '../configuration/configuration.js'
import { Broken } from './broken.js'
import {
  contentOf,
  type FromServer,
  messageOf,
  type NamedPacket,
  named,
  publishOf,
  refusal,
  unnamedPublish,
} from './packet-name.js'

interface Sending {
  readonly packetId: number
  readonly message: number
  readonly awaits: 'puback' | 'pubrec' | 'pubcomp'
}

interface ServerSession {
  /** Whether the client has read the CONNACK with which this session began. */
  readonly began: 'read' | 'unread'
  /** Whether the client had a session before that this one took the place of. */
  readonly replaced: 'nothing' | 'session'
  readonly subscribed: boolean
  readonly received: readonly { readonly packetId: number; readonly message: number }[]
  readonly sending: readonly Sending[]
  /** Identifiers that it has used again although a PUBREC for them was under way: it ignores that one. */
  readonly forgotten: readonly number[]
  /** The messages of which a first PUBLISH came in this session. */
  readonly receipts: readonly number[]
}

export interface Server {
  readonly session: ServerSession | undefined
  readonly owed: readonly number[]
  /** Messages that the client has parked, because each was alone when the connection was cut: later ones may come first. */
  readonly parked: readonly number[]
}

export interface Answer {
  readonly server: Server
  readonly replies: readonly FromServer[]
  /** The message that the server has come to own by this packet. */
  readonly owns?: number
  /** Messages that it sends anew because it lost its session. */
  readonly sentAnew?: readonly number[]
}

export type ConnectDecision = 'keep' | 'lose' | 'refuse'

export const newServer: Server = { session: undefined, owed: [], parked: [] }

const newSession: ServerSession = {
  began: 'unread',
  replaced: 'nothing',
  subscribed: false,
  received: [],
  sending: [],
  forgotten: [],
  receipts: [],
}

export function connectAnswer(server: Server, decision: ConnectDecision, configuration: Configuration): Answer {
  if (decision === 'refuse') {
    return { server, replies: [named({ type: 'connack', sessionPresent: false, returnCode: 3 })] }
  }
  const { session } = server
  const kept =
    decision === 'keep' && !configuration.cleanSession && session !== undefined && isResumable(session, configuration)
  const saysSoAnyway = configuration.liberty === 'says Session Present after Clean Session'
  const sessionPresent = (kept && configuration.saysPresent === 'truly') || saysSoAnyway
  const connack = named({ type: 'connack', sessionPresent, returnCode: 0 })
  if (kept) {
    const again = session.sending.map(({ packetId, message, awaits }) =>
      awaits === 'pubcomp'
        ? named({ type: 'pubrel', packetId })
        : publishTo(configuration, message, awaits === 'puback' ? 1 : 2, packetId, true),
    )
    return { server: { ...server, session: { ...session, forgotten: [] } }, replies: [connack, ...again] }
  }
  const { server: forgetful, sentAnew } = forget(server)
  let next: Server = {
    ...forgetful,
    session: { ...newSession, replaced: session === undefined ? 'nothing' : 'session' },
  }
  const replies: FromServer[] = [connack]
  for (const message of forgetful.owed) {
    const qos = configuration.incoming[message] ?? 0
    if (!hasRoomFor(next, qos, configuration)) break
    const sent = send({ ...next, owed: next.owed.slice(1) }, message, qos, configuration)
    next = sent.server
    replies.push(...sent.replies)
  }
  return { server: next, replies, sentAnew }
}

function isResumable(session: ServerSession, { unreadLosses }: Configuration): boolean {
  return unreadLosses === 'explored' || session.began === 'read' || session.replaced === 'nothing'
}

/** The session is gone; what the client has not acknowledged is owed to it. */
export function forget(server: Server): { readonly server: Server; readonly sentAnew: readonly number[] } {
  const sentAnew = (server.session?.sending ?? [])
    .filter(({ awaits }) => awaits !== 'pubcomp')
    .map(({ message }) => message)
  return {
    server: { ...server, session: undefined, owed: [...sentAnew, ...server.owed].sort((a, b) => a - b) },
    sentAnew,
  }
}

/** Whether the window of the server has room for one more message. */
export function hasRoomFor({ session }: Server, qos: QoS, { serverWindow }: Configuration): boolean {
  return qos === 0 || (session?.sending.length ?? 0) < serverWindow
}

/** The server sends its next message; there has to be a session. */
export function send(server: Server, message: number, qos: QoS, configuration: Configuration): Answer {
  const { session } = server
  if (session === undefined || qos === 0) return { server, replies: [publishOf('in', message, 0, 0, false)] }
  let packetId = 1
  while (session.sending.some((sending) => sending.packetId === packetId)) packetId += 1
  return sendAs(server, session, message, qos, packetId, configuration)
}

/** The server forgets the message that has this identifier, and sends its next one with it. */
export function sendReusing(server: Server, packetId: number, message: number, qos: 1 | 2, of: Configuration): Answer {
  const { session } = server
  if (session === undefined) throw new Error('there is no session')
  const sending = session.sending.filter((other) => other.packetId !== packetId)
  const forgetful = { ...session, sending, forgotten: [...session.forgotten, packetId] }
  return sendAs(server, forgetful, message, qos, packetId, of)
}

function sendAs(
  server: Server,
  session: ServerSession,
  message: number,
  qos: 1 | 2,
  packetId: number,
  configuration: Configuration,
): Answer {
  const sending: Sending = { packetId, message, awaits: qos === 1 ? 'puback' : 'pubrec' }
  return {
    server: { ...server, session: { ...session, sending: [...session.sending, sending] } },
    replies: [publishTo(configuration, message, qos, packetId, false)],
  }
}

function publishTo(
  { liberty }: Configuration,
  message: number,
  qos: 1 | 2,
  packetId: number,
  dup: boolean,
): FromServer {
  return message === 0 && liberty === 'sends a Topic Name that is no text'
    ? unnamedPublish(message, qos, packetId, dup)
    : publishOf('in', message, qos, packetId, dup)
}

/** SUBSCRIBE has reached the server, which refuses it. */
export function refuse(server: Server, packetId: number): Answer {
  return { server, replies: [named({ type: 'suback', packetId, returnCodes: [refusal] })] }
}

/** An identifier that the client uses for nothing. */
const strangePacketId = 40_000

export const strangeSuback = named({ type: 'suback', packetId: strangePacketId, returnCodes: [0] })

export const pingresp = named({ type: 'pingresp' })

/** The client has read the CONNACK of the present session. */
export function connackRead(server: Server): Server {
  if (server.session === undefined || server.session.began === 'read') return server
  return { ...server, session: { ...server.session, began: 'read' } }
}

/** The client tells that it has parked these messages. */
export function parking(server: Server, messages: readonly number[]): Server {
  const more = messages.filter((message) => !server.parked.includes(message))
  return more.length === 0 ? server : { ...server, parked: [...server.parked, ...more] }
}

/** A packet other than CONNECT has reached the server. */
export function answer(server: Server, { packet, name }: NamedPacket, configuration: Configuration): Answer {
  const { session } = server
  if (session === undefined) throw new Broken(`${name} reached the server before CONNECT`)
  const next = (changed: Partial<ServerSession>): Server => ({ ...server, session: { ...session, ...changed } })
  switch (packet.type) {
    case 'publish': {
      const message = messageOf(packet)
      const receipts = firstReceipt(session.receipts, message, server.parked, configuration)
      if (packet.qos === 0) return { server: next({ receipts }), replies: [], owns: message }
      const { packetId } = packet
      if (packet.qos === 1 || configuration.liberty === 'answers PUBLISH at QoS 2 with PUBACK') {
        return { server: next({ receipts }), replies: [named({ type: 'puback', packetId })], owns: message }
      }
      const replies = [named({ type: 'pubrec', packetId })]
      const known = session.received.find((receiving) => receiving.packetId === packetId)
      if (known !== undefined) {
        if (known.message === message) return { server: next({ receipts }), replies }
        throw new Broken(`${name}: the identifier is still that of out/${known.message} [MQTT-2.3.1-2]`)
      }
      const received = [...session.received, { packetId, message }]
      const changed = { server: next({ receipts, received }), replies }
      return configuration.serverTakes === 'at-publish' ? { ...changed, owns: message } : changed
    }
    case 'pubrel': {
      const { packetId } = packet
      const known = session.received.find((receiving) => receiving.packetId === packetId)
      const received = session.received.filter((receiving) => receiving !== known)
      const changed = { server: next({ received }), replies: [named({ type: 'pubcomp', packetId })] }
      return known !== undefined && configuration.serverTakes === 'at-pubrel'
        ? { ...changed, owns: known.message }
        : changed
    }
    case 'puback':
    case 'pubcomp': {
      const known = awaiting(session, packet, name)
      return { server: next({ sending: session.sending.filter((sending) => sending !== known) }), replies: [] }
    }
    case 'pubrec': {
      const { forgotten } = session
      const ignored = forgotten.indexOf(packet.packetId)
      if (ignored >= 0) return { server: next({ forgotten: forgotten.toSpliced(ignored, 1) }), replies: [] }
      const known = awaiting(session, packet, name)
      // The order of PUBRELs is the order of PUBRECs [MQTT-4.6.0-4].
      const sending: Sending[] = session.sending.filter((other) => other !== known)
      sending.push({ ...known, awaits: 'pubcomp' })
      return { server: next({ sending }), replies: [named({ type: 'pubrel', packetId: packet.packetId })] }
    }
    case 'subscribe': {
      const returnCodes = packet.subscriptions.map(({ qos }) => qos)
      const { packetId } = packet
      return { server: next({ subscribed: true }), replies: [named({ type: 'suback', packetId, returnCodes })] }
    }
    case 'pingreq':
      return { server, replies: [pingresp] }
    case 'unsubscribe': {
      const { packetId } = packet
      return { server: next({ subscribed: false }), replies: [named({ type: 'unsuback', packetId })] }
    }
    case 'disconnect':
      return { server, replies: [] }
    default:
      throw new Broken(`${name} is not for a client to send after CONNECT`)
  }
}

function awaiting(
  session: ServerSession,
  { type, packetId }: { readonly type: string; readonly packetId: number },
  name: string,
): Sending {
  const known = session.sending.find((sending) => sending.packetId === packetId)
  if (known === undefined || known.awaits !== type)
    throw new Broken(`${name} acknowledges what the server does not await`)
  return known
}

/**
 * The first receipts within one session of the server rise by sequence number. Only a parked message may come after later ones, and
 * others of its topic after later ones of other topics.
 */
function firstReceipt(
  receipts: readonly number[],
  message: number,
  parked: readonly number[],
  configuration: Configuration,
): readonly number[] {
  if (receipts.includes(message)) return receipts
  const topicOf = (other: number) => contentOf(other, configuration).topic
  const hasParked = parked.some((other) => topicOf(other) === topicOf(message))
  const passedBy = receipts.filter(
    (other) => other > message && !(hasParked && topicOf(other) !== topicOf(message)) && !parked.includes(message),
  )
  if (passedBy.length > 0) {
    const last = Math.max(...passedBy)
    throw new Broken(`out/${message} reached the server for the first time after out/${last} [MQTT-4.6.0-1]`)
  }
  return [...receipts, message].sort((a, b) => a - b)
}
