/**
 * What the engine asks to be remembered beyond the process: one ordered log of small records. A record is handed
 * over before the bytes, the settlement or the delivery that rely on it, so a driver that writes the log to disk
 * before it sends anything that came after keeps every promise of the session through a crash.
 *
 *   outgoing   queued -> bound -> [received] -> settled      withdrawn ends a message that was never bound
 *   incoming   held -> released                              QoS 2 only: from the end of the handler to PUBREL
 *   session    forgotten                                     the server lost the session: see below
 */
import type { PacketIdentifier } from '../../codec/control-packet.js'

/** One thing that happened to a session and that a later process must know. */
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
  /** The message has got its Packet Identifier: its PUBLISH may have been written. */
  | { readonly kind: 'bound'; readonly sequence: number; readonly packetId: PacketIdentifier }
  /** PUBREC came: from here on PUBREL is sent again, never the PUBLISH. */
  | { readonly kind: 'received'; readonly sequence: number }
  /** PUBACK or PUBCOMP came: the server owns the message. */
  | { readonly kind: 'settled'; readonly sequence: number }
  /** The message was taken back (aborted, dropped, expired) before it was bound. */
  | { readonly kind: 'withdrawn'; readonly sequence: number }
  /** The handler of an incoming QoS 2 message is done: copies are acknowledged and not delivered until `released`. */
  | { readonly kind: 'held'; readonly packetId: PacketIdentifier }
  /** PUBREL came: the identifier means a new message from here on. */
  | { readonly kind: 'released'; readonly packetId: PacketIdentifier }
  /** The server has lost the session: no identifier is held any more, and no bound message counts as received. */
  | { readonly kind: 'forgotten' }

/** One outgoing message as a session store gives it back. */
export interface StoredMessage {
  /** Its rank among all messages of the session, from 1. */
  readonly sequence: number
  /** The Topic Name. */
  readonly topic: string
  /** The Application Message. */
  readonly payload: Uint8Array
  /** At QoS 0 nothing is stored. */
  readonly qos: 1 | 2
  /** Whether the server is asked to keep it. */
  readonly retain: boolean
  /** Its Packet Identifier, and whether PUBREC has come; undefined while it waits for one. */
  readonly binding: { readonly packetId: PacketIdentifier; readonly received: boolean } | undefined
}

/** The whole of a stored session: what is left when its log is read from the start. */
export interface StoredSession {
  /** The sequence number of the next message; higher than any that was ever used. */
  readonly nextSequence: number
  /** The Packet Identifier after the one that was bound last: where the identifiers go on. */
  readonly nextPacketId: PacketIdentifier
  /** Messages in the order that resending them must have: bound ones received by the server in the order of PUBREC,
   * then bound ones in the order of binding, then unbound ones by sequence number. */
  readonly messages: readonly StoredMessage[]
  /** Packet Identifiers of incoming QoS 2 messages between the end of their handler and PUBREL. */
  readonly held: readonly PacketIdentifier[]
}
