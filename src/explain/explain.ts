/**
 * Names every byte of Control Packets.
 *
 * The bytes are read twice. The decoder finds the packets and the first fault. A tolerant walk names every byte by its place
 * in the layout. This file then adds the fault of the decoder to the annotation at its offset. Bytes after a fault get no
 * names, because a receiver closes the connection at the fault.
 */

import { PacketDecoder } from '../codec/decode/packet-decoder.js'
import { MAX_PACKET_BYTES } from '../codec/fixed-header.js'
import { type Fault, MalformedPacketError } from '../errors.js'
import type { Annotation } from './annotation.js'
import { FieldWalk } from './fields/field-walk.js'
import { walkPacket } from './fields/packet-fields.js'
import { countBytes } from './listing/numerals.js'
import { titleOf } from './summary.js'

/** The first fault, which only the decoder decides about. */
interface DecoderFault {
  readonly kind: Fault
  /** The broken statement, or its section, and the fault. */
  readonly text: string
  /** Counted from the first byte given to `explain`. */
  readonly offset: number
}

/**
 * Names every byte of Control Packets, of client or server. The packets may be incomplete or malformed; this function never
 * throws.
 *
 * The annotations cover each byte once, in order. If there is a fault, one annotation has a `fault`, and at most one
 * annotation follows, for all bytes after the fault. An end in the middle of a packet is a fault too. Passwords are
 * hidden, and in a faulty CONNECT the whole payload.
 *
 * Of the filters of a SUBSCRIBE or UNSUBSCRIBE and the Return Codes of a SUBACK the first hundred have annotations of their own. One
 * annotation is for the others, and says how many they are.
 */
export function explain(bytes: Uint8Array): Annotation[] {
  const annotations: Annotation[] = []
  for (const packet of explainPackets(bytes)) annotations.push(...packet)
  return annotations
}

/** So many bytes are decoded before their packets are named. */
const pieceBytes = 65_536

/** The same, packet by packet: a million of them need the memory of a few. The bytes behind a fault belong to the last packet. */
export function* explainPackets(bytes: Uint8Array): Generator<readonly Annotation[]> {
  const decoder = new PacketDecoder({ maxPacketBytes: MAX_PACKET_BYTES })
  let offset = 0
  for (let from = 0; from <= bytes.length; from += pieceBytes) {
    const piece = bytes.subarray(from, from + pieceBytes)
    const titles: string[] = []
    const fault = decodePiece(decoder, piece, from + pieceBytes > bytes.length, titles)
    for (const title of titles) {
      const packet = annotatePacket(bytes, offset, Infinity, () => title)
      yield packet
      offset = endOf(packet, offset)
    }
    if (fault === undefined) continue
    const broken = annotatePacket(bytes, offset, fault.offset, (name) => `${name}  ${faultWord(fault)}`)
    return yield addFault(fault, broken, bytes.length)
  }
}

function annotatePacket(
  bytes: Uint8Array,
  offset: number,
  faultAt: number,
  titleFor: (name: string) => string,
): Annotation[] {
  const walk = new FieldWalk(bytes, offset, faultAt)
  const { name } = walkPacket(walk)
  const title = titleFor(name?.toUpperCase() ?? 'UNKNOWN PACKET')
  return walk.annotations.map((annotation, index) => (index === 0 ? { title, ...annotation } : annotation))
}

function faultWord({ kind }: DecoderFault): string {
  return kind === 'unexpected-end' ? 'incomplete' : 'malformed'
}

function endOf(annotations: readonly Annotation[], start: number): number {
  const last = annotations.at(-1)
  return last === undefined ? start : last.offset + last.length
}

/**
 * Adds the fault to the annotation at its offset. If bytes are missing, the offset is after the last byte of the packet, and
 * the last annotation gets the fault.
 */
function addFault(fault: DecoderFault, packet: readonly Annotation[], end: number): Annotation[] {
  const found = packet.findIndex(({ offset, length }) => fault.offset < offset + length)
  const index = found === -1 ? packet.length - 1 : found
  const annotations = packet
    .slice(0, index + 1)
    .map((annotation, i) =>
      i === index ? { ...annotation, fault: fault.text, faultOffset: fault.offset } : annotation,
    )
  const rest = endOf(annotations, end)
  return rest === end ? annotations : [...annotations, notLookedAt(rest, end - rest)]
}

function notLookedAt(offset: number, length: number): Annotation {
  return {
    offset,
    length,
    field: 'not looked at',
    value: countBytes(length),
    meaning: 'behind the fault',
    section: '4.8',
  }
}

function decodePiece(
  decoder: PacketDecoder,
  piece: Uint8Array,
  isLast: boolean,
  titles: string[],
): DecoderFault | undefined {
  try {
    decoder.decode(piece, (packet) => titles.push(titleOf(packet)))
    if (isLast) decoder.end()
    return undefined
  } catch (error) {
    if (!(error instanceof MalformedPacketError)) throw error
    return { kind: error.fault, text: faultText(error), offset: error.streamOffset }
  }
}

/** A message of the decoder ends with the statement and the offset. The text here begins with the statement; the offset is in `offset`. */
function faultText({ message, statement }: MalformedPacketError): string {
  const end = message.lastIndexOf(` [${statement}]`)
  const what = (end === -1 ? message : message.slice(0, end)).replace(/,$/, '')
  return `${statement} ${what}`
}
