/**
 * The journal: one ordered log of small records, with everything that a later process must know of the session. The engine
 * emits a record before it sends the bytes, settles the publish or delivers the message that relies on the record. So a driver
 * must first write the record to disk, and only then send what the engine sent after it. Then the session survives a crash.
 *
 *   outgoing   queued -> bound -> [received] -> settled      withdrawn ends a message that was never bound
 *                        bound -> abandoned                  the server closes the connection at this message, again and again
 *   incoming   held -> released                              QoS 2 only: from the end of the handlers to PUBREL
 *   session    forgotten                                     the server lost the session
 */
import type { PacketIdentifier } from '../../codec/control-packet.js'

/** What identifies an incoming message beside its Packet Identifier, after its payload is gone. */
export interface MessageContent {
  /** The length of the payload. */
  readonly bytes: number
  /** 32 bits of a checksum of Topic Name and payload. */
  readonly checksum: number
}

/** One event of a session that a later process must know. */
export type JournalRecord =
  /** `publish()` accepted a message; `sequence` rises by one with each message of the session. */
  | {
      readonly kind: 'queued'
      readonly sequence: number
      readonly topic: string
      readonly payload: Uint8Array
      readonly qos: 1 | 2
      readonly retain: boolean
    }
  /** The message has a Packet Identifier now: its PUBLISH may have been sent. */
  | { readonly kind: 'bound'; readonly sequence: number; readonly packetId: PacketIdentifier }
  /** PUBREC came: from now on PUBREL may be sent again, but never the PUBLISH. */
  | { readonly kind: 'received'; readonly sequence: number }
  /** PUBACK or PUBCOMP came: the server has the message, and the exchange is over. */
  | { readonly kind: 'settled'; readonly sequence: number }
  /** The message left the queue before it was bound: it was aborted, dropped or expired. */
  | { readonly kind: 'withdrawn'; readonly sequence: number }
  /** The client has given the message up: it was bound, and PUBREC has not come. */
  | { readonly kind: 'abandoned'; readonly sequence: number }
  /** Only in a snapshot: an abandoned message at QoS 2 had this identifier, and the server may know it. */
  | { readonly kind: 'reserved'; readonly packetId: PacketIdentifier }
  /**
   * The handlers of an incoming QoS 2 message have ended: until `released`, copies are acknowledged and not delivered. The content is
   * noted only for a server that goes on with a session although it says that it has none.
   */
  | { readonly kind: 'held'; readonly packetId: PacketIdentifier; readonly content?: MessageContent | undefined }
  /** PUBREL came: from now on a PUBLISH with this identifier is a new message. */
  | { readonly kind: 'released'; readonly packetId: PacketIdentifier }
  /** The server has lost the session: all held and reserved identifiers are free, and no bound message counts as received. */
  | { readonly kind: 'forgotten' }

/** One outgoing message in a stored session. */
export interface StoredMessage {
  /** The number of the message in the session: it rises with each message, from 1. */
  readonly sequence: number
  /** The Topic Name. */
  readonly topic: string
  /** The Application Message. */
  readonly payload: Uint8Array
  /** The QoS; messages at QoS 0 are not stored. */
  readonly qos: 1 | 2
  /** RETAIN: whether the server is to keep the message for later subscribers. */
  readonly retain: boolean
  /** The Packet Identifier, and whether PUBREC has come; undefined while the message has no Packet Identifier. */
  readonly binding: { readonly packetId: PacketIdentifier; readonly received: boolean } | undefined
}

/** A stored session: the result of all records of its log. */
export interface StoredSession {
  /** The sequence number of the next message; higher than every earlier one. */
  readonly nextSequence: number
  /** The Packet Identifier to try next: the one after the last that was bound. */
  readonly nextPacketId: PacketIdentifier
  /**
   * The messages in the order in which they have to be sent again: first those with PUBREC, in the order of PUBREC; then the other
   * bound ones, in the order of binding; then the unbound ones, by sequence number.
   */
  readonly messages: readonly StoredMessage[]
  /** Packet Identifiers of incoming QoS 2 messages whose handlers have ended and whose PUBREL has not come. */
  readonly held: readonly PacketIdentifier[]
  /** The contents of those messages, as far as they were noted. Undefined if none was. */
  readonly contents?: readonly (MessageContent & { readonly packetId: PacketIdentifier })[] | undefined
  /**
   * Packet Identifiers of abandoned messages at QoS 2: no message gets one of them before the server has lost the session. Undefined
   * if there are none.
   */
  readonly reserved?: readonly PacketIdentifier[] | undefined
}
