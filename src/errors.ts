/**
 * Every error of this package, grouped by blame.
 *
 *   the peer's fault     MalformedPacketError     bytes that are no Control Packet
 *                        ProtocolViolationError   a well-formed packet where it may not stand
 *                        ConnectionRefusedError   CONNACK with a Return Code above 0
 *                        SubscribeRefusedError    SUBACK with 0x80
 *   the caller's fault   UsageError               refused before a byte is written
 *                        QueueFullError           more was asked than the bounded queue takes
 *                        HandlerError             a handler of messages threw
 *   nobody's fault       ConnectionLostError, TimeoutError, ClosedError, StoreError
 *
 * Tell them apart by `code`. A message names the rule that was broken, the value and what to do; it never
 * holds a password or a secret.
 */

import { brandOf, MqttError, type MqttErrorOptions } from './mqtt-error.js'

export { type DeliveryState, MqttError, type MqttErrorOptions } from './mqtt-error.js'

/** What is wrong with the bytes; one literal for each kind of fault, stable across releases. */
export type Fault =
  | 'packet-type'
  | 'reserved-flags'
  | 'remaining-length'
  | 'packet-too-large'
  | 'packet-length'
  | 'truncated'
  | 'trailing-bytes'
  | 'utf8'
  | 'nul-character'
  | 'packet-identifier'
  | 'qos'
  | 'dup'
  | 'topic-name'
  | 'topic-filter'
  | 'empty-payload'
  | 'return-code'
  | 'acknowledge-flags'
  | 'session-present'
  | 'protocol-name'
  | 'protocol-level'
  | 'connect-flags'
  | 'client-identifier'
  | 'unexpected-end'

/** What and where the fault is. */
export interface MalformedPacketDetails extends MqttErrorOptions {
  /** What is wrong. */
  readonly fault: Fault
  /** The statement of the standard that is broken, such as `MQTT-1.5.3-1`, or its section where it has no number. */
  readonly statement: string
  /** Where the fault stands, counted in bytes from the first byte of the Control Packet that holds it. */
  readonly offset: number
  /** The same place, counted from the first byte that the decoder was ever given. */
  readonly streamOffset: number
}

/** The peer sent bytes that are no MQTT 3.1.1 Control Packet. The connection is closed: nothing after them can be trusted. */
export class MalformedPacketError extends MqttError {
  /** Always this. */
  readonly code = 'MQTT_MALFORMED_PACKET'
  /** What is wrong; stable across releases. */
  readonly fault: Fault
  /** The statement of the standard that is broken, such as `MQTT-1.5.3-1`, or its section where it has no number. */
  readonly statement: string
  /** Where the fault stands, counted in bytes from the first byte of the Control Packet that holds it. */
  readonly offset: number
  /** The same place, counted from the first byte of the connection. */
  readonly streamOffset: number

  /** `details` become properties of the error, and part of its message. */
  constructor(message: string, details: MalformedPacketDetails) {
    super(
      `${message} [${details.statement}] at byte ${details.offset} of the packet (byte ${details.streamOffset} of the stream)`,
      details,
    )
    this.fault = details.fault
    this.statement = details.statement
    this.offset = details.offset
    this.streamOffset = details.streamOffset
  }

  /** @internal */
  override get kind() {
    return 'MalformedPacketError'
  }
}

/**
 * How a well-formed packet broke the protocol; stable across releases. The last three are the fault of a client, as
 * `mqtt311/testing` sees it.
 */
export type Violation =
  | 'before-connack'
  | 'second-connack'
  | 'client-only-packet'
  | 'session-present-after-clean-session'
  | 'wrong-acknowledgement'
  | 'unknown-suback'
  | 'suback-length'
  | 'identifier-in-use'
  | 'before-connect'
  | 'second-connect'
  | 'server-only-packet'

/** How the peer broke the protocol, and which statement of the standard forbids it. */
export interface ProtocolViolationDetails extends MqttErrorOptions {
  /** What the peer did. */
  readonly violation: Violation
  /** The statement of the standard that forbids it, or its section where it has no number. */
  readonly statement: string
}

/** The peer sent a well-formed packet that it may not send in this state. The connection is closed without DISCONNECT. */
export class ProtocolViolationError extends MqttError {
  /** Always this. */
  readonly code = 'MQTT_PROTOCOL_VIOLATION'
  /** What the peer did; stable across releases. */
  readonly violation: Violation
  /** The statement of the standard that forbids it, or its section where it has no number. */
  readonly statement: string

  /** `details` become properties of the error. */
  constructor(message: string, details: ProtocolViolationDetails) {
    super(`${message} [${details.statement}]`, details)
    this.violation = details.violation
    this.statement = details.statement
  }

  /** @internal */
  override get kind() {
    return 'ProtocolViolationError'
  }
}

/** What was asked cannot be done: a value that the standard, the server's profile or this library refuses. */
export class UsageError extends MqttError {
  /** Always this. */
  readonly code = 'MQTT_USAGE'
  /** The statement of the standard that the value would break, if it is one. */
  readonly statement: string | undefined

  /** `options.statement` becomes a property of the error, and part of its message. */
  constructor(message: string, options: MqttErrorOptions & { readonly statement?: string | undefined } = {}) {
    super(options.statement === undefined ? message : `${message} [${options.statement}]`, options)
    this.statement = options.statement
  }

  /** @internal */
  override get kind() {
    return 'UsageError'
  }
}

/** What each CONNACK Return Code from 1 to 5 says (section 3.2.2.3). */
const refusals: Readonly<Record<number, string>> = {
  1: 'the server does not speak MQTT 3.1.1 (protocol level 4)',
  2: 'the server does not allow this Client Identifier',
  3: 'the server is unavailable',
  4: 'bad user name or password',
  5: 'this client is not authorised to connect',
}

/** The server answered CONNECT with a Return Code above 0. */
export class ConnectionRefusedError extends MqttError {
  /** Always this. */
  readonly code = 'MQTT_CONNECTION_REFUSED'
  /** The Return Code of CONNACK, 1 to 5 (section 3.2.2.3). */
  readonly returnCode: number

  /** The message says what the Return Code means. */
  constructor(returnCode: number, options: MqttErrorOptions = {}) {
    super(
      `the server refused the connection with Return Code ${returnCode}: ${refusals[returnCode] ?? 'reserved'}`,
      options,
    )
    this.returnCode = returnCode
  }

  /** @internal */
  override get kind() {
    return 'ConnectionRefusedError'
  }
}

/** Why a connection could not be opened, or ended; stable across releases. */
export type LossReason =
  /** The server ended it, or something on the way did in its name. */
  | 'closed'
  /** Nothing listens at this address and port. */
  | 'refused'
  /** There is no way to this address from here. */
  | 'unreachable'
  /** The system gave up: nothing came back. */
  | 'timed-out'
  /** It was cut without an end. */
  | 'reset'
  /** The resolver has no address for this name. */
  | 'name-not-found'
  /** The certificate is no longer valid, or not yet. */
  | 'certificate-expired'
  /** The certificate ends in a root that is not trusted. */
  | 'certificate-untrusted'
  /** The certificate belongs to another name. */
  | 'certificate-name'
  /** The handshake failed for another reason. */
  | 'tls'
  /** The `credentials` function threw or rejected. */
  | 'credentials'
  /** There is none, and what was asked does not wait for one. */
  | 'offline'
  /** It was ended on purpose, so that the server sends again what could not be handled. */
  | 'redelivery'
  /** It was ended on purpose: the server left too many requests unanswered that were given up, and each holds a Packet Identifier. */
  | 'unanswered'
  /** Three in a row were cut soon after CONNACK; the message says what is probable. */
  | 'short-lived'
  /** `cause` says what the system reported. */
  | 'other'

/** Why there is no connection. */
export interface ConnectionLostDetails extends MqttErrorOptions {
  /** Why; stable across releases. */
  readonly reason: LossReason
}

/** There is no connection, or it ended. `cause` is the error of the operating system, of TLS or of the resolver. */
export class ConnectionLostError extends MqttError {
  /** Always this. */
  readonly code = 'MQTT_CONNECTION_LOST'
  /** Why; stable across releases. */
  readonly reason: LossReason

  /** `details` become properties of the error. */
  constructor(message: string, details: ConnectionLostDetails) {
    super(message, details)
    this.reason = details.reason
  }

  /** @internal */
  override get kind() {
    return 'ConnectionLostError'
  }
}

/** What did not happen in time. */
export type TimedOperation = 'connect' | 'ping' | 'acknowledgement' | 'subscribe' | 'unsubscribe' | 'queue' | 'register'

/** What was waited for, and for how many milliseconds. */
export interface TimeoutDetails extends MqttErrorOptions {
  /** What was waited for. */
  readonly operation: TimedOperation
  /** Milliseconds. */
  readonly timeoutMs: number
}

/** An answer did not come within its time-out. */
export class TimeoutError extends MqttError {
  /** Always this. */
  readonly code = 'MQTT_TIMEOUT'
  /** What was waited for. */
  readonly operation: TimedOperation
  /** For how many milliseconds. */
  readonly timeoutMs: number

  /** `details` become properties of the error. */
  constructor(message: string, details: TimeoutDetails) {
    super(message, details)
    this.operation = details.operation
    this.timeoutMs = details.timeoutMs
  }

  /** @internal */
  override get kind() {
    return 'TimeoutError'
  }
}

/** The client was ended before this could be done. */
export class ClosedError extends MqttError {
  /** Always this. */
  readonly code = 'MQTT_CLOSED'

  /** @internal */
  override get kind() {
    return 'ClosedError'
  }
}

/** The outgoing queue has reached one of its bounds. */
export class QueueFullError extends MqttError {
  /** Always this. */
  readonly code = 'MQTT_QUEUE_FULL'

  /** @internal */
  override get kind() {
    return 'QueueFullError'
  }
}

/** The server answered SUBSCRIBE with Return Code 0x80 for these Topic Filters. */
export class SubscribeRefusedError extends MqttError {
  /** Always this. */
  readonly code = 'MQTT_SUBSCRIBE_REFUSED'
  /** The Topic Filters that were refused. */
  readonly filters: readonly string[]

  /** The message names the filters: the first ten, and how many more there are. */
  constructor(filters: readonly string[], options: MqttErrorOptions = {}) {
    const named = filters.slice(0, 10).map((filter) => JSON.stringify(filter))
    const more = filters.length - named.length
    super(`the server refused to subscribe ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`, options)
    this.filters = filters
  }

  /** @internal */
  override get kind() {
    return 'SubscribeRefusedError'
  }
}

/** A handler of messages threw, and `onHandlerError` did not say that the client goes on. The message stays unacknowledged. */
export class HandlerError extends MqttError {
  /** Always this. */
  readonly code = 'MQTT_HANDLER'
  /** The Topic Name of the message. */
  readonly topic: string

  /** `cause` is what the handler threw. */
  constructor(topic: string, cause: unknown) {
    const advice = "catch it in the handler, or answer 'acknowledge' or 'redeliver' in the option onHandlerError"
    super(`the handler of a message on ${JSON.stringify(topic)} failed${reasonOf(cause)}: ${advice}`, { cause })
    this.topic = topic
  }

  /** @internal */
  override get kind() {
    return 'HandlerError'
  }
}

function reasonOf(cause: unknown): string {
  try {
    return cause instanceof Error ? ` (${cause.name}: ${cause.message})` : ''
  } catch {
    // What was thrown answers no question.
    return ''
  }
}

/** The session store failed. What had been stored stays stored. */
export class StoreError extends MqttError {
  /** Always this. */
  readonly code = 'MQTT_STORE'

  /** @internal */
  override get kind() {
    return 'StoreError'
  }
}

/** All errors that this package makes: after `isMqttError(e)`, a `switch` on `e.code` narrows to the class. */
export type AnyMqttError =
  | MalformedPacketError
  | ProtocolViolationError
  | UsageError
  | ConnectionRefusedError
  | ConnectionLostError
  | TimeoutError
  | ClosedError
  | QueueFullError
  | SubscribeRefusedError
  | HandlerError
  | StoreError

/** True for an error of this package, whichever copy of it (ESM or CommonJS) made the error. */
export function isMqttError(value: unknown): value is AnyMqttError {
  return brandOf(value) !== undefined
}
