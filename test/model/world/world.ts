/**
 * Everything around the engine as plain, immutable data: the two directions of the connection, the server, the journal, and what
 * the application and an observer of the wire remember in order to judge what comes next. A step makes a new World that
 * shares what it did not change.
 */
import type { QoS } from '../../../src/codec/control-packet.js'
import type { JournalRecord, StoredSession } from '../../../src/protocol/index.js'
import { emptySession } from '../../../src/protocol/journal/session-reducer.js'
import type { Configuration, Mishaps } from '../configuration/configuration.js'
import type { FromServer, NamedPacket } from './packet-name.js'
import { newServer, type Server } from './reference-server.js'

/** What is known of a message that the application publishes. */
export interface OutgoingTally {
  readonly qos: QoS
  /** 'lost' is what a crash took before the journal had it: nobody was told that it was safe. */
  readonly stage: 'unpublished' | 'accepted' | 'settled' | 'withdrawn' | 'abandoned' | 'lost'
  /** 0 while it has none. */
  readonly packetId: number
  /** Whether this process published it, and so could withdraw it. */
  readonly ours: boolean
  /** PUBLISH was written: at QoS 0 for the one time. */
  readonly written: boolean
  /** PUBREL was written in the present session of the server. */
  readonly released: boolean
  readonly owned: boolean
  /** Whether the server may come to own it (again). */
  readonly mayOwn: boolean
}

/** What is known of a message that the server sends. */
export interface IncomingTally {
  readonly qos: QoS
  /** Whether a handler has ever started for it. */
  readonly started: boolean
  readonly handled: boolean
  /** How often its handler may still start. */
  readonly mayStart: number
  /** The identifier under which it is held: from the end of its handler to PUBREL. 0 while it is not. */
  readonly held: number
}

/** A PUBLISH of the present connection that is not acknowledged. */
export interface Due {
  readonly message: number
  readonly qos: QoS
  readonly packetId: number
  readonly progress: 'waiting' | 'running' | 'done'
}

/** A handler that runs. It is 'detached' when its identifier has lost its meaning with a session of the server. */
export interface Run {
  readonly message: number
  readonly packetId: number
  readonly of: 'present' | 'earlier' | 'detached'
}

export interface Link {
  /** Each packet with how much of the journal has to be safe before its bytes are written. */
  readonly toServer: readonly { readonly sent: NamedPacket; readonly needs: number }[]
  readonly toClient: readonly FromServer[]
  readonly server: 'awaits CONNECT' | 'open'
  readonly client: 'awaits CONNACK' | 'connected'
  readonly output: 'open' | 'full'
  readonly due: readonly Due[]
  /** Messages of which PUBLISH or PUBREL was written on this connection. */
  readonly published: readonly number[]
  readonly released: readonly number[]
  /** Identifiers of the SUBSCRIBEs that are not answered. */
  readonly requests: readonly number[]
  /** 'open' from the first message on that was not kept. */
  readonly gap: 'none' | 'open'
  /** Nudges since a packet came, or one was written that is none; all of them; and how often something else was written, or SUBACK came. */
  readonly nudges: { readonly inSilence: number; readonly onConnection: number; readonly begun: number }
}

export interface JournalState {
  /** What is safe: the log up to here, added up. */
  readonly base: StoredSession
  /** The same for the client with its fault, if it has one. */
  readonly faultyBase: StoredSession
  /** What was recorded since, and may survive a crash up to any record. */
  readonly log: readonly JournalRecord[]
}

/** What the moves need to know of the engine, and its state as text. */
export interface EngineView {
  readonly state: string
  readonly deadline: number
  readonly wantsToRead: boolean
  readonly backlogBytes: number
  readonly rests: boolean
  /** How many incoming identifiers wait for PUBREL. */
  readonly held: number
  /** Sequence numbers in the queue. */
  readonly queue: readonly number[]
}

/** How far a SUBSCRIBE, an UNSUBSCRIBE or a ping of the application has come. */
export type RequestTally = 'unwanted' | 'wanted' | 'asked' | 'answered' | 'refused' | 'given up'

export interface World {
  /** How many messages may be in flight in this process. */
  readonly maxInFlight: number
  readonly now: number
  readonly left: Mishaps
  readonly outgoing: readonly OutgoingTally[]
  readonly incoming: readonly IncomingTally[]
  readonly published: number
  readonly sent: number
  readonly subscription: RequestTally
  readonly unsubscription: RequestTally
  readonly ping: RequestTally
  readonly handlers: 'free' | 'busy'
  readonly link: Link | undefined
  readonly server: Server
  readonly journal: JournalState
  /** Messages of ours that were sent, in the order in which they were first sent. */
  readonly sendings: readonly number[]
  /** Messages that are parked, and whether a PUBLISH was answered since the last of them was parked. */
  readonly parked: { readonly messages: readonly number[]; readonly since: 'no answer' | 'an answer' }
  /** Exchanges of ours whose PUBREC was read, in that order. */
  readonly pubrecs: readonly number[]
  readonly runs: readonly Run[]
  /** Messages that have arrived and whose handlers have not started, in the order of arrival. */
  readonly arrived: readonly number[]
  /** When a byte was last sent and received, and the PINGREQ that no byte has answered. */
  readonly clock: { readonly sent: number; readonly received: number; readonly pinged: number | undefined }
  readonly engine: EngineView
}

export const newLink: Link = {
  toServer: [],
  toClient: [],
  server: 'awaits CONNECT',
  client: 'awaits CONNACK',
  output: 'open',
  due: [],
  published: [],
  released: [],
  requests: [],
  gap: 'none',
  nudges: { inSilence: 0, onConnection: 0, begun: 0 },
}

export const noneParked: World['parked'] = { messages: [], since: 'an answer' }

export function newWorld(configuration: Configuration, engine: EngineView): World {
  return {
    maxInFlight: configuration.maxInFlight,
    now: 0,
    left: configuration.mishaps,
    outgoing: configuration.outgoing.map((qos) => ({
      qos,
      stage: 'unpublished',
      packetId: 0,
      ours: false,
      written: false,
      released: false,
      owned: false,
      mayOwn: true,
    })),
    incoming: configuration.incoming.map((qos) => ({ qos, started: false, handled: false, mayStart: 1, held: 0 })),
    published: 0,
    sent: 0,
    subscription: configuration.subscribes ? 'wanted' : 'unwanted',
    unsubscription: configuration.unsubscribes ? 'wanted' : 'unwanted',
    ping: configuration.pings ? 'wanted' : 'unwanted',
    handlers: 'free',
    link: undefined,
    server: newServer,
    journal: { base: emptySession, faultyBase: emptySession, log: [] },
    sendings: [],
    parked: noneParked,
    pubrecs: [],
    runs: [],
    arrived: [],
    clock: { sent: 0, received: 0, pinged: undefined },
    engine,
  }
}

export function withOutgoing(world: World, message: number, changed: Partial<OutgoingTally>): World {
  return {
    ...world,
    outgoing: world.outgoing.map((tally, index) => (index === message ? { ...tally, ...changed } : tally)),
  }
}

export function withIncoming(world: World, message: number, changed: Partial<IncomingTally>): World {
  return {
    ...world,
    incoming: world.incoming.map((tally, index) => (index === message ? { ...tally, ...changed } : tally)),
  }
}

export function withLink(world: World, changed: Partial<Link>): World {
  return world.link === undefined ? world : { ...world, link: { ...world.link, ...changed } }
}

/** The message of ours that has this Packet Identifier. */
export function boundTo(world: World, packetId: number): number {
  return world.outgoing.findIndex((tally) => tally.packetId === packetId)
}
