import type { QoS } from '../codec/control-packet.js'

/** The bounds of the outgoing queue. */
export interface QueueLimits {
  /** The largest number of messages. */
  readonly maxMessages: number
  /** The largest number of bytes, as `OutgoingMessage.bytes` counts them. */
  readonly maxBytes: number
  /** A message that has waited for more milliseconds is rejected. Infinity: no limit. */
  readonly maxAgeMs: number
  /** Which message is rejected when a bound is reached: the new one, or the oldest one in the queue. */
  readonly overflow: 'reject' | 'drop-oldest'
}

/**
 * Limits the rate of PUBLISH packets, for a server that silently drops what exceeds its limit. The engine calls `admit` before each
 * PUBLISH, also before one that is sent again. If the answer is no, the engine asks again at the time of `nextAt`.
 */
export interface Pacer {
  /** Returns true if a PUBLISH at this QoS may be sent now; the pacer then counts it as sent. */
  admit(qos: QoS, now: number): boolean
  /** When `admit` will return true for this QoS. */
  nextAt(qos: QoS, now: number): number
}

/** The settings of a session. All times are in milliseconds, all sizes in bytes. */
export interface SessionSettings {
  /** Clean Session: whether the state ends with each connection (section 3.1.2.4). */
  readonly cleanSession: boolean
  /** 'kept': the engine emits journal records, for a durable store. */
  readonly journal: 'kept' | 'none'
  /**
   * What Session Present 0 means after Clean Session 0. 'always-0': nothing, because the server always says so, and goes on with the
   * session all the same. Only for a server that delivers a message at QoS 2 at its PUBLISH. Default 'reliable'.
   */
  readonly sessionPresent?: 'reliable' | 'always-0' | undefined
  /** 'always': SUBSCRIBE is sent on each connection, because a resumed session may have lost subscriptions. Default 'when-lost'. */
  readonly resubscribe?: 'when-lost' | 'always' | undefined
  /** Whether the connection ends at a violation that has one safe reading. If not, it is read so, and is an anomaly. */
  readonly strict: boolean
  /** Whether a PINGREQ may be sent to a server that holds answers back (see `Nudge`). */
  readonly nudge: boolean
  /** How many messages of ours may be unacknowledged, 1 to 65,535. */
  readonly maxInFlight: number
  /** How many of these may have QoS 2; undefined: all of them. */
  readonly maxInFlightQos2?: number | undefined
  /** How many incoming messages may be handled at the same time. */
  readonly receiveWindow: number
  /** When so many bytes of incoming messages wait for their handlers, the socket is not read. `ReadingPolicy` has the exceptions. */
  readonly receiveBufferBytes: number
  /** The same bound for the time in which a handler seems to wait for an answer of the server. */
  readonly receiveBufferMaxBytes: number
  /** The bounds of the outgoing queue. */
  readonly queue: QueueLimits
  /** Limits the rate of PUBLISH packets; undefined: no limit. */
  readonly pacer?: Pacer | undefined
  /**
   * If the answer to a PUBLISH or PUBREL does not come for so long, the connection is given up. The time counts from the packet, or
   * from the last progress of output (see `OutputProgress`).
   */
  readonly ackTimeoutMs: number
  /** The time from sending SUBSCRIBE or UNSUBSCRIBE to its TimeoutError. */
  readonly operationTimeoutMs: number
  /** After so many cuts that a message alone has caused, it is given up; Infinity: never. See `Suspects`. */
  readonly abandonAfter: number
  /** The largest number of Topic Filters in one SUBSCRIBE when the engine subscribes again by itself. */
  readonly maxFiltersPerSubscribe: number
  /** The first Packet Identifier if the server resumes a session that we do not know. */
  readonly strangerPacketId: number
}
