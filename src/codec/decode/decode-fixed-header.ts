import { byteAt } from '../byte-at.js'
import { SMALL_SUBACK_CODES } from '../packet-constants.js'
import {
  describeFirstByte,
  type PacketType,
  packetTypeOfCode,
  QOS_MASK,
  QOS_SHIFT,
  typeOfFirstByte,
} from '../packet-type.js'
import type { PacketReader } from './packet-reader.js'

const PACKET_IDENTIFIER_BYTES = 2

/** What a decoder takes. A packet beyond it is refused as soon as its fixed header shows it. */
export interface PacketLimits {
  readonly maxPacketBytes: number
  /** The packet type for each value of the first byte; undefined where the decoder takes none. */
  readonly types: readonly (PacketType | undefined)[]
  /** How many Return Codes a SUBACK may have. It is called only for a SUBACK of more than `SMALL_SUBACK_CODES`. */
  readonly maxReturnCodes: () => number
}

/**
 * Reads the fixed header at `reader.start` and returns the size of the whole packet, or 0 if Remaining Length is still
 * incomplete. Moves the reader to the end of the header.
 *
 * Each byte is checked before the next one is read. So a fault is found as early as possible, and the fault found does not
 * depend on how many bytes have arrived.
 */
export function readPacketSize(reader: PacketReader, limits: PacketLimits): number {
  const { bytes, start, end } = reader
  const type = limits.types[byteAt(bytes, start)]
  if (type === undefined) return failAtFirstByte(reader)
  let remainingLength = 0
  let shift = 0
  let index = start + 1
  let byte: number
  do {
    if (index === end) return 0
    byte = byteAt(bytes, index)
    remainingLength |= (byte & 0x7f) << shift
    // [2.2.3 remaining length] A fourth byte with the top bit set is a fault; the decoder does not wait for a fifth byte.
    // [2.2.3 erratum] Any other fourth byte is valid; before its errata the pseudo-code of the standard refused some.
    if (shift === 21 && byte > 0x7f) {
      reader.fail('remaining-length', '2.2.3', index, 'a Remaining Length of more than four bytes')
    }
    shift += 7
    index += 1
  } while (byte > 0x7f)
  // [2.2.3 remaining length] A last byte of 0 adds nothing: only the shorter form of the same length is valid.
  if (byte === 0 && shift > 7)
    reader.fail('remaining-length', '2.2.3', index - 1, `an overlong Remaining Length of ${remainingLength}`)
  // [3.4.1 nothing but an identifier] [3.12.1 no body] packets of these types have a constant length
  if (type.remainingLength !== undefined && remainingLength !== type.remainingLength) {
    const name = type.name.toUpperCase()
    const what = `${name} with Remaining Length ${remainingLength}, which is always ${type.remainingLength},`
    reader.fail('packet-length', type.section, start + 1, what)
  }
  const size = index - start + remainingLength
  if (size > limits.maxPacketBytes) failAtSize(reader, size, limits.maxPacketBytes)
  const returnCodes = remainingLength - PACKET_IDENTIFIER_BYTES
  if (returnCodes > SMALL_SUBACK_CODES && type.name === 'suback') {
    const max = Math.max(limits.maxReturnCodes(), SMALL_SUBACK_CODES)
    if (returnCodes > max) failAtReturnCodes(reader, returnCodes, max)
  }
  reader.position = index
  return size
}

function failAtFirstByte(reader: PacketReader): never {
  const { bytes, start } = reader
  const flags = byteAt(bytes, start) & 0b1111
  const type = packetTypeOfCode(byteAt(bytes, start) >> 4)
  if (type === undefined) {
    // [MQTT-4.8.0-1] table 2.1 forbids types 0 and 15, so such a packet violates the protocol
    return reader.fail('packet-type', 'MQTT-4.8.0-1', start, `the forbidden ${describeFirstByte(bytes, start)}`)
  }
  if (typeOfFirstByte[byteAt(bytes, start)] !== undefined) {
    const what = `${type.name.toUpperCase()}, which only a ${type.sender} may send,`
    // [MQTT-4.8.0-1] table 2.1 says who may send a type, so such a packet violates the protocol
    return reader.fail('wrong-sender', 'MQTT-4.8.0-1', start, what)
  }
  if (type.flags !== undefined) {
    const what = `${type.name.toUpperCase()} with flags ${bits(flags)}, which have to be ${bits(type.flags)},`
    // [MQTT-2.2.2-2] wrong flags close the connection
    return reader.fail('reserved-flags', 'MQTT-2.2.2-2', start, what)
  }
  if (((flags >> QOS_SHIFT) & QOS_MASK) === 3) {
    // [MQTT-3.3.1-4] QoS 3 closes the connection
    return reader.fail('qos', 'MQTT-3.3.1-4', start, 'PUBLISH with both QoS bits set')
  }
  // [MQTT-3.3.1-2] the only other fault of a first byte is DUP at QoS 0
  return reader.fail('dup', 'MQTT-3.3.1-2', start, 'PUBLISH with DUP at QoS 0')
}

function failAtSize(reader: PacketReader, size: number, maxPacketBytes: number): never {
  const name = describeFirstByte(reader.bytes, reader.start)
  const what = `${name} of ${size} bytes, where maxPacketBytes is ${maxPacketBytes},`
  // [MQTT-4.8.0-2] a packet that is too large closes the connection; it is never skipped
  return reader.fail('packet-too-large', 'MQTT-4.8.0-2', reader.start + 1, what)
}

function failAtReturnCodes(reader: PacketReader, count: number, max: number): never {
  const what = `SUBACK with ${count} Return Codes, where no unanswered SUBSCRIBE needs more than ${max},`
  // [MQTT-3.8.4-5] SUBACK has a Return Code for each Topic Filter of its SUBSCRIBE, so this one can answer none
  return reader.fail('packet-too-large', 'MQTT-3.8.4-5', reader.start + 1, what)
}

function bits(flags: number): string {
  return flags.toString(2).padStart(4, '0')
}
