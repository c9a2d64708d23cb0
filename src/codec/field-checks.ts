/**
 * The checks of fields that several packets share, for the encoder. Each check throws a `UsageError` before a byte is
 * written.
 */

import { UsageError } from '../errors.js'
import { isBytes } from '../realms/foreign-values.js'
import type { PacketIdentifier, QoS } from './control-packet.js'
import { encodedLength, MAX_FIELD_BYTES } from './utf8.js'

const MAX_QUOTED = 64

/**
 * A text in an error message: unambiguous, and short enough for a line. Only for texts that are no secret wherever they stand: a Topic
 * Name, a Topic Filter, or a text of this package.
 */
export function quote(text: string): string {
  return text.length <= MAX_QUOTED ? JSON.stringify(text) : `${JSON.stringify(text.slice(0, MAX_QUOTED))}...`
}

/**
 * A wrong value in an error message. Numbers and booleans are shown; of all else only the kind and the length, because a text in the
 * wrong place may be a password, a token or a key.
 */
export function outline(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean') return `${value}`
  if (typeof value === 'string')
    return value === '' ? 'an empty string' : `a string of ${counted(value.length, 'character')}`
  return isBytes(value) ? counted(value.byteLength, 'byte') : kindOf(value)
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

/** The kind of a value, for error messages that must not show the value. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return `${value}`
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** Refuses bytes whose memory was transferred, as by `postMessage`: such bytes have length 0, and nothing would be sent. */
export function requireAttached(bytes: Uint8Array, field: string, section: string): void {
  if (bytes.byteLength > 0 || !isDetached(bytes)) return
  throw new UsageError(`the memory of ${field} has been transferred, so it is empty: give a copy`, {
    statement: section,
  })
}

function isDetached(bytes: Uint8Array): boolean {
  try {
    // `ArrayBuffer.prototype.detached` is missing in the oldest Node that this package supports.
    Reflect.construct(Uint8Array, [bytes.buffer])
    return false
  } catch {
    return true
  }
}

/**
 * The number of bytes of a string field, without the two bytes of its length. An error names `statement`, which requires a
 * string, or `limit`, which bounds the number of bytes. It shows the text only if `show` does, because the text may be a secret.
 */
export function textLength(
  text: string,
  field: string,
  statement: string,
  limit = statement,
  show?: (text: string) => string,
): number {
  if (typeof text !== 'string') throw new UsageError(`${field} has to be a string, not ${outline(text)}`, { statement })
  const named = () => (show === undefined ? field : `${field} ${show(text)}`)
  // A character takes at least one byte, so a text with too many characters is too long and need not be encoded.
  const bytes = text.length > MAX_FIELD_BYTES ? text.length : encodedLength(text)
  // [MQTT-1.5.3-1] a lone surrogate has no UTF-8 form, and the encoders of the platform would silently write U+FFFD
  if (bytes === 'lone-surrogate') {
    throw new UsageError(`${named()} holds a lone surrogate, which has no UTF-8 form`, {
      statement: 'MQTT-1.5.3-1',
    })
  }
  // [MQTT-1.5.3-2] no string holds U+0000, so [MQTT-4.7.3-2] no topic does
  if (bytes === 'nul') throw new UsageError(`${named()} holds U+0000`, { statement: 'MQTT-1.5.3-2' })
  // [1.5.3 string length] the limit counts bytes, not characters, because the length is a number of two bytes
  if (bytes > MAX_FIELD_BYTES) {
    throw new UsageError(`${named()} takes more than ${MAX_FIELD_BYTES} bytes of UTF-8`, {
      statement: limit,
    })
  }
  return bytes
}

/** The number of bytes of a binary field, without the two bytes of its length. Errors never show the value. */
export function binaryLength(bytes: Uint8Array, field: string, section: string): number {
  if (!isBytes(bytes)) {
    throw new UsageError(`${field} has to be a Uint8Array, not ${kindOf(bytes)}`, { statement: section })
  }
  requireAttached(bytes, field, section)
  // [3.1.3 binary fields] any bytes are allowed; the length is a number of two bytes
  if (bytes.length > MAX_FIELD_BYTES) {
    throw new UsageError(`${field} has ${bytes.length} bytes; at most ${MAX_FIELD_BYTES} are possible`, {
      statement: section,
    })
  }
  return bytes.length
}

/** A flag as a bit. Only a boolean is accepted: the string `'false'` would become true. */
export function flagBit(value: boolean, field: string, section: string): 0 | 1 {
  if (value === true) return 1
  if (value === false) return 0
  throw new UsageError(`${field} has to be true or false, not ${outline(value)}`, { statement: section })
}

export function requireQos(qos: QoS, field: string, statement: string): void {
  if (qos === 0 || qos === 1 || qos === 2) return
  throw new UsageError(`${field} has to be 0, 1 or 2, not ${outline(qos)}`, { statement })
}

/** Returns the Packet Identifier, or refuses a value that is none. */
export function requirePacketIdentifier(packetId: PacketIdentifier | undefined, statement: string): PacketIdentifier {
  // Only an integer from 0 to 65535 is equal to its own lower 16 bits.
  if (typeof packetId === 'number' && (packetId & 0xffff) === packetId && packetId !== 0) return packetId
  throw new UsageError(`Packet Identifier has to be an integer from 1 to 65535, not ${outline(packetId)}`, {
    statement,
  })
}

export function requireList<T>(list: readonly T[], field: string, statement: string): void {
  if (!Array.isArray(list)) throw new UsageError(`${field} have to be an array, not ${outline(list)}`, { statement })
  if (list.length < 1) throw new UsageError(`${field} are empty: give at least one`, { statement })
}

/** A list of numbers in an array or in bytes. */
export function requireArrayLike(list: ArrayLike<number>, field: string, statement: string): void {
  if (typeof list !== 'object' || !Number.isInteger(list?.length)) {
    throw new UsageError(`${field} have to be an array or bytes, not ${outline(list)}`, { statement })
  }
  if (list.length < 1) throw new UsageError(`${field} are empty: give at least one`, { statement })
}

export function requireKeepAlive(seconds: number): void {
  if (Number.isInteger(seconds) && seconds >= 0 && seconds <= 65_535) return
  throw new UsageError(`keepAlive has to be an integer from 0 to 65535 seconds, not ${outline(seconds)}`, {
    statement: '3.1.2.10',
  })
}
