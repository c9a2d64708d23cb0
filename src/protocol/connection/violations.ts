import type { PacketName } from '../../codec/control-packet.js'
import { ProtocolViolationError } from '../../errors.js'

/** The violation of a well-formed packet that the server may not send in this phase, whatever its content. */
export function misplaced(name: PacketName, phase: 'new' | 'connecting' | 'connected'): ProtocolViolationError {
  const packet = name.toUpperCase()
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
  const text = `the server sent ${packet}, which only a client may send`
  return new ProtocolViolationError(text, { violation: 'client-only-packet', statement: 'MQTT-4.8.0-1' })
}
