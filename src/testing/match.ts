/** Selects packets: those to which a rule of the server applies, or for which a test waits. */
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

/** Selects packets of a type: those that meet all given conditions. Default: all packets of the type. */
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

/** Checks that packets of this type are sent in this direction. @throws UsageError if not. */
export function requireName(call: string, name: PacketName, names: readonly PacketName[]): void {
  if (name === undefined) throw new UsageError(`${call} needs the type of a packet: one of ${names.join(', ')}`)
  requireOneOf(`the type of packet for ${call}`, name, names)
}

/** Checks the conditions. @throws UsageError if one has a wrong value, or does not fit this type of packet. */
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

/** Whether this packet, from or to the client with this identifier, meets the conditions. */
export function isMatch<Name extends PacketName>(
  packet: ControlPacket<Buffer>,
  name: Name,
  match: Match<Name>,
  clientId: string | undefined,
): packet is PacketOf<Name> {
  if (!isOf(packet, name)) return false
  if (match.clientId !== undefined && match.clientId !== clientId) return false
  if (match.topic !== undefined && !hasTopic(packet, match.topic)) return false
  return match.where === undefined || match.where(packet)
}

function hasTopic(packet: ControlPacket, topic: string): boolean {
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
