/** The table of the fourteen Control Packet types (section 2.2.1), and the first bytes that follow from it. */
import { byteAt } from './byte-at.js'
import type { PacketName } from './control-packet.js'

/** A side of a connection. */
export type Side = 'client' | 'server'

export interface PacketType {
  readonly name: PacketName
  /** The upper four bits of the first byte. */
  readonly code: number
  /** The lower four bits of the first byte; undefined for PUBLISH, whose bits are DUP, QoS and RETAIN. */
  readonly flags: number | undefined
  /** The constant Remaining Length of the type; undefined if it varies. */
  readonly remainingLength: number | undefined
  /** The section that describes the fixed header. */
  readonly section: string
  /** The side that may send it (table 2.1). */
  readonly sender: Side | 'both'
}

function row(
  code: number,
  name: PacketName,
  flags: number | undefined,
  remainingLength: number | undefined,
  section: string,
  sender: Side | 'both',
): PacketType {
  return { code, name, flags, remainingLength, section, sender }
}

const connect = row(1, 'connect', 0b0000, undefined, '3.1.1', 'client')
const connack = row(2, 'connack', 0b0000, 2, '3.2.1', 'server')
const publish = row(3, 'publish', undefined, undefined, '3.3.1', 'both')
const puback = row(4, 'puback', 0b0000, 2, '3.4.1', 'both')
const pubrec = row(5, 'pubrec', 0b0000, 2, '3.5.1', 'both')
// [MQTT-3.6.1-1] bit 1 is set in PUBREL; the reason lies in MQTT 3.1
const pubrel = row(6, 'pubrel', 0b0010, 2, '3.6.1', 'both')
const pubcomp = row(7, 'pubcomp', 0b0000, 2, '3.7.1', 'both')
// [MQTT-3.8.1-1] bit 1 is set in SUBSCRIBE
const subscribe = row(8, 'subscribe', 0b0010, undefined, '3.8.1', 'client')
const suback = row(9, 'suback', 0b0000, undefined, '3.9.1', 'server')
// [MQTT-3.10.1-1] bit 1 is set in UNSUBSCRIBE
const unsubscribe = row(10, 'unsubscribe', 0b0010, undefined, '3.10.1', 'client')
const unsuback = row(11, 'unsuback', 0b0000, 2, '3.11.1', 'server')
const pingreq = row(12, 'pingreq', 0b0000, 0, '3.12.1', 'client')
const pingresp = row(13, 'pingresp', 0b0000, 0, '3.13.1', 'server')
// [MQTT-3.14.1-1] DISCONNECT has none of its flag bits set
const disconnect = row(14, 'disconnect', 0b0000, 0, '3.14.1', 'client')

export const packetTypes: Readonly<Record<PacketName, PacketType>> = {
  connect,
  connack,
  publish,
  puback,
  pubrec,
  pubrel,
  pubcomp,
  subscribe,
  suback,
  unsubscribe,
  unsuback,
  pingreq,
  pingresp,
  disconnect,
}

/** The type with this code in the upper four bits; undefined for 0 and 15, which are forbidden. */
export function packetTypeOfCode(code: number): PacketType | undefined {
  return Object.values(packetTypes).find((type) => type.code === code)
}

/** The flag bits of a PUBLISH (section 3.3.1). */
export const DUP_FLAG = 0b1000
export const QOS_SHIFT = 1
export const QOS_MASK = 0b11
export const RETAIN_FLAG = 0b0001

function isLegal(type: PacketType, flags: number): boolean {
  // [MQTT-2.2.2-1] all types but PUBLISH have constant flags
  if (type.flags !== undefined) return flags === type.flags
  const qos = (flags >> QOS_SHIFT) & QOS_MASK
  // [MQTT-3.3.1-4] the two QoS bits are never both set
  if (qos === 3) return false
  // [MQTT-3.3.1-2] a QoS 0 message is never a redelivery
  return qos > 0 || (flags & DUP_FLAG) === 0
}

/** The packet type for each value of the first byte; undefined if the type does not exist or forbids the flags. */
export const typeOfFirstByte: readonly (PacketType | undefined)[] = Array.from({ length: 256 }, (_, firstByte) => {
  const type = packetTypeOfCode(firstByte >> 4)
  return type !== undefined && isLegal(type, firstByte & 0b1111) ? type : undefined
})

type FirstBytes = readonly (PacketType | undefined)[]

function sentBy(side: Side): FirstBytes {
  return typeOfFirstByte.map((type) => (type?.sender === side || type?.sender === 'both' ? type : undefined))
}

/** The same for a decoder that reads DUP at QoS 0. */
function withDup(types: FirstBytes): FirstBytes {
  return types.map((type, firstByte) => (firstByte >> 1 === ((publish.code << 4) | DUP_FLAG) >> 1 ? publish : type))
}

const strict: Readonly<Record<Side | 'both', FirstBytes>> = {
  client: sentBy('client'),
  server: sentBy('server'),
  both: typeOfFirstByte,
}

/** The same for the packets that a decoder takes: from one side or from both, strict or not. */
export const firstBytes: Readonly<Record<'strict' | 'lenient', typeof strict>> = {
  strict,
  lenient: { client: withDup(strict.client), server: withDup(strict.server), both: withDup(strict.both) },
}

/** The first byte of a packet other than PUBLISH. */
export function firstByteOf(type: PacketType): number {
  // [MQTT-2.2.2-1] a packet is sent with the constant flags of its type
  return (type.code << 4) | (type.flags ?? 0)
}

/** The type of the packet that begins at `index`, for people: `PUBACK`, or the number if there is no such type. */
export function describeFirstByte(bytes: Uint8Array, index: number): string {
  const firstByte = byteAt(bytes, index)
  return packetTypeOfCode(firstByte >> 4)?.name.toUpperCase() ?? `packet type ${firstByte >> 4}`
}
