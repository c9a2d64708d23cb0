/**
 * `mqtt311/codec`: bytes to Control Packets and back, for both sides of a connection.
 *
 * @module mqtt311/codec
 */

export {
  type Fault,
  isMqttError,
  type MalformedPacketDetails,
  MalformedPacketError,
  MqttError,
  type MqttErrorOptions,
  UsageError,
} from '../errors.js'
export type {
  AcknowledgementPacket,
  BarePacket,
  ConnackPacket,
  ConnectPacket,
  ControlPacket,
  DecodedPacket,
  PacketIdentifier,
  PacketName,
  PublishAcknowledgedPacket,
  PublishPacket,
  PublishQos0Packet,
  QoS,
  SubackPacket,
  SubscribePacket,
  SubscriptionRequest,
  UnnamedPublishAcknowledgedPacket,
  UnnamedPublishPacket,
  UnnamedPublishQos0Packet,
  UnsubscribePacket,
  Will,
} from './control-packet.js'
export { PacketDecoder } from './decode/packet-decoder.js'
export type { PacketAnomaly } from './decode/packet-reader.js'
export type { PacketDecoderOptions } from './decode/stream-decoder.js'
export { encodePacket, PacketWriter } from './encode/packet-writer.js'
export { MAX_PACKET_BYTES, MAX_REMAINING_LENGTH } from './fixed-header.js'
export { topicMatches, validateTopicFilter, validateTopicName } from './topic.js'
