/**
 * An exchange begins with a packet of ours that the server has to answer, and has one Packet Identifier. Its state has the name of the
 * packet that it awaits:
 *
 *   PUBLISH QoS 1   puback   --PUBACK-->    settled
 *   PUBLISH QoS 2   pubrec   --PUBREC-->    pubcomp  --PUBCOMP-->  settled
 *   SUBSCRIBE       suback   --SUBACK-->    settled
 *   UNSUBSCRIBE     unsuback --UNSUBACK-->  settled
 *
 * `nextStep` has the whole table: what to do when an acknowledgement comes for an exchange, or for none. The unusual cases:
 *
 * - PUBREC while PUBCOMP is awaited: the server did not get our PUBREL, because a connection was lost, and sends PUBREC again.
 *   PUBREL is sent again, but the message never is.
 * - PUBREC for no exchange: we have completed the exchange, the server has not. PUBREL lets the server complete it.
 * - PUBACK, PUBCOMP and UNSUBACK for no exchange: real servers send late copies after a reconnect. They are counted and ignored.
 * - SUBACK for no exchange: it cannot be a late copy, because a SUBSCRIBE is never sent twice with the same identifier.
 * - PUBACK while PUBREC is awaited: a server without QoS 2 has the message. The exchange is settled, because a stored message would
 *   come back at each start. A strict session then ends the connection.
 * - Any other wrong kind of acknowledgement: for example, PUBREC for a PUBLISH at QoS 1. After it we could only guess the state of
 *   the server.
 */
import type { PacketIdentifier } from '../../codec/control-packet.js'
import type { OutgoingMessage } from './outgoing-message.js'
import type { Request } from './request.js'

/** The packets that end an exchange of the client, or bring it to its next state. */
export type AcknowledgementName = 'puback' | 'pubrec' | 'pubcomp' | 'suback' | 'unsuback'

/** The packet that an exchange awaits; 'nothing' if the Packet Identifier is not in use. */
export type Awaited = AcknowledgementName | 'nothing'

/** The effect of an acknowledgement. */
export type Step =
  /** The exchange is over, and its identifier is free. */
  | 'settle'
  /** A server without QoS 2 has the message: the exchange is over, and its identifier is free. */
  | 'settle-at-qos-1'
  /** The first PUBREC: send PUBREL, and never PUBLISH again. */
  | 'release'
  /** Another PUBREC: send PUBREL again; the state does not change. */
  | 'release-again'
  /** A harmless packet for no exchange: ignore it. */
  | 'ignore'
  /** A violation: no request has this identifier. */
  | 'unknown-suback'
  /** A violation: the exchange awaits another packet. */
  | 'wrong-acknowledgement'

const steps: { readonly [awaited in Awaited]: { readonly [received in AcknowledgementName]: Step } } = {
  puback: {
    puback: 'settle',
    pubrec: 'wrong-acknowledgement',
    pubcomp: 'wrong-acknowledgement',
    suback: 'wrong-acknowledgement',
    unsuback: 'wrong-acknowledgement',
  },
  pubrec: {
    puback: 'settle-at-qos-1',
    pubrec: 'release',
    pubcomp: 'wrong-acknowledgement',
    suback: 'wrong-acknowledgement',
    unsuback: 'wrong-acknowledgement',
  },
  pubcomp: {
    puback: 'wrong-acknowledgement',
    pubrec: 'release-again',
    pubcomp: 'settle',
    suback: 'wrong-acknowledgement',
    unsuback: 'wrong-acknowledgement',
  },
  suback: {
    puback: 'wrong-acknowledgement',
    pubrec: 'wrong-acknowledgement',
    pubcomp: 'wrong-acknowledgement',
    suback: 'settle',
    unsuback: 'wrong-acknowledgement',
  },
  unsuback: {
    puback: 'wrong-acknowledgement',
    pubrec: 'wrong-acknowledgement',
    pubcomp: 'wrong-acknowledgement',
    suback: 'wrong-acknowledgement',
    unsuback: 'settle',
  },
  nothing: {
    puback: 'ignore',
    pubrec: 'release-again',
    pubcomp: 'ignore',
    suback: 'unknown-suback',
    unsuback: 'ignore',
  },
}

/** The step when `received` comes for an exchange that awaits `awaited`. */
export function nextStep(awaited: Awaited, received: AcknowledgementName): Step {
  return steps[awaited][received]
}

/** `sentAt` of an exchange whose packet was not sent on the present connection. */
export const NOT_SENT = Infinity

/** The exchange of an outgoing message of QoS 1 or 2. */
export class PublishExchange<P> {
  /** The identifier, from the first PUBLISH to the last acknowledgement. */
  readonly packetId: PacketIdentifier
  /** The message. */
  readonly message: OutgoingMessage<P>
  /** The packet that brings the exchange to its next state. */
  awaits: 'puback' | 'pubrec' | 'pubcomp'
  /** When PUBLISH (or PUBREL, after PUBREC) was last sent on the present connection. */
  sentAt = NOT_SENT
  /** On how many connections PUBREL was sent again. */
  releases = 0
  /** The exchange before it in the list of the exchange table. */
  previous: PublishExchange<P> | undefined = undefined
  /** The exchange after it. */
  next: PublishExchange<P> | undefined = undefined

  constructor(packetId: PacketIdentifier, message: OutgoingMessage<P>, awaits: 'puback' | 'pubrec' | 'pubcomp') {
    this.packetId = packetId
    this.message = message
    this.awaits = awaits
  }
}

/** The exchange of a SUBSCRIBE or UNSUBSCRIBE. */
export class RequestExchange<R> {
  /** The identifier, from the SUBSCRIBE or UNSUBSCRIBE to its answer, or to the end of the connection. */
  readonly packetId: PacketIdentifier
  /** The request. */
  readonly request: Request<R>
  /** The packet that answers the request. */
  readonly awaits: 'suback' | 'unsuback'

  constructor(packetId: PacketIdentifier, request: Request<R>) {
    this.packetId = packetId
    this.request = request
    this.awaits = request.kind === 'subscribe' ? 'suback' : 'unsuback'
  }
}

/** Every exchange: all that can have a Packet Identifier of the client. */
export type Exchange<P, R> = PublishExchange<P> | RequestExchange<R>
