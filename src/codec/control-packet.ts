/** The fourteen Control Packets of MQTT 3.1.1 as plain values, one type for each, told apart by `type`. */

/** Quality of Service: at most once, at least once, exactly once (section 4.3). */
export type QoS = 0 | 1 | 2

/** An identifier of an exchange, 1 to 65,535 (section 2.3.1). */
export type PacketIdentifier = number

/** The will of a CONNECT: its topic, its message, and how it is to be published (section 3.1.2.5). */
export interface Will<B extends Uint8Array = Uint8Array> {
  readonly topic: string
  readonly payload: B
  readonly qos: QoS
  readonly retain: boolean
}

/** CONNECT: the client introduces itself (section 3.1). */
export interface ConnectPacket<B extends Uint8Array = Uint8Array> {
  readonly type: 'connect'
  readonly clientId: string
  readonly cleanSession: boolean
  /** Seconds, 0 to 65,535; 0 turns it off (section 3.1.2.10). */
  readonly keepAlive: number
  readonly username?: string | undefined
  readonly password?: B | undefined
  readonly will?: Will<B> | undefined
}

/** CONNACK: the server accepts or refuses a connection (section 3.2). */
export interface ConnackPacket {
  readonly type: 'connack'
  readonly sessionPresent: boolean
  /** 0 accepted, 1 to 5 refused (section 3.2.2.3). */
  readonly returnCode: number
}

/** PUBLISH at QoS 0: it has no Packet Identifier and is never sent again (section 3.3). */
export interface PublishQos0Packet<B extends Uint8Array = Uint8Array> {
  readonly type: 'publish'
  readonly topic: string
  readonly payload: B
  readonly retain: boolean
  readonly qos: 0
}

/** PUBLISH at QoS 1 or 2 (section 3.3). */
export interface PublishAcknowledgedPacket<B extends Uint8Array = Uint8Array> {
  readonly type: 'publish'
  readonly topic: string
  readonly payload: B
  readonly retain: boolean
  readonly qos: 1 | 2
  readonly packetId: PacketIdentifier
  readonly dup: boolean
}

/** PUBLISH: an Application Message, in either direction (section 3.3). */
export type PublishPacket<B extends Uint8Array = Uint8Array> = PublishQos0Packet<B> | PublishAcknowledgedPacket<B>

/** The five packets that are nothing but a Packet Identifier. */
export interface AcknowledgementPacket {
  readonly type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp' | 'unsuback'
  readonly packetId: PacketIdentifier
}

/** A Topic Filter, and the highest QoS that is asked for it (section 3.8.3). */
export interface SubscriptionRequest {
  readonly filter: string
  readonly qos: QoS
}

/** SUBSCRIBE: asks for the messages of one or more Topic Filters (section 3.8). */
export interface SubscribePacket {
  readonly type: 'subscribe'
  readonly packetId: PacketIdentifier
  readonly subscriptions: readonly SubscriptionRequest[]
}

/** SUBACK: what the server granted (section 3.9). */
export interface SubackPacket {
  readonly type: 'suback'
  readonly packetId: PacketIdentifier
  /** For each Topic Filter in turn the granted QoS, or 0x80 for a refusal (section 3.9.3). */
  readonly returnCodes: readonly number[]
}

/** UNSUBSCRIBE: gives Topic Filters back (section 3.10). */
export interface UnsubscribePacket {
  readonly type: 'unsubscribe'
  readonly packetId: PacketIdentifier
  readonly filters: readonly string[]
}

/** The three packets that are nothing but a fixed header (sections 3.12 to 3.14). */
export interface BarePacket {
  readonly type: 'pingreq' | 'pingresp' | 'disconnect'
}

/** Any Control Packet; `B` is the type of its payloads and of its password. */
export type ControlPacket<B extends Uint8Array = Uint8Array> =
  | ConnectPacket<B>
  | ConnackPacket
  | PublishPacket<B>
  | AcknowledgementPacket
  | SubscribePacket
  | SubackPacket
  | UnsubscribePacket
  | BarePacket

/** The lower-case name of a Control Packet type. */
export type PacketName = ControlPacket['type']
