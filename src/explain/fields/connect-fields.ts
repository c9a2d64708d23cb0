/** The fields of CONNECT after its fixed header (sections 3.1.2 and 3.1.3). */

import {
  CLEAN_SESSION_FLAG,
  PASSWORD_FLAG,
  RESERVED_FLAG,
  USER_NAME_FLAG,
  WILL_FLAG,
  WILL_QOS_SHIFT,
  WILL_RETAIN_FLAG,
} from '../../codec/packet-constants.js'
import { QOS_MASK } from '../../codec/packet-type.js'
import type { AnnotationPart } from '../annotation.js'
import { bitsOf, countBytes, hexByte } from '../listing/numerals.js'
import type { FieldWalk, Reading } from './field-walk.js'
import { flagPart, promiseOf } from './fixed-header-fields.js'
import { passwordShape } from './password-shape.js'

/** The protocol levels that occur in practice. */
const versions: Readonly<Record<number, string>> = { 3: 'MQTT 3.1', 4: 'MQTT 3.1.1', 5: 'MQTT 5' }

/**
 * Names the fields. The payload of a faulty packet is hidden: if a flag or a length may be wrong, any byte of the payload may
 * belong to the password.
 */
export function walkConnect(walk: FieldWalk): void {
  walk.string('Protocol Name', '3.1.2.1')
  walk.byte('Protocol Level', '3.1.2.2', (level) => ({ value: `${level}`, meaning: versions[level] ?? 'unknown' }))
  const flags = walk.byte('Connect Flags', '3.1.2.3', (byte) => ({
    value: `0x${hexByte(byte)}`,
    parts: connectFlags(byte),
  }))
  walk.number('Keep Alive', '3.1.2.10', (seconds) => ({ value: `${seconds} s`, meaning: serverWait(seconds) }))
  if (walk.isFaulty) walk.hide(walk.remaining, 'Payload', '3.1.3', hiddenPayload)
  else if (flags !== undefined) walkPayload(walk, flags)
}

/** How long the server waits for a packet: one and a half times Keep Alive [MQTT-3.1.2-24]. */
function serverWait(seconds: number): string {
  return seconds === 0 ? 'off' : `server waits ${seconds * 1.5} s`
}

function hiddenPayload(bytes: Uint8Array): Reading {
  return { value: countBytes(bytes.length), meaning: 'hidden: a password?' }
}

function walkPayload(walk: FieldWalk, flags: number): void {
  walk.string('Client Identifier', '3.1.3.1')
  if ((flags & WILL_FLAG) !== 0) {
    walk.string('Will Topic', '3.1.3.2')
    walk.payload(walk.length('Will Message', '3.1.3.3'), 'Will Message', '3.1.3.3')
  }
  if ((flags & USER_NAME_FLAG) !== 0) walk.string('User Name', '3.1.3.4')
  if ((flags & PASSWORD_FLAG) !== 0) {
    walk.hide(walk.length('Password', '3.1.3.5'), 'Password', '3.1.3.5', readPassword)
  }
}

function readPassword(password: Uint8Array): Reading {
  const { length, digits, method } = passwordShape(password)
  if (digits === undefined) return { value: length, meaning: 'hidden' }
  return { value: digits, meaning: `${length} like ${method}, hidden` }
}

function connectFlags(byte: number): AnnotationPart[] {
  const willQos = (byte >> WILL_QOS_SHIFT) & QOS_MASK
  return [
    flagPart(byte, USER_NAME_FLAG, 'User Name Flag', '3.1.2.8', 'no User Name', 'a User Name follows'),
    flagPart(byte, PASSWORD_FLAG, 'Password Flag', '3.1.2.9', 'no Password', 'a Password follows'),
    flagPart(byte, WILL_RETAIN_FLAG, 'Will Retain', '3.1.2.7', 'will not retained', 'will is retained'),
    {
      bits: bitsOf(byte, QOS_MASK << WILL_QOS_SHIFT),
      field: 'Will QoS',
      value: `${willQos}`,
      meaning: promiseOf(willQos),
      section: '3.1.2.6',
    },
    flagPart(byte, WILL_FLAG, 'Will Flag', '3.1.2.5', 'no will', 'a will follows'),
    flagPart(byte, CLEAN_SESSION_FLAG, 'Clean Session', '3.1.2.4', 'resumes its Session', 'starts from nothing'),
    flagPart(byte, RESERVED_FLAG, 'Reserved', '3.1.2.3', 'always 0', 'forbidden'),
  ]
}
