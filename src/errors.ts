/**
 * Every error of this package, grouped by blame.
 *
 *   the peer's fault     MalformedPacketError     bytes that are no Control Packet
 *                        ProtocolViolationError   a well-formed packet that is not allowed at this time
 *                        ConnectionRefusedError   CONNACK with a Return Code above 0
 *                        SubscribeRefusedError    SUBACK with 0x80 or more
 *   the caller's fault   UsageError               a value or a call that is refused before a byte is written
 *                        QueueFullError           the outgoing queue is at one of its bounds
 *                        HandlerError             a handler of messages threw
 *   nobody's fault       ConnectionLostError, TimeoutError, ClosedError, StoreError
 *
 * A program tells them apart by `code`. A message names the broken rule, the value and what to do; it never has a
 * password or a secret.
 */

import { reasonOf } from './realms/foreign-values.js'
import { brandOf, MqttError, type MqttErrorOptions } from './realms/mqtt-error.js'

export { type DeliveryState, MqttError, type MqttErrorOptions } from './realms/mqtt-error.js'

/** The kind of fault in the bytes. Each name is stable across releases. */
export type Fault =
  | 'packet-type'
  | 'wrong-sender'
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

/** The kind and the place of a fault. */
export interface MalformedPacketDetails extends MqttErrorOptions {
  /** The kind of fault. */
  readonly fault: Fault
  /** The broken statement of the standard, such as `MQTT-1.5.3-1`; its section if it has no number. */
  readonly statement: string
  /** The place of the fault, in bytes from the first byte of its Control Packet. */
  readonly offset: number
  /** The same place, in bytes from the first byte that the decoder got. */
  readonly streamOffset: number
}

/** The peer sent bytes that are no MQTT 3.1.1 Control Packet. The connection is closed, because later bytes cannot be trusted. */
export class MalformedPacketError extends MqttError {
  /** The code of this class, which never changes. */
  readonly code = 'MQTT_MALFORMED_PACKET'
  /** The kind of fault; stable across releases. */
  readonly fault: Fault
  /** The broken statement of the standard, such as `MQTT-1.5.3-1`; its section if it has no number. */
  readonly statement: string
  /** The place of the fault, in bytes from the first byte of its Control Packet. */
  readonly offset: number
  /** The same place, in bytes from the first byte of the connection. */
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
 * How a well-formed packet violates the protocol. Each name is stable across releases. The last three are faults of a client, which
 * only the server of `mqtt311/testing` reports.
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

/** The violation, and the statement of the standard that forbids it. */
export interface ProtocolViolationDetails extends MqttErrorOptions {
  /** The kind of violation. */
  readonly violation: Violation
  /** The statement of the standard that forbids it; its section if it has no number. */
  readonly statement: string
}

/** The peer sent a well-formed packet that it may not send at this time. The connection is closed without DISCONNECT. */
export class ProtocolViolationError extends MqttError {
  /** The code of this class, which never changes. */
  readonly code = 'MQTT_PROTOCOL_VIOLATION'
  /** The kind of violation; stable across releases. */
  readonly violation: Violation
  /** The statement of the standard that forbids it; its section if it has no number. */
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

/** The standard, the profile of the server or this package refuses a value or a call of the program. */
export class UsageError extends MqttError {
  /** The code of this class, which never changes. */
  readonly code = 'MQTT_USAGE'
  /** The statement of the standard that the value would break; undefined if another rule refuses the value. */
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

/** The meaning of each CONNACK Return Code from 1 to 5 (section 3.2.2.3). */
const refusals: Readonly<Record<number, string>> = {
  1: 'the server does not speak MQTT 3.1.1 (protocol level 4)',
  2: 'the server does not allow this Client Identifier',
  3: 'the server is unavailable',
  4: 'bad user name or password',
  5: 'this client is not authorised to connect',
}

/** The server answered CONNECT with a Return Code above 0. */
export class ConnectionRefusedError extends MqttError {
  /** The code of this class, which never changes. */
  readonly code = 'MQTT_CONNECTION_REFUSED'
  /** The Return Code of CONNACK, 1 to 5 (section 3.2.2.3). */
  readonly returnCode: number

  /** The message has the meaning of the Return Code. */
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

/** Why a connection ended or could not be opened. Each name is stable across releases. */
export type LossReason =
  /** The server closed it, or a device on the way did so. */
  | 'closed'
  /** No server listens at this address and port. */
  | 'refused'
  /** There is no route to this address. */
  | 'unreachable'
  /** The operating system gave up, because no answer came. */
  | 'timed-out'
  /** It was cut without being closed. */
  | 'reset'
  /** The resolver has no address for this name. */
  | 'name-not-found'
  /** The certificate has expired, or is not valid yet. */
  | 'certificate-expired'
  /** The root of the certificate is not trusted. */
  | 'certificate-untrusted'
  /** The certificate is for another name. */
  | 'certificate-name'
  /** The TLS handshake failed for another reason. */
  | 'tls'
  /** The `credentials` function threw or rejected. */
  | 'credentials'
  /** There is no connection, and the call does not wait for one. */
  | 'offline'
  /** The client closed it, so that the server sends messages again that could not be handled. */
  | 'redelivery'
  /** The client closed it: too many abandoned requests were unanswered, and each of them kept a Packet Identifier. */
  | 'unanswered'
  /** The server closed it each time that it got one message and nothing else. The client has given that message up. */
  | 'refused-by-closing'
  /** Three connections in a row were cut soon after CONNACK; the message has the probable reason. */
  | 'short-lived'
  /** Another reason; `cause` is the error of the operating system. */
  | 'other'

/** Why there is no connection. */
export interface ConnectionLostDetails extends MqttErrorOptions {
  /** The reason. */
  readonly reason: LossReason
}

/** The connection ended, or there is none. `cause` is the error of the operating system, of TLS or of the resolver. */
export class ConnectionLostError extends MqttError {
  /** The code of this class, which never changes. */
  readonly code = 'MQTT_CONNECTION_LOST'
  /** The reason; stable across releases. */
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

/** The operation that took too long. */
export type TimedOperation = 'connect' | 'ping' | 'acknowledgement' | 'subscribe' | 'unsubscribe' | 'queue' | 'register'

/** The operation and its time limit. */
export interface TimeoutDetails extends MqttErrorOptions {
  /** The operation that took too long. */
  readonly operation: TimedOperation
  /** The time limit in milliseconds. */
  readonly timeoutMs: number
}

/** An answer did not come within its time-out. */
export class TimeoutError extends MqttError {
  /** The code of this class, which never changes. */
  readonly code = 'MQTT_TIMEOUT'
  /** The operation that took too long. */
  readonly operation: TimedOperation
  /** The time limit in milliseconds. */
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

/** The client, or the test server, was closed before the call was complete. */
export class ClosedError extends MqttError {
  /** The code of this class, which never changes. */
  readonly code = 'MQTT_CLOSED'

  /** @internal */
  override get kind() {
    return 'ClosedError'
  }
}

/** The outgoing queue is at one of its bounds. */
export class QueueFullError extends MqttError {
  /** The code of this class, which never changes. */
  readonly code = 'MQTT_QUEUE_FULL'

  /** @internal */
  override get kind() {
    return 'QueueFullError'
  }
}

/** Return Codes of MQTT 5 that some servers send in MQTT 3.1.1 too. */
const refusedFilters: Readonly<Record<number, string>> = { 135: ': not authorised', 143: ': Topic Filter invalid' }

function refusedFilter(filter: string, code: number, closedFor: readonly string[] = []): string {
  const detail = code === 0x80 ? '' : ` (0x${code.toString(16)}${refusedFilters[code] ?? ''})`
  if (closedFor.includes(filter))
    return `${JSON.stringify(filter)} (it closed the connection each time it was asked for this filter alone)`
  return `${JSON.stringify(filter)}${detail}`
}

/** What the server answered. */
export interface SubscribeRefusedDetails extends MqttErrorOptions {
  /** The Return Code of each refused Topic Filter; 0x80 if it is missing. */
  readonly returnCodes?: readonly number[] | undefined
  /** The Topic Filters for which the server has closed the connection, three times, instead of sending SUBACK. */
  readonly closedFor?: readonly string[] | undefined
}

/** The server refused these Topic Filters: by SUBACK with Return Code 0x80 (without `strict: true`, or more), or by closing the connection. */
export class SubscribeRefusedError extends MqttError {
  /** The code of this class, which never changes. */
  readonly code = 'MQTT_SUBSCRIBE_REFUSED'
  /** The Topic Filters that were refused. */
  readonly filters: readonly string[]
  /** The Return Code of each of these Topic Filters, 0x80 to 0xFF (section 3.9.3). */
  readonly returnCodes: readonly number[]

  /** The message names the filters: the first ten, and how many more there are. */
  constructor(filters: readonly string[], details: SubscribeRefusedDetails = {}) {
    const returnCodes = filters.map((_, index) => details.returnCodes?.[index] ?? 0x80)
    const named = filters
      .slice(0, 10)
      .map((filter, index) => refusedFilter(filter, returnCodes[index] ?? 0x80, details.closedFor))
    const more = filters.length - named.length
    super(`the server refused to subscribe ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`, details)
    this.filters = filters
    this.returnCodes = returnCodes
  }

  /** @internal */
  override get kind() {
    return 'SubscribeRefusedError'
  }
}

/** A handler of messages threw, and `onHandlerError` did not let the client continue. The message stays unacknowledged. */
export class HandlerError extends MqttError {
  /** The code of this class, which never changes. */
  readonly code = 'MQTT_HANDLER'
  /** The Topic Name of the message. */
  readonly topic: string

  /** `cause` is the value that the handler threw. */
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

/** The session store failed. Records that were stored before stay stored. */
export class StoreError extends MqttError {
  /** The code of this class, which never changes. */
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
