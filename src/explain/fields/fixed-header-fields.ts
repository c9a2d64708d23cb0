/** The first bytes of every packet: type, flags and Remaining Length (section 2.2). */

import type { PacketName } from '../../codec/control-packet.js'
import { DUP_FLAG, packetTypeOfCode, QOS_MASK, QOS_SHIFT, RETAIN_FLAG } from '../../codec/packet-type.js'
import type { AnnotationPart } from '../annotation.js'
import { bitsOf, groupDigits } from '../listing/numerals.js'
import type { FieldWalk } from './field-walk.js'

/** The promise of each Quality of Service (section 4.3). */
const promises = ['at most once', 'at least once', 'exactly once', 'forbidden'] as const

/** The promise of a QoS, a number of two bits. */
export function promiseOf(qos: number): string {
  return promises[qos & QOS_MASK] ?? 'forbidden'
}

/** The purpose of each packet. For QoS 1 and 2 this is the step of the exchange (section 4.3). */
const purposes: Readonly<Record<Exclude<PacketName, 'publish'>, string>> = {
  connect: 'a client says hello',
  connack: 'the server answers',
  puback: 'QoS 1, 2 of 2: received',
  pubrec: 'QoS 2, 2 of 4: received',
  pubrel: 'QoS 2, 3 of 4: released',
  pubcomp: 'QoS 2, 4 of 4: done',
  subscribe: 'asks for messages',
  suback: 'what is granted',
  unsubscribe: 'no more of these',
  unsuback: 'no more, agreed',
  pingreq: 'are you still there?',
  pingresp: 'still here',
  disconnect: 'goodbye: no will',
}

/** The purpose of a PUBLISH, by its QoS. */
const publishPurposes = ['a message, sent once', 'QoS 1, 1 of 2: message', 'QoS 2, 1 of 4: message'] as const

export interface PacketStart {
  /** Undefined for the packet types 0 and 15, which are forbidden. */
  readonly name: PacketName | undefined
  readonly flags: number
}

/** Names the type, the flags and the Remaining Length, and sets the end of the walk to the end of the packet. */
export function walkFixedHeader(walk: FieldWalk): PacketStart {
  const firstByte = walk.byte('Fixed header', '2.2', (byte) => ({
    value: packetNameOf(byte)?.toUpperCase() ?? 'forbidden',
    meaning: purposeOf(byte),
    parts: [typePart(byte), ...flagParts(byte)],
  }))
  walkRemainingLength(walk)
  return firstByte === undefined
    ? { name: undefined, flags: 0 }
    : { name: packetNameOf(firstByte), flags: firstByte & 0b1111 }
}

function packetNameOf(firstByte: number): PacketName | undefined {
  return packetTypeOfCode(firstByte >> 4)?.name
}

function purposeOf(firstByte: number): string {
  const name = packetNameOf(firstByte)
  if (name === undefined) return ''
  return name === 'publish' ? (publishPurposes[(firstByte >> QOS_SHIFT) & QOS_MASK] ?? 'a message') : purposes[name]
}

function typePart(byte: number): AnnotationPart {
  const meaning = packetNameOf(byte)?.toUpperCase() ?? 'reserved, forbidden'
  return { bits: bitsOf(byte, 0xf0), field: 'Packet type', value: `${byte >> 4}`, meaning, section: '2.2.1' }
}

function flagParts(byte: number): AnnotationPart[] {
  if (packetNameOf(byte) !== 'publish') {
    const value = (byte & 0b1111).toString(2).padStart(4, '0')
    return [{ bits: bitsOf(byte, 0x0f), field: 'Flags', value, meaning: 'reserved', section: '2.2.2' }]
  }
  const qos = (byte >> QOS_SHIFT) & QOS_MASK
  return [
    flagPart(byte, DUP_FLAG, 'DUP', '3.3.1.1', 'first delivery', 'perhaps sent before'),
    {
      bits: bitsOf(byte, QOS_MASK << QOS_SHIFT),
      field: 'QoS',
      value: `${qos}`,
      meaning: promiseOf(qos),
      section: '3.3.1.2',
    },
    flagPart(byte, RETAIN_FLAG, 'RETAIN', '3.3.1.3', 'not retained', 'a retained message'),
  ]
}

/** A flag of one bit: `clear` is the meaning of 0, `set` the meaning of 1. */
export function flagPart(
  byte: number,
  mask: number,
  field: string,
  section: string,
  clear: string,
  set: string,
): AnnotationPart {
  const isSet = (byte & mask) !== 0
  return { bits: bitsOf(byte, mask), field, value: isSet ? '1' : '0', meaning: isSet ? set : clear, section }
}

/** The largest number of bytes of a Remaining Length. */
const lengthBytes = 4
const continuation = 0x80

function walkRemainingLength(walk: FieldWalk): void {
  const bytes = walk.peek(lengthBytes)
  const last = bytes.findIndex((byte) => byte < continuation)
  if (last === -1) {
    const meaning = bytes.length < lengthBytes ? 'cut off' : 'no end after four bytes'
    walk.take(bytes.length, 'Remaining Length', '2.2.3', () => ({ value: '?', meaning }))
    return
  }
  const encoded = bytes.subarray(0, last + 1)
  const remainingLength = encoded.reduce((sum, byte, place) => sum + digitOf(byte) * weightOf(place), 0)
  walk.take(encoded.length, 'Remaining Length', '2.2.3', () => ({
    value: groupDigits(remainingLength),
    meaning: remainingLength === 0 ? 'nothing follows' : `${remainingLength === 1 ? 'byte' : 'bytes'} to follow`,
    ...(encoded.length > 1 ? { parts: Array.from(encoded, lengthPart) } : {}),
  }))
  walk.endAfter(remainingLength)
}

function lengthPart(byte: number, place: number): AnnotationPart {
  return {
    bits: bitsOf(byte, 0xff),
    field: byte < continuation ? 'the last' : 'more follows',
    value: `${digitOf(byte)}`,
    meaning: `× ${groupDigits(weightOf(place))}`,
    section: '',
  }
}

/** The seven bits of the length in a byte. */
function digitOf(byte: number): number {
  return byte % continuation
}

function weightOf(place: number): number {
  return continuation ** place
}
