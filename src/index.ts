/**
 * `mqtt311`: the client.
 *
 * @module mqtt311
 */

export { connect, MqttClient } from './client/mqtt-client.js'
export type {
  ClientEvents,
  ClientOptions,
  ClientState,
  ClientStats,
  CloseEvent,
  ConnectOptions,
  Credentials,
  CredentialsAttempt,
  EndOptions,
  FilterRequest,
  Filters,
  GrantedFilter,
  HandlerErrorAction,
  Message,
  MessageHandler,
  MessageStream,
  MessagesOptions,
  OfflineEvent,
  OnlineEvent,
  PacketCounts,
  PingOptions,
  PublishOptions,
  PublishRate,
  QueueOptions,
  ReconnectOptions,
  RefusedEvent,
  ServerOptions,
  ServerProfile,
  SubscribeOptions,
  Subscription,
  WillOptions,
} from './client/options/client-options.js'
export type { QoS } from './codec/control-packet.js'
export {
  type AnyMqttError,
  ClosedError,
  type ConnectionLostDetails,
  ConnectionLostError,
  ConnectionRefusedError,
  type DeliveryState,
  type Fault,
  isMqttError,
  type LossReason,
  type MalformedPacketDetails,
  MalformedPacketError,
  MqttError,
  type MqttErrorOptions,
  type ProtocolViolationDetails,
  ProtocolViolationError,
  QueueFullError,
  StoreError,
  SubscribeRefusedError,
  type TimedOperation,
  type TimeoutDetails,
  TimeoutError,
  UsageError,
  type Violation,
} from './errors.js'
export type { SessionStore } from './store/session-store.js'
