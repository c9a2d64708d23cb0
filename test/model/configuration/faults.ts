/**
 * Faults put in on purpose: what the exploration must find. None of them touches the engine's own files. Those of the
 * engine are subclasses that misuse its public methods when a connection begins; those of the journal leave a rule out
 * when the log is read back, in the mildest way that keeps the rest of the log readable.
 */
import { StoreError } from '../../../src/errors.js'
import type {
  Connection,
  ConnectionSettings,
  Driver,
  JournalRecord,
  StoredSession,
} from '../../../src/protocol/index.js'
import { Session } from '../../../src/protocol/index.js'
import { SessionReducer } from '../../../src/protocol/journal/session-reducer.js'
import {
  CountsNoMessages,
  CountsNoPings,
  CountsNoRequests,
  CountsPingsOfKeepAlive,
  FillsNoGap,
  HasNoPatience,
  KeepsBehindGap,
  ShedsAtOnce,
  StopsReadingAtTheBound,
  StopsReadingAtTheUpperBound,
} from './reading-faults.js'
import {
  ForgetsParkedMessages,
  MovesParkedMessages,
  PassesParkedTopicsAfterAnswers,
  PassesStruckMessages,
  PassesTopicsOfStruckMessages,
  RenewsParkedMessages,
  TurnsParkedTopicsRound,
} from './suspect-faults.js'

export const faults = [
  'none',
  'forgets received identifiers',
  'takes a new message for a copy after a lost session',
  'takes a message that was cut for a copy',
  'sends PUBLISH after PUBREL',
  'passes a message that is struck',
  'passes the topic of a message that is struck',
  'passes the topic of a parked message after an answer',
  'turns the order of the topic of a parked message round',
  'moves parked messages before all others',
  'gives a parked message a new identifier',
  'forgets a message when it parks it',
  'resends in the order of identifiers',
  'answers PUBCOMP with PUBREL',
  'nudges after each millisecond of silence',
  'counts no messages as open',
  'counts no requests as open',
  'counts no pings as open',
  'counts pings of Keep Alive as open',
  'stops reading at the bound',
  'has no patience',
  'stops reading at the upper bound',
  'sheds at once',
  'keeps what comes behind a gap',
  'fills no gap',
  'journal without queued',
  'journal without bound',
  'journal without received',
  'journal without held',
  'journal without released',
  'journal without forgotten',
  'journal without abandoned',
] as const

export type Fault = (typeof faults)[number]

class ForgetsReceivedIdentifiers extends Session<number, string> {
  override begin(sessionPresent: boolean, care: 'careful' | 'plain'): void {
    this.incoming.serverForgot('lost')
    super.begin(sessionPresent, care)
  }
}

class TakesNewForCopy extends Session<number, string> {
  constructor(...args: ConstructorParameters<typeof Session<number, string>>) {
    super(...args)
    this.incoming.former.isCopy = (former) => {
      former.content = undefined
      return true
    }
  }
}

/** The new session is resumed, so DUP 1 means only that the connection of the first PUBLISH was cut. */
class TakesCutForCopy extends Session<number, string> {
  constructor(...args: ConstructorParameters<typeof Session<number, string>>) {
    super(...args)
    // As if the two messages had the same content.
    this.incoming.former.isCopy = (former, { qos, ...packet }) => {
      former.content = undefined
      return qos === 2 && 'dup' in packet && packet.dup
    }
    this.incoming.resumed = () => {}
  }
}

class SendsPublishAfterPubrel extends Session<number, string> {
  override begin(sessionPresent: boolean, care: 'careful' | 'plain'): void {
    this.outgoing.serverForgot()
    super.begin(sessionPresent, care)
  }
}

class ResendsInTheOrderOfIdentifiers extends Session<number, string> {
  override begin(sessionPresent: boolean, care: 'careful' | 'plain'): void {
    this.table.reorder([...this.table.messages()].sort((a, b) => a.packetId - b.packetId))
    super.begin(sessionPresent, care)
  }
}

class AnswersPubcompWithPubrel extends Session<number, string> {
  readonly #driver: Driver<number, string>

  constructor(...args: ConstructorParameters<typeof Session<number, string>>) {
    super(...args)
    this.#driver = args[1]
  }

  override connect(settings: ConnectionSettings, now: number): Connection<number, string> {
    const connection = super.connect(settings, now)
    const receive = connection.receive.bind(connection)
    connection.receive = (packet) => {
      if (packet.type !== 'pubcomp') receive(packet)
      else this.#driver.sendAcknowledgement('pubrel', packet.packetId)
    }
    return connection
  }
}

/** While an answer is due, as if there were no rules for nudges. */
class NudgesEachMillisecond extends Session<number, string> {
  override connect(settings: ConnectionSettings, now: number): Connection<number, string> {
    const connection = super.connect(settings, now)
    const bytesReceived = connection.bytesReceived.bind(connection)
    const nextDeadline = connection.nextDeadline.bind(connection)
    const tick = connection.tick.bind(connection)
    let nudgeAt = Infinity
    connection.bytesReceived = (at) => {
      bytesReceived(at)
      nudgeAt = at + 1
    }
    connection.nextDeadline = () => (this.table.size > 0 ? Math.min(nudgeAt, nextDeadline()) : nextDeadline())
    connection.tick = (at) => {
      tick(at)
      if (at < nudgeAt) return
      if (this.table.size > 0) connection.sendPing(at)
      nudgeAt = at + 1
    }
    return connection
  }
}

export function sessionClass(fault: Fault): typeof Session<number, string> {
  switch (fault) {
    case 'forgets received identifiers':
      return ForgetsReceivedIdentifiers
    case 'takes a new message for a copy after a lost session':
      return TakesNewForCopy
    case 'takes a message that was cut for a copy':
      return TakesCutForCopy
    case 'sends PUBLISH after PUBREL':
      return SendsPublishAfterPubrel
    case 'passes a message that is struck':
      return PassesStruckMessages
    case 'passes the topic of a message that is struck':
      return PassesTopicsOfStruckMessages
    case 'passes the topic of a parked message after an answer':
      return PassesParkedTopicsAfterAnswers
    case 'turns the order of the topic of a parked message round':
      return TurnsParkedTopicsRound
    case 'moves parked messages before all others':
      return MovesParkedMessages
    case 'gives a parked message a new identifier':
      return RenewsParkedMessages
    case 'forgets a message when it parks it':
      return ForgetsParkedMessages
    case 'resends in the order of identifiers':
      return ResendsInTheOrderOfIdentifiers
    case 'answers PUBCOMP with PUBREL':
      return AnswersPubcompWithPubrel
    case 'nudges after each millisecond of silence':
      return NudgesEachMillisecond
    case 'counts no messages as open':
      return CountsNoMessages
    case 'counts no requests as open':
      return CountsNoRequests
    case 'counts no pings as open':
      return CountsNoPings
    case 'counts pings of Keep Alive as open':
      return CountsPingsOfKeepAlive
    case 'stops reading at the bound':
      return StopsReadingAtTheBound
    case 'has no patience':
      return HasNoPatience
    case 'stops reading at the upper bound':
      return StopsReadingAtTheUpperBound
    case 'sheds at once':
      return ShedsAtOnce
    case 'keeps what comes behind a gap':
      return KeepsBehindGap
    case 'fills no gap':
      return FillsNoGap
    default:
      return Session<number, string>
  }
}

/** The session that a log adds up to: for a client with this fault, and for one that wrote everything. */
export function recovered(base: StoredSession, log: readonly JournalRecord[], fault: Fault, as: 'faulty' | 'honest') {
  const reducer = SessionReducer.from(base)
  for (const record of log) {
    if (!fault.startsWith('journal')) reducer.apply(record)
    else if (as === 'honest') applyIfPossible(reducer, record)
    else for (const written of faulty(record, fault, reducer)) applyIfPossible(reducer, written)
  }
  return reducer.snapshot()
}

/** What a client with this fault writes instead of a record. */
function faulty(record: JournalRecord, fault: Fault, reducer: SessionReducer): readonly JournalRecord[] {
  switch (fault) {
    case 'journal without bound':
      if (record.kind === 'bound' || record.kind === 'received') return []
      return record.kind === 'settled' ? [{ kind: 'withdrawn', sequence: record.sequence }] : [record]
    case 'journal without received': {
      if (record.kind === 'received') return []
      if (record.kind !== 'settled') return [record]
      const message = reducer.snapshot().messages.find(({ sequence }) => sequence === record.sequence)
      return message?.qos === 2 ? [{ kind: 'received', sequence: record.sequence }, record] : [record]
    }
    default:
      return fault === `journal without ${record.kind}` ? [] : [record]
  }
}

/** After a crash with a faulty journal the engine may repeat what an honest one knows. */
function applyIfPossible(reducer: SessionReducer, record: JournalRecord): void {
  try {
    reducer.apply(record)
  } catch (error) {
    if (!(error instanceof StoreError)) throw error
  }
}
