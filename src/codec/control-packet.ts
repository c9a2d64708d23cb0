/** The fourteen Control Packets of MQTT 3.1.1 as plain objects; the member `type` names the Control Packet. */

/** Quality of Service: at most once, at least once, exactly once (section 4.3). */
export type QoS = 0 | 1 | 2

/** A Packet Identifier, 1 to 65,535 (section 2.3.1). */
export type PacketIdentifier = number

/** The will of a CONNECT: its topic, its message, and how it is to be published (section 3.1.2.5). */
export interface Will<B extends Uint8Array = Uint8Array> {
  /** The Will Topic: a Topic Name (section 3.1.3.2). */
  readonly topic: string
  /** The Will Message, at most 65,535 bytes (section 3.1.3.3). */
  readonly payload: B
  /** The QoS at which it is published (section 3.1.2.6). */
  readonly qos: QoS
  /** Whether it is published as a retained message (section 3.1.2.7). */
  readonly retain: boolean
}

/** CONNECT: the client introduces itself (section 3.1). */
export interface ConnectPacket<B extends Uint8Array = Uint8Array> {
  readonly type: 'connect'
  /** The Client Identifier; if it is empty, the server makes one (section 3.1.3.1). */
  readonly clientId: string
  /** Whether client and server start without a Session, and keep none (section 3.1.2.4). */
  readonly cleanSession: boolean
  /** Keep Alive in seconds, 0 to 65,535; 0 turns Keep Alive off (section 3.1.2.10). */
  readonly keepAlive: number
  /** The User Name, at most 65,535 bytes of UTF-8 (section 3.1.3.4). */
  readonly username?: string | undefined
  /** The Password, at most 65,535 bytes; allowed only with a User Name (section 3.1.3.5). */
  readonly password?: B | undefined
  /** The will: the server publishes it when the connection ends without DISCONNECT (section 3.1.2.5). */
  readonly will?: Will<B> | undefined
}

/** CONNACK: the server accepts or refuses a connection (section 3.2). */
export interface ConnackPacket {
  readonly type: 'connack'
  /** True if the server has kept the Session of this client and resumes it (section 3.2.2.2). */
  readonly sessionPresent: boolean
  /** The Return Code: 0 accepts, 1 to 5 refuse (section 3.2.2.3). */
  readonly returnCode: number
}

/** PUBLISH at QoS 0: without a Packet Identifier, and never sent again (section 3.3). */
export interface PublishQos0Packet<B extends Uint8Array = Uint8Array> {
  readonly type: 'publish'
  /** The Topic Name, 1 to 65,535 bytes of UTF-8 without wildcards (section 3.3.2.1). */
  readonly topic: string
  /** The Application Message; it may be empty (section 3.3.3). */
  readonly payload: B
  /** To the server: keep this message. From it: this message was kept (section 3.3.1.3). */
  readonly retain: boolean
  /** At most once (section 4.3.1). */
  readonly qos: 0
}

/** PUBLISH at QoS 1 or 2 (section 3.3). */
export interface PublishAcknowledgedPacket<B extends Uint8Array = Uint8Array> {
  readonly type: 'publish'
  /** The Topic Name, 1 to 65,535 bytes of UTF-8 without wildcards (section 3.3.2.1). */
  readonly topic: string
  /** The Application Message; it may be empty (section 3.3.3). */
  readonly payload: B
  /** To the server: keep this message. From it: this message was kept (section 3.3.1.3). */
  readonly retain: boolean
  /** At least once, or exactly once (section 4.3). */
  readonly qos: 1 | 2
  /** The Packet Identifier, 1 to 65,535; the acknowledgements carry the same (section 2.3.1). */
  readonly packetId: PacketIdentifier
  /** True if the sender may have sent this packet before (section 3.3.1.1). */
  readonly dup: boolean
}

/** PUBLISH: an Application Message, in either direction (section 3.3). */
export type PublishPacket<B extends Uint8Array = Uint8Array> = PublishQos0Packet<B> | PublishAcknowledgedPacket<B>

/**
 * A PUBLISH at QoS 0 with a Topic Name that is no text: ill-formed UTF-8, or with U+0000 (section 1.5.3). Only a decoder with
 * `strict: false` makes this packet, and no encoder takes it.
 */
export interface UnnamedPublishQos0Packet<B extends Uint8Array = Uint8Array>
  extends Omit<PublishQos0Packet<B>, 'type' | 'topic'> {
  /** Not `publish`, so that nobody takes it for a message that has a Topic Name. */
  readonly type: 'unnamed-publish'
  /** The bytes of the Topic Name. */
  readonly topicBytes: B
}

/** The same at QoS 1 or 2. It is to be acknowledged: otherwise the server sends it again in each connection of the Session. */
export interface UnnamedPublishAcknowledgedPacket<B extends Uint8Array = Uint8Array>
  extends Omit<PublishAcknowledgedPacket<B>, 'type' | 'topic'> {
  /** Not `publish`, so that nobody takes it for a message that has a Topic Name. */
  readonly type: 'unnamed-publish'
  /** The bytes of the Topic Name. */
  readonly topicBytes: B
}

/** A PUBLISH with a Topic Name that is no text. */
export type UnnamedPublishPacket<B extends Uint8Array = Uint8Array> =
  | UnnamedPublishQos0Packet<B>
  | UnnamedPublishAcknowledgedPacket<B>

/** The five packets that have a Packet Identifier and no other field. */
export interface AcknowledgementPacket {
  readonly type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp' | 'unsuback'
  /** The Packet Identifier of the acknowledged packet. */
  readonly packetId: PacketIdentifier
}

/** A Topic Filter and its requested QoS (section 3.8.3). */
export interface SubscriptionRequest {
  /** The Topic Filter, 1 to 65,535 bytes of UTF-8 (section 4.7). */
  readonly filter: string
  /** The highest QoS at which the server may deliver. */
  readonly qos: QoS
}

/** SUBSCRIBE: asks for the messages of one or more Topic Filters (section 3.8). */
export interface SubscribePacket {
  readonly type: 'subscribe'
  /** The Packet Identifier; SUBACK carries the same. */
  readonly packetId: PacketIdentifier
  /** At least one subscription (section 3.8.3). */
  readonly subscriptions: readonly SubscriptionRequest[]
}

/**
 * SUBACK: the server grants or refuses each Topic Filter (section 3.9). A decoder gives the Return Codes as bytes, one byte for each;
 * an encoder takes an array or bytes.
 */
export interface SubackPacket<Codes extends ArrayLike<number> = ArrayLike<number>> {
  readonly type: 'suback'
  /** The Packet Identifier of the SUBSCRIBE. */
  readonly packetId: PacketIdentifier
  /**
   * A Return Code for each Topic Filter, in order: the granted QoS, or 0x80 for a refusal (section 3.9.3). With `strict: false` a
   * decoder also gives the reserved codes above 0x80.
   */
  readonly returnCodes: Codes
}

/** UNSUBSCRIBE: ends the subscriptions of Topic Filters (section 3.10). */
export interface UnsubscribePacket {
  readonly type: 'unsubscribe'
  /** The Packet Identifier; UNSUBACK carries the same. */
  readonly packetId: PacketIdentifier
  /** At least one Topic Filter, each with exactly the characters of its SUBSCRIBE (section 3.10.3). */
  readonly filters: readonly string[]
}

/** The three packets that have only a fixed header (sections 3.12 to 3.14). */
export interface BarePacket {
  readonly type: 'pingreq' | 'pingresp' | 'disconnect'
}

/** Any Control Packet; `B` is the type of the payload and of the password, `Codes` that of the Return Codes of SUBACK. */
export type ControlPacket<B extends Uint8Array = Uint8Array, Codes extends ArrayLike<number> = ArrayLike<number>> =
  | ConnectPacket<B>
  | ConnackPacket
  | PublishPacket<B>
  | AcknowledgementPacket
  | SubscribePacket
  | SubackPacket<Codes>
  | UnsubscribePacket
  | BarePacket

/** What a decoder makes of bytes; only if it is not strict, also a PUBLISH with a Topic Name that is no text. */
export type DecodedPacket<Strict extends boolean = true> =
  | ControlPacket<Buffer, Uint8Array>
  | (Strict extends true ? never : UnnamedPublishPacket<Buffer>)

/** The lower-case name of a Control Packet type. */
export type PacketName = ControlPacket['type']
