import type { QoS } from '../codec/control-packet.js'

/** How much the queue takes. */
export interface QueueLimits {
  /** Messages. */
  readonly maxMessages: number
  /** Bytes, as `OutgoingMessage.bytes` counts them. */
  readonly maxBytes: number
  /** Milliseconds; a message that has waited longer is rejected. Infinity: never. */
  readonly maxAgeMs: number
  /** Who is rejected when a bound is reached: the newcomer, or the oldest that waits. */
  readonly overflow: 'reject' | 'drop-oldest'
}

/**
 * What holds messages back although window and socket would take them: a server that drops in silence what comes faster
 * than it allows. The engine asks before each PUBLISH, first or again, and comes back when it was told.
 */
export interface Pacer {
  /** True if a PUBLISH at this QoS may be sent now; it counts as sent then. */
  admit(qos: QoS, now: number): boolean
  /** When `admit` will say yes to this QoS. */
  nextAt(qos: QoS, now: number): number
}

/** What a session is told once; all times in milliseconds, all sizes in bytes. */
export interface SessionSettings {
  /** Whether the state ends with each connection (section 3.1.2.4). */
  readonly cleanSession: boolean
  /** 'kept' makes the engine emit journal records for a durable store. */
  readonly journal: 'kept' | 'none'
  /** How many messages of ours may be unacknowledged, 1 to 65,535. */
  readonly maxInFlight: number
  /** How many of them may be at QoS 2; undefined: all. */
  readonly maxInFlightQos2?: number | undefined
  /** How many incoming messages may be with their handlers. */
  readonly receiveWindow: number
  /** How many bytes of incoming messages may wait for their handlers before the socket is not read any more. */
  readonly receiveBufferBytes: number
  /** How many may wait while a handler seems to wait for an answer to what the program asked for. */
  readonly receiveBufferMaxBytes: number
  /** The bounds of the outgoing queue. */
  readonly queue: QueueLimits
  /** Undefined: messages go as fast as window and socket take them. */
  readonly pacer?: Pacer | undefined
  /**
   * From the writing of PUBLISH or PUBREL, or from when output last left, to the end of a connection that brought no
   * answer.
   */
  readonly ackTimeoutMs: number
  /** From the writing of SUBSCRIBE or UNSUBSCRIBE to its TimeoutError. */
  readonly operationTimeoutMs: number
  /** Topic Filters in one SUBSCRIBE of the engine's own, when it subscribes again. */
  readonly maxFiltersPerSubscribe: number
  /** Where Packet Identifiers start when the server kept a session of ours that we know nothing of. */
  readonly strangerPacketId: number
}
