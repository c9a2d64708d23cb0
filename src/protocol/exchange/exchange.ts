/**
 * An exchange is a packet of ours that the server has to answer, under one Packet Identifier. It is named by the
 * packet that it awaits:
 *
 *   PUBLISH QoS 1   puback   --PUBACK-->    settled
 *   PUBLISH QoS 2   pubrec   --PUBREC-->    pubcomp  --PUBCOMP-->  settled
 *   SUBSCRIBE       suback   --SUBACK-->    settled
 *   UNSUBSCRIBE     unsuback --UNSUBACK-->  settled
 *
 * `nextStep` is the whole of the table: what to do when a packet arrives for an exchange, or for none. The odd cells:
 *
 * - PUBREC while PUBCOMP is awaited: the server did not get our PUBREL (the connection was lost between) and repeats
 *   itself. PUBREL goes out again; the message never does.
 * - PUBREC for no exchange: we have finished and forgotten, the server has not. PUBREL lets it finish.
 * - PUBACK, PUBCOMP and UNSUBACK for no exchange: real servers send late copies after a reconnect. Nothing waits for
 *   them, so they are counted and ignored.
 * - SUBACK for no exchange: cannot be a late copy, because a SUBSCRIBE is never repeated under its identifier.
 * - The wrong kind of acknowledgement: the server answers at another QoS than we sent. Whatever we did next would be a
 *   guess.
 */
import type { PacketIdentifier } from '../../codec/control-packet.js'
import type { OutgoingMessage } from './outgoing-message.js'
import type { Request } from './request.js'

/** The packets that end an exchange of the client, or bring it one step on. */
export type AcknowledgementName = 'puback' | 'pubrec' | 'pubcomp' | 'suback' | 'unsuback'

/** The packet that an exchange awaits, or 'nothing' when the Packet Identifier is not in use. */
export type Awaited = AcknowledgementName | 'nothing'

/** What an acknowledgement does to an exchange. */
export type Step =
  /** The exchange is over and its identifier free. */
  | 'settle'
  /** The first PUBREC: from here on PUBREL, never PUBLISH. */
  | 'release'
  /** PUBREL once more, and no change of state. */
  | 'release-again'
  /** Not ours, harmless. */
  | 'ignore'
  /** A violation: nothing was asked under this identifier. */
  | 'unknown-suback'
  /** A violation: something else is awaited under it. */
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
    puback: 'wrong-acknowledgement',
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

/** What follows when `received` comes for an exchange that awaits `awaited`. */
export function nextStep(awaited: Awaited, received: AcknowledgementName): Step {
  return steps[awaited][received]
}

/** `sentAt` of an exchange whose packet has not been written on the present connection. */
export const NOT_SENT = Number.POSITIVE_INFINITY

/** The exchange of an outgoing message of QoS 1 or 2. */
export class PublishExchange<P> {
  /** From the first PUBLISH to the settlement. */
  readonly packetId: PacketIdentifier
  /** What is published. */
  readonly message: OutgoingMessage<P>
  /** The packet that brings it one step on. */
  awaits: 'puback' | 'pubrec' | 'pubcomp'
  /** When the packet that awaits its answer was last written on the present connection. */
  sentAt = NOT_SENT
  /** The one before it in the list of the exchange table. */
  previous: PublishExchange<P> | undefined = undefined
  /** The one behind it. */
  next: PublishExchange<P> | undefined = undefined

  constructor(packetId: PacketIdentifier, message: OutgoingMessage<P>, awaits: 'puback' | 'pubrec' | 'pubcomp') {
    this.packetId = packetId
    this.message = message
    this.awaits = awaits
  }
}

/** The exchange of a SUBSCRIBE or UNSUBSCRIBE. */
export class RequestExchange<R> {
  /** From the SUBSCRIBE or UNSUBSCRIBE to its answer, or to the end of the connection. */
  readonly packetId: PacketIdentifier
  /** What was asked. */
  readonly request: Request<R>
  /** The packet that answers it. */
  readonly awaits: 'suback' | 'unsuback'

  constructor(packetId: PacketIdentifier, request: Request<R>) {
    this.packetId = packetId
    this.request = request
    this.awaits = request.kind === 'subscribe' ? 'suback' : 'unsuback'
  }
}

/** Whatever holds a Packet Identifier of the client. */
export type Exchange<P, R> = PublishExchange<P> | RequestExchange<R>
