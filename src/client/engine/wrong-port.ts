/**
 * What a connection that ends before CONNACK says of the other end. Such an end mostly means that the port is not the one of an MQTT
 * server, or that it is the one for TLS. The first bytes of the two most frequent other protocols are no MQTT packet that a server
 * may send, so they are told by what they are.
 */
import { ConnectionLostError, MalformedPacketError } from '../../errors.js'
import type { Peer } from '../../transport/transport.js'

/** The record type of an alert, and the major version of all versions of TLS. */
const alertRecord = 0x15
const tlsMajor = 3

/** The error for first bytes that no decoder takes: a better one than `error` if they are those of another protocol. */
export function asOtherProtocol(error: Error, chunk: Buffer): Error {
  const [first, second = tlsMajor] = chunk
  if (first === alertRecord && second === tlsMajor) {
    const text = 'the server answers in TLS, where this connection is plain: connect with mqtts://, or set tls to true'
    return new ConnectionLostError(text, { reason: 'tls', cause: error })
  }
  if (!(error instanceof MalformedPacketError) || chunk.toString('latin1', 0, 5) !== 'HTTP/') return error
  const { fault, statement, offset, streamOffset } = error
  const text = 'this is a web server: it answered CONNECT with "HTTP/"'
  return new MalformedPacketError(text, { fault, statement, offset, streamOffset, cause: error })
}

/** The error for an end before CONNACK. Servers refuse in this way too, so it names what may be meant. */
export function endedBeforeConnack(end: Error, peer: Peer | undefined): Error {
  if (!(end instanceof ConnectionLostError) || end.cause instanceof MalformedPacketError) return end
  const { message, reason, cause } = end
  if (reason !== 'closed' && reason !== 'reset') return end
  const expected =
    peer?.tls === undefined ? 'perhaps it expects TLS (mqtts://)' : 'perhaps it expects a client certificate (tls.cert)'
  const text = `${message} instead of answering CONNECT: ${expected}, is no server of MQTT 3.1.1, or refuses this client`
  return new ConnectionLostError(text, { reason, cause })
}
