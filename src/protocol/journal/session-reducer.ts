/**
 * What a log of JournalRecords adds up to: a pure reducer from records to a StoredSession.
 *
 * An outgoing message is in exactly one of three maps, and which one says how far it has come:
 *
 *   unbound    queued, no Packet Identifier yet     in the order of their sequence numbers
 *   bound      its PUBLISH may have been written    in the order of binding
 *   received   PUBREC came                          in the order of PUBREC
 *
 * Moving a message is deleting it from one map and adding it at the end of the next, so the order that resending must
 * have [MQTT-4.6.0-1] is the order of the maps, one after the other, and nothing is ever sorted. The one exception is
 * `forgotten`: the server lost the session, so messages that it had received are to be published again, and go back
 * among the bound ones where their sequence numbers put them.
 *
 * A record that cannot follow what came before it is a fault of whoever wrote the log, or of the disk. It is refused
 * with a StoreError and changes nothing; it is never guessed at, because each guess loses a message or doubles it.
 */
import type { PacketIdentifier } from '../../codec/control-packet.js'
import { StoreError } from '../../errors.js'
import { MAX_PACKET_IDENTIFIER, packetIdentifierAfter } from '../exchange/packet-identifiers.js'
import { SequenceMap } from '../lists/sequence-map.js'
import type { JournalRecord, StoredMessage, StoredSession } from './journal-record.js'

/** Where sequence numbers and Packet Identifiers go on. It outlives the messages that moved it. */
export type SessionCursor = Pick<StoredSession, 'nextSequence' | 'nextPacketId'>

type Binding = NonNullable<StoredMessage['binding']>
/** A record that may be impossible where it stands; a session can be forgotten at any time. */
type DeniableRecord = Exclude<JournalRecord, { readonly kind: 'forgotten' }>
type QueuedRecord = Extract<JournalRecord, { readonly kind: 'queued' }>

interface BoundMessage extends StoredMessage {
  readonly binding: Binding
}

/** A session in which nothing has happened yet. */
export const emptySession: StoredSession = { nextSequence: 1, nextPacketId: 1, messages: [], held: [] }

/** Turns the records of a session, in their order, into what it has become. */
export class SessionReducer {
  readonly #unbound = new SequenceMap<StoredMessage>()
  readonly #bound = new SequenceMap<BoundMessage>()
  readonly #received = new SequenceMap<BoundMessage>()
  readonly #boundPacketIds = new Set<PacketIdentifier>()
  readonly #held = new Set<PacketIdentifier>()
  #nextSequence = emptySession.nextSequence
  #nextPacketId = emptySession.nextPacketId
  #recordCount = 0

  /** Goes on from a snapshot. Its lists are read, not kept. */
  static from(session: StoredSession): SessionReducer {
    const reducer = new SessionReducer()
    for (const record of recordsOf(session)) reducer.apply(record)
    reducer.advance(session)
    reducer.#recordCount = 0
    return reducer
  }

  /** How many messages are not settled. */
  get messageCount(): number {
    return this.#unbound.size + this.#bound.size + this.#received.size
  }

  /** Where sequence numbers and Packet Identifiers go on. */
  get cursor(): SessionCursor {
    return { nextSequence: this.#nextSequence, nextPacketId: this.#nextPacketId }
  }

  /** Takes one record in. Throws a StoreError, and changes nothing, if it cannot follow what came before. */
  apply(record: JournalRecord): void {
    switch (record.kind) {
      case 'queued':
        this.#queue(record)
        break
      case 'bound':
        this.#bind(record)
        break
      case 'received':
        this.#receive(record)
        break
      case 'settled':
        this.#settle(record)
        break
      case 'withdrawn':
        if (!this.#unbound.delete(record.sequence)) this.#refuse(record, this.#whyNotUnbound(record.sequence))
        break
      case 'held':
        this.#checkPacketId(record)
        if (this.#held.has(record.packetId)) this.#refuse(record, 'the identifier is held already')
        this.#held.add(record.packetId)
        break
      case 'released':
        if (!this.#held.delete(record.packetId)) this.#refuse(record, 'the identifier is not held')
        break
      case 'forgotten':
        this.#forget()
        break
    }
    this.#recordCount += 1
  }

  /**
   * Moves the cursor on, as far as the messages that once moved it had taken it. A log that starts with a snapshot
   * needs this: the last identifier used may belong to a message that was settled before. A cursor behind the present
   * one is a StoreError.
   */
  advance(cursor: SessionCursor): void {
    if (cursor.nextSequence < this.#nextSequence) {
      throw new StoreError(
        `the cursor says that sequence ${cursor.nextSequence} is next, but ${this.#nextSequence - 1} was used`,
      )
    }
    if (!isPacketId(cursor.nextPacketId)) {
      throw new StoreError(
        `the cursor names Packet Identifier ${cursor.nextPacketId}, which is not between 1 and 65535`,
      )
    }
    this.#nextSequence = cursor.nextSequence
    this.#nextPacketId = cursor.nextPacketId
  }

  /** The session as it is now. Later records do not change what was given out. */
  snapshot(): StoredSession {
    return {
      nextSequence: this.#nextSequence,
      nextPacketId: this.#nextPacketId,
      messages: [...this.#received, ...this.#bound, ...this.#unbound],
      held: [...this.#held],
    }
  }

  #queue(record: QueuedRecord): void {
    // Numbers may be left out, because QoS 0 messages take one and are never journalled; they may not come again.
    if (!Number.isSafeInteger(record.sequence) || record.sequence < this.#nextSequence) {
      this.#refuse(record, `the sequence number has to be at least ${this.#nextSequence}`)
    }
    const { sequence, topic, payload, qos, retain } = record
    this.#unbound.add({ sequence, topic, payload, qos, retain, binding: undefined })
    this.#nextSequence = sequence + 1
  }

  #bind(record: Extract<JournalRecord, { readonly kind: 'bound' }>): void {
    const { sequence, packetId } = record
    this.#checkPacketId(record)
    const message = this.#unbound.get(sequence)
    if (message === undefined) return this.#refuse(record, this.#whyNotUnbound(sequence))
    // [MQTT-2.3.1-2] an identifier in use is not given to a second message
    if (this.#boundPacketIds.has(packetId)) this.#refuse(record, 'another message has this Packet Identifier')
    this.#unbound.delete(sequence)
    this.#bound.add(withBinding(message, { packetId, received: false }))
    this.#boundPacketIds.add(packetId)
    this.#nextPacketId = packetIdentifierAfter(packetId)
  }

  #receive(record: Extract<JournalRecord, { readonly kind: 'received' }>): void {
    const message = this.#bound.get(record.sequence)
    if (message === undefined) return this.#refuse(record, this.#whyNotBound(record.sequence))
    if (message.qos === 1) this.#refuse(record, 'the message has QoS 1, and PUBREC belongs to QoS 2')
    this.#bound.delete(record.sequence)
    const { packetId } = message.binding
    this.#received.add(withBinding(message, { packetId, received: true }))
  }

  #settle(record: Extract<JournalRecord, { readonly kind: 'settled' }>): void {
    const { sequence } = record
    const message = this.#received.get(sequence) ?? this.#bound.get(sequence)
    if (message === undefined) return this.#refuse(record, this.#whyNotBound(sequence))
    if (message.qos === 2 && !message.binding.received) this.#refuse(record, 'the message has QoS 2 and no PUBREC yet')
    this.#received.delete(sequence)
    this.#bound.delete(sequence)
    this.#boundPacketIds.delete(message.binding.packetId)
  }

  #forget(): void {
    this.#held.clear()
    if (this.#received.size === 0) return
    const bound = [...this.#received, ...this.#bound].sort((a, b) => a.sequence - b.sequence)
    this.#received.clear()
    this.#bound.clear()
    for (const message of bound) {
      const { packetId } = message.binding
      this.#bound.add(withBinding(message, { packetId, received: false }))
    }
  }

  #checkPacketId(record: Extract<JournalRecord, { readonly packetId: PacketIdentifier }>): void {
    if (!isPacketId(record.packetId)) this.#refuse(record, 'a Packet Identifier is between 1 and 65535')
  }

  #whyNotUnbound(sequence: number): string {
    return this.#bound.has(sequence) || this.#received.has(sequence)
      ? 'the message has a Packet Identifier already'
      : 'no such message is queued'
  }

  #whyNotBound(sequence: number): string {
    if (this.#received.has(sequence)) return 'PUBREC was noted already'
    return this.#unbound.has(sequence) ? 'the message has no Packet Identifier yet' : 'no such message is queued'
  }

  #refuse(record: DeniableRecord, reason: string): never {
    throw new StoreError(
      `record ${this.#recordCount + 1} of the log, ${describe(record)}, cannot stand there: ${reason}`,
    )
  }
}

/** The session that a whole log adds up to, starting from `session`. Throws a StoreError for an impossible log. */
export function replay(records: Iterable<JournalRecord>, session: StoredSession = emptySession): StoredSession {
  const reducer = SessionReducer.from(session)
  for (const record of records) reducer.apply(record)
  return reducer.snapshot()
}

/** The shortest log that adds up to the messages and identifiers of a session; the cursor is not in it. */
export function* recordsOf(session: StoredSession): Generator<JournalRecord, void, undefined> {
  const bySequence = [...session.messages].sort((a, b) => a.sequence - b.sequence)
  for (const { sequence, topic, payload, qos, retain } of bySequence) {
    yield { kind: 'queued', sequence, topic, payload, qos, retain }
  }
  for (const { sequence, binding } of session.messages) {
    if (binding === undefined) continue
    yield { kind: 'bound', sequence, packetId: binding.packetId }
    if (binding.received) yield { kind: 'received', sequence }
  }
  for (const packetId of session.held) yield { kind: 'held', packetId }
}

function withBinding(message: StoredMessage, binding: Binding): BoundMessage {
  const { sequence, topic, payload, qos, retain } = message
  return { sequence, topic, payload, qos, retain, binding }
}

function isPacketId(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= MAX_PACKET_IDENTIFIER
}

/** A record in words, without topic or payload: an error message is no place for what applications send. */
function describe(record: DeniableRecord): string {
  switch (record.kind) {
    case 'queued':
      return `queued (sequence ${record.sequence}, QoS ${record.qos})`
    case 'bound':
      return `bound (sequence ${record.sequence}, Packet Identifier ${record.packetId})`
    case 'received':
    case 'settled':
    case 'withdrawn':
      return `${record.kind} (sequence ${record.sequence})`
    case 'held':
    case 'released':
      return `${record.kind} (Packet Identifier ${record.packetId})`
  }
}
