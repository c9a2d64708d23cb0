/**
 * A pure reducer: it turns a log of JournalRecords into a StoredSession.
 *
 * An outgoing message is in exactly one of three maps. The map shows the state of the message:
 *
 *   unbound    queued, no Packet Identifier yet     in the order of their sequence numbers
 *   bound      its PUBLISH may have been sent       in the order of binding
 *   received   PUBREC came                          in the order of PUBREC
 *
 * A message moves from one map to the end of the next. So messages have to be sent again [MQTT-4.6.0-1] in the order of the
 * maps: `received`, `bound`, `unbound`. Nothing is sorted, with one exception, the record `forgotten`: the server lost the
 * session, so the messages that it had received must be published again. They return to the bound ones, and all of these are sorted
 * by sequence number.
 *
 * A record that cannot follow the earlier ones is a fault of the writer of the log, or of the disk. The reducer refuses such a record
 * with a StoreError and changes nothing. It never guesses, because a wrong guess loses or doubles a message.
 */
import type { PacketIdentifier } from '../../codec/control-packet.js'
import { StoreError } from '../../errors.js'
import { MAX_PACKET_IDENTIFIER, packetIdentifierAfter } from '../exchange/packet-identifiers.js'
import { SequenceMap } from '../lists/sequence-map.js'
import type { JournalRecord, MessageContent, StoredMessage, StoredSession } from './journal-record.js'

/** The next sequence number and the next Packet Identifier. Messages move the cursor, and it stays when they are settled. */
export type SessionCursor = Pick<StoredSession, 'nextSequence' | 'nextPacketId'>

type Binding = NonNullable<StoredMessage['binding']>
/** A record that may be impossible at its place in the log. `forgotten` is possible at any place. */
type DeniableRecord = Exclude<JournalRecord, { readonly kind: 'forgotten' }>
type QueuedRecord = Extract<JournalRecord, { readonly kind: 'queued' }>

interface BoundMessage extends StoredMessage {
  readonly binding: Binding
}

/** A new session. */
export const emptySession: StoredSession = { nextSequence: 1, nextPacketId: 1, messages: [], held: [] }

/** Turns the records of a session, in their order, into its state. */
export class SessionReducer {
  readonly #unbound = new SequenceMap<StoredMessage>()
  readonly #bound = new SequenceMap<BoundMessage>()
  readonly #received = new SequenceMap<BoundMessage>()
  readonly #boundPacketIds = new Set<PacketIdentifier>()
  readonly #held = new Map<PacketIdentifier, MessageContent | undefined>()
  readonly #reserved = new Set<PacketIdentifier>()
  #nextSequence = emptySession.nextSequence
  #nextPacketId = emptySession.nextPacketId
  #recordCount = 0

  /** Begins with the state of `session`. The lists in `session` are copied. */
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

  /** The next sequence number and the next Packet Identifier. */
  get cursor(): SessionCursor {
    return { nextSequence: this.#nextSequence, nextPacketId: this.#nextPacketId }
  }

  /** Applies one record. Throws a StoreError, and changes nothing, if the record cannot follow the earlier ones. */
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
      case 'abandoned':
        this.#abandon(record)
        break
      case 'reserved':
        this.#checkPacketId(record)
        if (this.#isTaken(record.packetId)) this.#refuse(record, 'a message has this Packet Identifier')
        this.#reserved.add(record.packetId)
        break
      case 'held':
        this.#checkPacketId(record)
        if (this.#held.has(record.packetId)) this.#refuse(record, 'the identifier is held already')
        this.#held.set(record.packetId, record.content)
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
   * Sets the cursor. A log that begins with a snapshot needs this: the message that used the last identifier may have been settled
   * before the snapshot. Throws a StoreError if the next sequence number would go back, or if `nextPacketId` is no Packet Identifier.
   */
  advance(cursor: SessionCursor): void {
    if (cursor.nextSequence < this.#nextSequence) {
      throw new StoreError(
        `the cursor says that sequence ${cursor.nextSequence} is next, but ${this.#nextSequence - 1} was used already`,
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

  /** The session as it is now: a copy, which later records do not change. */
  snapshot(): StoredSession {
    return {
      nextSequence: this.#nextSequence,
      nextPacketId: this.#nextPacketId,
      messages: [...this.#received, ...this.#bound, ...this.#unbound],
      held: [...this.#held.keys()],
      contents: this.#contents,
      reserved: this.#reserved.size === 0 ? undefined : [...this.#reserved],
    }
  }

  get #contents(): StoredSession['contents'] {
    const noted = [...this.#held].flatMap(([packetId, content]) =>
      content === undefined ? [] : { packetId, ...content },
    )
    return noted.length === 0 ? undefined : noted
  }

  #queue(record: QueuedRecord): void {
    // The log has gaps: messages at QoS 0 have a sequence number too, but no record. No number may come twice.
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
    // [MQTT-2.3.1-2] no two messages have the same identifier
    if (this.#isTaken(packetId)) this.#refuse(record, 'another message has this Packet Identifier')
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

  #abandon(record: Extract<JournalRecord, { readonly kind: 'abandoned' }>): void {
    const message = this.#bound.get(record.sequence)
    if (message === undefined) return this.#refuse(record, this.#whyNotBound(record.sequence))
    const { packetId } = message.binding
    this.#bound.delete(record.sequence)
    this.#boundPacketIds.delete(packetId)
    // The server may have stored the message and await PUBREL, so this identifier would mean the abandoned message to it.
    if (message.qos === 2) this.#reserved.add(packetId)
  }

  #isTaken(packetId: PacketIdentifier): boolean {
    return this.#boundPacketIds.has(packetId) || this.#reserved.has(packetId)
  }

  #forget(): void {
    this.#held.clear()
    this.#reserved.clear()
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
    if (this.#received.has(sequence)) return 'PUBREC was recorded already'
    return this.#unbound.has(sequence) ? 'the message has no Packet Identifier yet' : 'no such message is queued'
  }

  #refuse(record: DeniableRecord, reason: string): never {
    throw new StoreError(
      `record ${this.#recordCount + 1} of the log, ${describe(record)}, cannot follow the records before it: ${reason}`,
    )
  }
}

/** The session after all records of a log, beginning with `session`. Throws a StoreError for an impossible log. */
export function replay(records: Iterable<JournalRecord>, session: StoredSession = emptySession): StoredSession {
  const reducer = SessionReducer.from(session)
  for (const record of records) reducer.apply(record)
  return reducer.snapshot()
}

/** The shortest log that results in the messages and held identifiers of a session. The cursor is not in the log. */
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
  const contents = new Map(session.contents?.map(({ packetId, ...content }) => [packetId, content]))
  for (const packetId of session.held) yield { kind: 'held', packetId, content: contents.get(packetId) }
  for (const packetId of session.reserved ?? []) yield { kind: 'reserved', packetId }
}

function withBinding(message: StoredMessage, binding: Binding): BoundMessage {
  const { sequence, topic, payload, qos, retain } = message
  return { sequence, topic, payload, qos, retain, binding }
}

function isPacketId(value: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= MAX_PACKET_IDENTIFIER
}

/** A record in words, without topic and payload: an error message must not show the data of an application. */
function describe(record: DeniableRecord): string {
  switch (record.kind) {
    case 'queued':
      return `queued (sequence ${record.sequence}, QoS ${record.qos})`
    case 'bound':
      return `bound (sequence ${record.sequence}, Packet Identifier ${record.packetId})`
    case 'received':
    case 'settled':
    case 'withdrawn':
    case 'abandoned':
      return `${record.kind} (sequence ${record.sequence})`
    case 'held':
    case 'released':
    case 'reserved':
      return `${record.kind} (Packet Identifier ${record.packetId})`
  }
}
