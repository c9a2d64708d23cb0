/**
 * What the engine asks of whoever drives it. The engine does nothing by itself: it is called with commands, packets and
 * the time, and answers through these methods before the call returns. A driver keeps these promises:
 *
 * - What `send`, `sendPublish` and `sendAcknowledgement` get goes to the server in that order, and after all that `record` got before has been made safe (if
 *   the session is kept in a store).
 * - After every call that passes `now`, it looks at `nextDeadline()` and calls `tick` when that time has come.
 * - After `closing`, nothing more is written on the connection, and it is closed without DISCONNECT.
 * - Methods other than `deliver` must not call back into the engine: what they are told is handed on when the engine's
 *   call has returned.
 * - After every call it looks at `moreWaits` of the connection: if that is true, it writes what was sent, and calls `pump`.
 */
import type {
  AcknowledgementPacket,
  ControlPacket,
  PacketIdentifier,
  PublishPacket,
  QoS,
} from '../codec/control-packet.js'
import type { MqttError } from '../errors.js'
import type { OutgoingMessage } from './exchange/outgoing-message.js'
import type { Request } from './exchange/request.js'
import type { Arrival } from './incoming/arrival.js'
import type { JournalRecord } from './journal/journal-record.js'

/** What a server did that is odd but harmless; counted, and reported for diagnosis. */
export type Anomaly =
  | 'unknown-puback'
  | 'unknown-pubrec'
  | 'unknown-pubcomp'
  | 'unknown-unsuback'
  | 'repeated-pubrec'
  | 'unknown-pubrel'
  | 'early-pubrel'
  | 'unsolicited-pingresp'

/** What a PUBLISH carries. */
export type PublishContent = Pick<PublishPacket, 'topic' | 'payload' | 'retain'>

/** The packet of a `sendPublish`, for a driver that wants packets. */
export function publishPacket(
  { topic, payload, retain }: PublishContent,
  qos: QoS,
  dup: boolean,
  packetId: PacketIdentifier | undefined,
): PublishPacket {
  if (qos === 0 || packetId === undefined) return { type: 'publish', topic, payload, retain, qos: 0 }
  return { type: 'publish', topic, payload, retain, qos, packetId, dup }
}

/** What the engine asks of the one who drives it: the only way in which it acts. */
export interface Driver<P, R> {
  /** Writes a packet that is neither a PUBLISH nor an acknowledgement, behind those before it. */
  send(packet: Exclude<ControlPacket, PublishPacket | AcknowledgementPacket>): void
  /**
   * Writes a PUBLISH, behind what was sent before it. `dup` is false and `packetId` undefined at QoS 0. The parts come one by one, so
   * that the hottest path makes no packet object for each message.
   */
  sendPublish(message: PublishContent, qos: QoS, dup: boolean, packetId: PacketIdentifier | undefined): void
  /** Writes an acknowledgement, behind what was sent before it. */
  sendAcknowledgement(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', packetId: PacketIdentifier): void
  /** Keeps a record beyond the process. Called only if the session was made with `journal: 'kept'`. */
  record(record: JournalRecord): void
  /**
   * Starts the handlers of a message. 'running' promises a later `handled` or `unhandled` for it. 'later' and 'aside' mean that
   * nothing was started: 'later' holds up the messages behind it until `resumeDelivery`, 'aside' lets them start, and the message is
   * offered again by `routesChanged`.
   */
  deliver(arrival: Arrival, packet: PublishPacket<Buffer>): 'done' | 'running' | 'later' | 'aside'
  /** A message was not kept, because there was no room for it. The session brings it again, or it is lost. */
  dropped(packet: PublishPacket<Buffer>, fate: 'comes again' | 'is lost'): void
  /** A publish has done what its QoS promises. */
  settled(message: OutgoingMessage<P>): void
  /** A publish was given up: dropped from the queue, or expired. */
  rejected(message: OutgoingMessage<P>, error: MqttError): void
  /** SUBACK or UNSUBACK came; for a SUBSCRIBE with a Return Code for each filter. */
  answered(request: Request<R>, returnCodes: readonly number[]): void
  /** No SUBACK or UNSUBACK came in time. */
  unanswered(request: Request<R>, error: MqttError): void
  /** Filters that were subscribed before were refused when they were subscribed again in a new session. */
  refused(filters: readonly string[]): void
  /** CONNACK with Return Code 0 came, and what it called for has been sent. */
  connected(sessionPresent: boolean): void
  /** The connection has to be closed, for this reason. */
  closing(error: MqttError): void
  /** The server did something odd but harmless. `packetId` is undefined for PINGRESP, which has none. */
  anomaly(anomaly: Anomaly, packetId: number | undefined): void
}
