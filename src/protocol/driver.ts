/**
 * The interface between the engine and its driver. The engine does nothing by itself: the driver calls it with commands, packets and
 * the time, and the engine calls these methods of the driver before its own call returns. A driver must do the following:
 *
 * - It writes the packets of `send`, `sendPublish` and `sendAcknowledgement` in the order of these calls. If the session is kept in a
 *   store, it writes a packet only after all records of earlier `record` calls are safe.
 * - After every call into the engine that passes `now`, it reads `nextDeadline()`, and calls `tick` when that time has come.
 * - After `closing` it writes nothing more on the connection, and closes it without DISCONNECT.
 * - `deliver` is its only method that may call into the engine. It acts on the reports of the other methods when the call into the
 *   engine has returned.
 * - After every call into the engine it reads `moreWaits` of the connection: if that is true, it writes the output and calls `pump`.
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
import type { Request, SubscribeRequest } from './exchange/request.js'
import type { Arrival } from './incoming/arrival.js'
import type { JournalRecord } from './journal/journal-record.js'

/** Something odd but harmless that a server did; it is counted, and reported for diagnosis. */
export type Anomaly =
  | 'unknown-puback'
  | 'unknown-pubrec'
  | 'unknown-pubcomp'
  | 'unknown-unsuback'
  | 'repeated-pubrec'
  | 'unknown-pubrel'
  | 'early-pubrel'
  | 'unsolicited-pingresp'
  | 'unknown-suback'
  | 'puback-at-qos-2'
  | 'unanswered-pubrel'
  | 'reused-identifier'
  | 'session-present-after-clean-session'

/** The content of a PUBLISH. */
export type PublishContent = Pick<PublishPacket, 'topic' | 'payload' | 'retain'>

/** Makes the packet for a call of `sendPublish`, for a driver that needs a packet object. */
export function publishPacket(
  { topic, payload, retain }: PublishContent,
  qos: QoS,
  dup: boolean,
  packetId: PacketIdentifier | undefined,
): PublishPacket {
  if (qos === 0 || packetId === undefined) return { type: 'publish', topic, payload, retain, qos: 0 }
  return { type: 'publish', topic, payload, retain, qos, packetId, dup }
}

/** The driver, as the engine sees it: the engine acts only through these methods. */
export interface Driver<P, R> {
  /** Writes a packet that is neither a PUBLISH nor an acknowledgement, after all earlier packets. */
  send(packet: Exclude<ControlPacket, PublishPacket | AcknowledgementPacket>): void
  /**
   * Writes a PUBLISH, after all earlier packets. At QoS 0 `dup` is false and `packetId` is undefined. There is no packet object, so
   * that none has to be made for each message.
   */
  sendPublish(message: PublishContent, qos: QoS, dup: boolean, packetId: PacketIdentifier | undefined): void
  /** Writes an acknowledgement, after all earlier packets. */
  sendAcknowledgement(type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp', packetId: PacketIdentifier): void
  /** Stores a record for a later process. The engine calls this only if the session was made with `journal: 'kept'`. */
  record(record: JournalRecord): void
  /**
   * Starts the handlers of a message. 'done': they have ended already. 'running': the driver will call `handled`, `unhandled` or
   * `notStarted` for the message. 'later': no handler was started, and the message and all behind it wait until `resumeDelivery`.
   * 'aside': no handler was started, and the messages behind this one may start; `routesChanged` offers it again.
   */
  deliver(arrival: Arrival, packet: PublishPacket<Buffer>): 'done' | 'running' | 'later' | 'aside'
  /** A message was not kept, because there was no room for it. `fate` says whether the session brings it again. */
  dropped(packet: PublishPacket<Buffer>, fate: 'comes again' | 'is lost'): void
  /** A publish is complete: its message was written (QoS 0), or its last acknowledgement came (QoS 1 and 2). */
  settled(message: OutgoingMessage<P>): void
  /** A message was dropped from the queue, or expired. */
  rejected(message: OutgoingMessage<P>, error: MqttError): void
  /** A message is given up, because the server closes the connection at it. A record of that was made. */
  abandoned(message: OutgoingMessage<P>, error: MqttError): void
  /** These requests stand for this one from now on: one for each of its Topic Filters. */
  divided(request: SubscribeRequest<R>, parts: readonly SubscribeRequest<R>[]): void
  /** SUBACK or UNSUBACK came. SUBACK has a Return Code for each Topic Filter; UNSUBACK has none. */
  answered(request: Request<R>, returnCodes: ArrayLike<number>): void
  /** No SUBACK or UNSUBACK came in time. */
  unanswered(request: Request<R>, error: MqttError): void
  /**
   * The engine subscribed again in a new session of the server. The server refused these Topic Filters, which it had granted before:
   * with SUBACK, or by closing the connection.
   */
  refused(filters: readonly string[]): void
  /** CONNACK with Return Code 0 came, and the packets that have to follow it were sent. */
  connected(sessionPresent: boolean): void
  /** The connection must be closed; `error` is the reason. */
  closing(error: MqttError): void
  /** The server did something odd but harmless. `packetId` is undefined for PINGRESP and CONNACK, which have none. */
  anomaly(anomaly: Anomaly, packetId: number | undefined): void
}
