/**
 * What one exploration covers: who sends what, and how much may go wrong. Every configuration is explored to its end, so each
 * is kept small; together they cover what one of them could not.
 */
import type { QoS } from '../../../src/codec/control-packet.js'
import type { Fault } from './faults.js'

/** How often each kind of mishap may happen in one run. A run with no mishap left has to come to rest. */
export interface Mishaps {
  /** The Network Connection is lost, with all that is under way in either direction. */
  readonly cuts: number
  /** The server does not take a PUBLISH, and closes the connection. */
  readonly closings: number
  /** The process dies, and starts again from what its journal held. */
  readonly crashes: number
  /** The server answers CONNECT with Session Present 0 although it had a session. */
  readonly losses: number
  /** The server answers CONNECT with Return Code 3. */
  readonly refusals: number
  /** Nothing arrives until the next deadline of the engine. */
  readonly waits: number
  /** The socket takes no more for a while. */
  readonly stalls: number
  /** A handler fails, and the message is to come again. */
  readonly failures: number
  /** The application takes a message back that has no Packet Identifier yet. */
  readonly withdrawals: number
  /** The handlers put an offered message off for a while. */
  readonly delays: number
  /** The server takes the liberty of the configuration. */
  readonly liberties: number
}

/**
 * What a server does that the standard forbids, and that has one safe reading. The first two it does always, or with its first message;
 * the others are mishaps. A wildcard in a Topic Name, and DUP 1 at QoS 0, are read by the decoder, and the engine does not see them.
 */
export type Liberty =
  | 'none'
  | 'answers PUBLISH at QoS 2 with PUBACK'
  | 'sends a Topic Name that is no text'
  | 'refuses SUBSCRIBE with 0x87'
  | 'sends a SUBACK that nobody asked for'
  | 'uses a held identifier for a new message'
  | 'says Session Present after Clean Session'
  | 'answers PINGREQ as it likes'

export interface Configuration {
  readonly name: string
  /** The messages that the application publishes, in this order. */
  readonly outgoing: readonly QoS[]
  /** Those of them that are on one topic. Each other one has a topic of its own. */
  readonly sameTopic: readonly number[]
  /** The messages that the server sends, in this order. */
  readonly incoming: readonly QoS[]
  /** Whether the application subscribes, at any time; after a crash it does so again. */
  readonly subscribes: boolean
  /** Whether it unsubscribes, at any time after that. */
  readonly unsubscribes: boolean
  /** Whether it asks for the time of a round trip, at any time while it is connected. */
  readonly pings: boolean
  readonly mishaps: Mishaps
  readonly cleanSession: boolean
  readonly strict: boolean
  readonly nudge: boolean
  /** 'never': every CONNACK has Session Present 0, although the server resumes its session. */
  readonly saysPresent: 'truly' | 'never'
  /** What the engine makes of Session Present 0. */
  readonly sessionPresent: 'reliable' | 'always-0'
  /** 'cut': the engine is told of the end of a stream, and becomes careful. 'lost': it is only told that the connection is gone. */
  readonly cutsAre: 'cut' | 'lost'
  readonly abandonAfter: number
  readonly liberty: Liberty
  /** A message at which the server closes the connection. */
  readonly poison: number | undefined
  readonly journal: 'kept' | 'none'
  readonly maxInFlight: number
  /** The same in a process that goes on after a crash. */
  readonly maxInFlightLater: number
  readonly receiveWindow: number
  readonly receiveBufferBytes: number
  readonly receiveBufferMaxBytes: number
  /** Seconds. */
  readonly keepAlive: number
  /** 'at-once': handlers have ended when `deliver` returns. 'later': they end at any later time, in any order. */
  readonly handlers: 'later' | 'at-once'
  /**
   * What the application has asked for and a handler awaits before it ends: all its messages, as one that answers with a publish,
   * its SUBSCRIBE, or its ping. Where nothing else can happen, time passes.
   */
  readonly handlersAwait: 'nothing' | 'own messages' | 'subscription' | 'ping'
  /** Milliseconds between two PUBLISHes, if a pacer holds them apart. Where nothing else can happen, time passes. */
  readonly paceMs: number | undefined
  /** When the server owns a QoS 2 message: at its first PUBLISH, or at PUBREL (figure 4.3 of the standard). */
  readonly serverTakes: 'at-publish' | 'at-pubrel'
  /** How many messages at QoS 1 and 2 the server has on their way at once. */
  readonly serverWindow: number
  /** The Packet Identifier that a new session of ours starts with. */
  readonly firstPacketId: number
  /**
   * The bounds on repetition and loss hold for lost sessions that the client has read of in a CONNACK. 'excluded': a server
   * session whose first CONNACK was never read is lost again. 'explored': it is resumed, and only what holds even then is checked.
   */
  readonly unreadLosses: 'excluded' | 'explored'
  /** 'outcomes': only whether messages are lost, doubled or stuck is judged, and not the packets that make it so. */
  readonly judged: 'every rule' | 'outcomes'
  /** A fault put in on purpose, to see that it is found. */
  readonly fault: Fault
}

export const noMishaps: Mishaps = {
  cuts: 0,
  closings: 0,
  crashes: 0,
  losses: 0,
  refusals: 0,
  waits: 0,
  stalls: 0,
  failures: 0,
  withdrawals: 0,
  delays: 0,
  liberties: 0,
}

const plain: Configuration = {
  name: 'plain',
  outgoing: [],
  sameTopic: [],
  incoming: [],
  subscribes: false,
  unsubscribes: false,
  pings: false,
  mishaps: noMishaps,
  cleanSession: false,
  strict: false,
  nudge: false,
  saysPresent: 'truly',
  sessionPresent: 'reliable',
  cutsAre: 'lost',
  abandonAfter: Infinity,
  liberty: 'none',
  poison: undefined,
  journal: 'kept',
  maxInFlight: 10,
  maxInFlightLater: 10,
  receiveWindow: 10,
  receiveBufferBytes: 10_000,
  receiveBufferMaxBytes: 100_000,
  keepAlive: 0,
  handlers: 'later',
  handlersAwait: 'nothing',
  paceMs: undefined,
  serverTakes: 'at-publish',
  serverWindow: 65_535,
  firstPacketId: 1,
  unreadLosses: 'excluded',
  judged: 'every rule',
  fault: 'none',
}

type Choices = Partial<Omit<Configuration, 'mishaps' | 'name'>> & { readonly mishaps?: Partial<Mishaps> }

export function configuration(name: string, { mishaps, ...choices }: Choices): Configuration {
  const maxInFlightLater = choices.maxInFlight ?? plain.maxInFlight
  return { ...plain, maxInFlightLater, ...choices, name, mishaps: { ...noMishaps, ...mishaps } }
}
