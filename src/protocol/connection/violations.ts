/** The errors that end a connection. */
import type { DecodedPacket } from '../../codec/control-packet.js'
import { ConnectionLostError, MalformedPacketError, ProtocolViolationError, TimeoutError } from '../../errors.js'

/** The connection is given up, so that the messages come again that had no room. */
export function gapFilled(): ConnectionLostError {
  return new ConnectionLostError('messages had no room: they come again on a new connection', {
    reason: 'redelivery',
  })
}

/** The error for a server from which no byte came after a PINGREQ. `option` has set the time. */
export function pingTimedOut(timeoutMs: number, option: string): TimeoutError {
  const text = `the server has not sent PINGRESP or any other byte within ${timeoutMs} ms (${option})`
  return new TimeoutError(text, { operation: 'ping', timeoutMs })
}

/** The violation of a server that resumes a session after Clean Session 1. */
export function unexpectedSession(): ProtocolViolationError {
  const text = 'the server sent Session Present 1, although CONNECT had Clean Session 1'
  const violation = 'session-present-after-clean-session'
  return new ProtocolViolationError(text, { violation, statement: 'MQTT-3.2.2-1' })
}

/** The violation of a well-formed packet that the server may not send in this phase, whatever its content. */
export function misplaced(
  name: DecodedPacket<boolean>['type'],
  phase: 'new' | 'connecting' | 'connected',
): ProtocolViolationError {
  const packet = name === 'unnamed-publish' ? 'PUBLISH' : name.toUpperCase()
  if (phase !== 'connected') {
    // [MQTT-3.2.0-1] The first packet of a server is CONNACK, as the answer to CONNECT.
    const missing = phase === 'connecting' ? 'CONNACK' : 'CONNECT was sent'
    const text = `the server sent ${packet} before ${missing}`
    return new ProtocolViolationError(text, { violation: 'before-connack', statement: 'MQTT-3.2.0-1' })
  }
  if (name === 'connack') {
    // [MQTT-3.2.0-1] CONNACK comes once on a connection, as the first packet.
    const text = 'the server sent a second CONNACK'
    return new ProtocolViolationError(text, { violation: 'second-connack', statement: 'MQTT-3.2.0-1' })
  }
  return clientOnly(`the server sent ${packet}, which only a client may send`)
}

function clientOnly(text: string, cause?: MalformedPacketError): ProtocolViolationError {
  return new ProtocolViolationError(text, { violation: 'client-only-packet', statement: 'MQTT-4.8.0-1', cause })
}

/**
 * The error of a decoder as the engine would tell it. With `from: 'server'` the decoder refuses at the first byte what only a client may
 * send; otherwise it would be decoded, and the engine would refuse it. Both are the same violation.
 */
export function asViolation(error: unknown): unknown {
  if (!(error instanceof MalformedPacketError) || error.fault !== 'wrong-sender') return error
  // The message is "received SUBSCRIBE, which only a client may send, [statement] at byte ...".
  const { message } = error
  return clientOnly(`the server sent${message.slice(message.indexOf(' '), message.indexOf(', ['))}`, error)
}
