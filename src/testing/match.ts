/** Which packets a rule of the server, or a wait of a program, is about. */
import type { ControlPacket, PacketName } from '../codec/control-packet.js'
import { topicFilterLength, topicMatches } from '../codec/topic.js'
import { UsageError } from '../errors.js'
import { requireFunction, requireOneOf, requireText } from './option-checks.js'

/** A Control Packet of one type. */
export type PacketOf<Name extends PacketName> = ControlPacket<Buffer> & {
  /** The type of the packet, as its lower-case name in the standard. */
  readonly type: Name
}

/** The types of packets that a client sends. */
export type ClientPacketName = Exclude<PacketName, 'connack' | 'suback' | 'unsuback' | 'pingresp'>

/** The types of packets that a server sends. */
export type ServerPacketName = Exclude<PacketName, 'connect' | 'subscribe' | 'unsubscribe' | 'pingreq' | 'disconnect'>

/** Which packets of a type are meant: those for which all that is given holds. By default, all of them. */
export interface Match<Name extends PacketName> {
  /** Only packets of the client with this Client Identifier. */
  readonly clientId?: string | undefined
  /**
   * For PUBLISH: only messages whose Topic Name matches this Topic Filter. For SUBSCRIBE and UNSUBSCRIBE: only packets that have
   * exactly this Topic Filter. Not for other types.
   */
  readonly topic?: string | undefined
  /** Only packets for which this function returns true. */
  readonly where?: ((packet: PacketOf<Name>) => boolean) | undefined
}

export const clientPacketNames: readonly ClientPacketName[] = [
  'connect',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'subscribe',
  'unsubscribe',
  'pingreq',
  'disconnect',
]

export const serverPacketNames: readonly ServerPacketName[] = [
  'connack',
  'publish',
  'puback',
  'pubrec',
  'pubrel',
  'pubcomp',
  'suback',
  'unsuback',
  'pingresp',
]

/** Refuses a type that does not go in this direction. @throws UsageError */
export function requireName(call: string, name: PacketName, names: readonly PacketName[]): void {
  if (name === undefined) throw new UsageError(`${call} needs the type of a packet: one of ${names.join(', ')}`)
  requireOneOf(`the type of packet for ${call}`, name, names)
}

/** Refuses a match that no packet of this type could pass by its kind. @throws UsageError */
export function requireMatch<Name extends PacketName>(name: Name, { clientId, topic, where }: Match<Name>): void {
  requireText('clientId', clientId)
  requireFunction('where', where)
  if (topic === undefined) return
  if (name !== 'publish' && name !== 'subscribe' && name !== 'unsubscribe') {
    throw new UsageError(`topic is for publish, subscribe and unsubscribe: ${name} has none`)
  }
  topicFilterLength(topic)
}

export function isOf<Name extends PacketName>(packet: ControlPacket<Buffer>, name: Name): packet is PacketOf<Name> {
  return packet.type === name
}

/** Whether a packet of the client with this identifier is meant. */
export function isMatch<Name extends PacketName>(
  packet: ControlPacket<Buffer>,
  name: Name,
  match: Match<Name>,
  clientId: string | undefined,
): packet is PacketOf<Name> {
  if (!isOf(packet, name)) return false
  if (match.clientId !== undefined && match.clientId !== clientId) return false
  if (match.topic !== undefined && !isAbout(packet, match.topic)) return false
  return match.where === undefined || match.where(packet)
}

function isAbout(packet: ControlPacket, topic: string): boolean {
  switch (packet.type) {
    case 'publish':
      return topicMatches(topic, packet.topic)
    case 'subscribe':
      return packet.subscriptions.some(({ filter }) => filter === topic)
    case 'unsubscribe':
      return packet.filters.includes(topic)
    default:
      return false
  }
}
