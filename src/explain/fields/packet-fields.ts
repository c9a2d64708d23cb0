/** The layouts of the fourteen packets after the fixed header, in the order of section 3. */

import { QOS_MASK, QOS_SHIFT } from '../../codec/packet-type.js'
import { bitsOf, hexByte } from '../listing/numerals.js'
import { walkConnect } from './connect-fields.js'
import type { FieldWalk } from './field-walk.js'
import { flagPart, type PacketStart, promiseOf, walkFixedHeader } from './fixed-header-fields.js'

/** The Return Codes of CONNACK (section 3.2.2.3). */
const connackCodes = [
  'accepted',
  'refused: Protocol Level',
  'refused: Client Identifier',
  'refused: unavailable',
  'refused: User Name or Password',
  'refused: not authorised',
] as const

/**
 * Names the bytes of the packet at the position of the walk. All bytes of a sound packet get a name. In a faulty packet, bytes
 * after the fault may belong to no field, and get no name.
 */
export function walkPacket(walk: FieldWalk): PacketStart {
  const start = walkFixedHeader(walk)
  walkBody(walk, start)
  return start
}

function walkBody(walk: FieldWalk, { name, flags }: PacketStart): void {
  switch (name) {
    case undefined:
      return
    case 'connect':
      return walkConnect(walk)
    case 'connack':
      return walkConnack(walk)
    case 'publish':
      return walkPublish(walk, (flags >> QOS_SHIFT) & QOS_MASK)
    case 'puback':
      return walkIdentifier(walk, '3.4.2', 'of the PUBLISH')
    case 'pubrec':
      return walkIdentifier(walk, '3.5.2', 'of the PUBLISH')
    case 'pubrel':
      return walkIdentifier(walk, '3.6.2', 'of the PUBLISH')
    case 'pubcomp':
      return walkIdentifier(walk, '3.7.2', 'free again')
    case 'subscribe':
      return walkSubscribe(walk)
    case 'suback':
      return walkSuback(walk)
    case 'unsubscribe':
      return walkUnsubscribe(walk)
    case 'unsuback':
      return walkIdentifier(walk, '3.11.2', 'of the UNSUBSCRIBE')
    case 'pingreq':
    case 'pingresp':
    case 'disconnect':
      return
  }
}

function walkIdentifier(walk: FieldWalk, section: string, meaning: string): void {
  walk.number('Packet Identifier', section, (packetId) => ({
    value: `${packetId}`,
    meaning: packetId === 0 ? 'forbidden' : meaning,
  }))
}

function walkConnack(walk: FieldWalk): void {
  walk.byte('Acknowledge Flags', '3.2.2.1', (byte) => ({
    value: `0x${hexByte(byte)}`,
    parts: [
      {
        bits: bitsOf(byte, 0xfe),
        field: 'Reserved',
        value: (byte >> 1).toString(2).padStart(7, '0'),
        meaning: byte > 1 ? 'forbidden' : 'always 0',
        section: '3.2.2.1',
      },
      flagPart(byte, 0x01, 'Session Present', '3.2.2.2', 'a new Session', 'the Session goes on'),
    ],
  }))
  walk.byte('Return Code', '3.2.2.3', (code) => ({ value: `${code}`, meaning: connackCodes[code] ?? 'reserved' }))
}

function walkPublish(walk: FieldWalk, qos: number): void {
  walk.string('Topic Name', '3.3.2.1')
  if (qos > 0) walkIdentifier(walk, '3.3.2.2', qos === 1 ? 'until PUBACK' : 'until PUBCOMP')
  walk.payload(walk.remaining, 'Payload', '3.3.3')
}

function walkSubscribe(walk: FieldWalk): void {
  walkIdentifier(walk, '3.8.2', 'until SUBACK')
  walk.list(
    'Topic Filter',
    '3.8.3',
    () => walk.stringLength + 1,
    () => {
      walk.string('Topic Filter', '3.8.3')
      walk.byte('Requested QoS', '3.8.3', (qos) => ({
        value: `${qos}`,
        meaning: qos > 2 ? 'forbidden' : promiseOf(qos),
      }))
    },
  )
}

function walkSuback(walk: FieldWalk): void {
  walkIdentifier(walk, '3.9.2', 'of the SUBSCRIBE')
  walk.list(
    'Return Code',
    '3.9.3',
    () => 1,
    () => {
      walk.byte('Return Code', '3.9.3', (code) => ({
        value: code < 3 ? `${code}` : `0x${hexByte(code)}`,
        meaning: grantOf(code),
      }))
    },
  )
}

function grantOf(code: number): string {
  if (code === 0x80) return 'refused'
  return code > 2 ? 'reserved' : `granted: ${promiseOf(code)}`
}

function walkUnsubscribe(walk: FieldWalk): void {
  walkIdentifier(walk, '3.10.2', 'until UNSUBACK')
  walk.list(
    'Topic Filter',
    '3.10.3',
    () => walk.stringLength,
    () => walk.string('Topic Filter', '3.10.3'),
  )
}
