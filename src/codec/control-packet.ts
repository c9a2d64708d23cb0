/** The fourteen Control Packets of MQTT 3.1.1 as plain values, one type for each, told apart by `type`. */

/** Quality of Service: at most once, at least once, exactly once (section 4.3). */
export type QoS = 0 | 1 | 2

/** An identifier of an exchange, 1 to 65,535 (section 2.3.1). */
export type PacketIdentifier = number

export interface Will<B extends Uint8Array = Uint8Array> {
  readonly topic: string
  readonly payload: B
  readonly qos: QoS
  readonly retain: boolean
}

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

export interface ConnackPacket {
  readonly type: 'connack'
  readonly sessionPresent: boolean
  /** 0 accepted, 1 to 5 refused (section 3.2.2.3). */
  readonly returnCode: number
}

export interface PublishQos0Packet<B extends Uint8Array = Uint8Array> {
  readonly type: 'publish'
  readonly topic: string
  readonly payload: B
  readonly retain: boolean
  readonly qos: 0
}

export interface PublishAcknowledgedPacket<B extends Uint8Array = Uint8Array> {
  readonly type: 'publish'
  readonly topic: string
  readonly payload: B
  readonly retain: boolean
  readonly qos: 1 | 2
  readonly packetId: PacketIdentifier
  readonly dup: boolean
}

export type PublishPacket<B extends Uint8Array = Uint8Array> = PublishQos0Packet<B> | PublishAcknowledgedPacket<B>

/** The five packets that are nothing but a Packet Identifier. */
export interface AcknowledgementPacket {
  readonly type: 'puback' | 'pubrec' | 'pubrel' | 'pubcomp' | 'unsuback'
  readonly packetId: PacketIdentifier
}

export interface SubscriptionRequest {
  readonly filter: string
  readonly qos: QoS
}

export interface SubscribePacket {
  readonly type: 'subscribe'
  readonly packetId: PacketIdentifier
  readonly subscriptions: readonly SubscriptionRequest[]
}

export interface SubackPacket {
  readonly type: 'suback'
  readonly packetId: PacketIdentifier
  /** For each Topic Filter in turn the granted QoS, or 0x80 for a refusal (section 3.9.3). */
  readonly returnCodes: readonly number[]
}

export interface UnsubscribePacket {
  readonly type: 'unsubscribe'
  readonly packetId: PacketIdentifier
  readonly filters: readonly string[]
}

export interface BarePacket {
  readonly type: 'pingreq' | 'pingresp' | 'disconnect'
}

export type ControlPacket<B extends Uint8Array = Uint8Array> =
  | ConnectPacket<B>
  | ConnackPacket
  | PublishPacket<B>
  | AcknowledgementPacket
  | SubscribePacket
  | SubackPacket
  | UnsubscribePacket
  | BarePacket

export type PacketName = ControlPacket['type']
