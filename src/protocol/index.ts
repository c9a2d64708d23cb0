/**
 * `mqtt311/protocol`: the engine without I/O. Documented for those who study or drive it; outside semantic versioning.
 *
 * @module mqtt311/protocol
 */

export { Arrival } from './arrival.js'
export { Connection, type ConnectionSettings } from './connection.js'
export type { Anomaly, Driver } from './driver.js'
export {
  type AcknowledgementName,
  type Awaited,
  type Exchange,
  nextStep,
  PublishExchange,
  RequestExchange,
  type Step,
} from './exchange.js'
export { ExchangeTable } from './exchange-table.js'
export { Incoming } from './incoming.js'
export type { JournalRecord, StoredMessage, StoredSession } from './journal-record.js'
export { KeepAlive } from './keep-alive.js'
export type { MessageDraft } from './message-intake.js'
export { Outgoing } from './outgoing.js'
export { OutgoingMessage, type Place } from './outgoing-message.js'
export { OutgoingQueue, type QueueLimits } from './outgoing-queue.js'
export type { Pacer } from './pacer.js'
export { MAX_PACKET_IDENTIFIER, PacketIdentifiers } from './packet-identifiers.js'
export {
  type Request,
  type RequestSettings,
  Requests,
  type SubscribeRequest,
  type UnsubscribeRequest,
} from './requests.js'
export { Session } from './session.js'
export type { SessionSettings } from './session-settings.js'
