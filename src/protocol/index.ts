/**
 * `mqtt311/protocol`: the engine without I/O. It is documented, but outside the promise of semantic versioning.
 *
 * @module mqtt311/protocol
 */

export { Connection, type ConnectionSettings } from './connection/connection.js'
export { KeepAlive } from './connection/keep-alive.js'
export { type Anomaly, type Driver, type PublishContent, publishPacket } from './driver.js'
export {
  type AcknowledgementName,
  type Awaited,
  type Exchange,
  nextStep,
  PublishExchange,
  RequestExchange,
  type Step,
} from './exchange/exchange.js'
export { ExchangeTable } from './exchange/exchange-table.js'
export { OutgoingMessage, type Place } from './exchange/outgoing-message.js'
export { MAX_PACKET_IDENTIFIER, PacketIdentifiers } from './exchange/packet-identifiers.js'
export type { Request, SubscribeRequest, UnsubscribeRequest } from './exchange/request.js'
export { Arrival, type IncomingPublish } from './incoming/arrival.js'
export { Incoming } from './incoming/incoming.js'
export type { JournalRecord, MessageContent, StoredMessage, StoredSession } from './journal/journal-record.js'
export { Outgoing } from './outgoing/outgoing.js'
export { type MessageDraft, OutgoingQueue } from './outgoing/outgoing-queue.js'
export { type RequestSettings, Requests } from './requests/requests.js'
export { Session } from './session.js'
export type { Pacer, QueueLimits, SessionSettings } from './session-settings.js'
