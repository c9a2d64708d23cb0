/**
 * Every byte named.
 *
 * Two readers go over the bytes. The decoder says which packets there are and what is the first thing wrong with them;
 * a tolerant walk names every byte by its place in the layout. Here the decoder's finding is pinned to the annotation in
 * which it lies. Behind a fault nothing is named: a receiver closes the connection there, and what follows has no
 * meaning any more.
 */

import { PacketDecoder } from '../codec/decode/packet-decoder.js'
import { MAX_PACKET_BYTES } from '../codec/fixed-header.js'
import { type Fault, MalformedPacketError } from '../errors.js'
import type { Annotation } from './annotation.js'
import { FieldWalk, type PacketCondition } from './fields/field-walk.js'
import { walkPacket } from './fields/packet-fields.js'
import { countBytes } from './listing/numerals.js'
import { titleOf } from './summary.js'

/** What the decoder finds in the bytes. The decoder alone decides what is well-formed. */
interface DecoderFindings {
  /** A line for each packet that was decoded, in order. */
  readonly titles: readonly string[]
  /** What ended the decoding, in the packet behind these; nothing if it did not fail. */
  readonly fault: DecoderFault | undefined
}

interface DecoderFault {
  readonly kind: Fault
  /** The statement, or its section, and how it is broken. */
  readonly text: string
  /** Counted from the first of the bytes. */
  readonly offset: number
}

/**
 * Names every byte of some Control Packets, in either direction, whole or not, well-formed or not. It never throws.
 *
 * The annotations cover each byte once, in order. If something is wrong, one annotation has a `fault`; behind it there is
 * at most one more, for all the bytes that were not looked at. Bytes that end in the middle of a packet are a fault too.
 * Passwords are hidden, and so is all the payload of a CONNECT in which something is wrong.
 */
export function explain(bytes: Uint8Array): Annotation[] {
  const { titles, fault } = decodeAll(bytes)
  const annotations: Annotation[] = []
  let offset = 0
  for (const title of titles) {
    const packet = annotatePacket(bytes, offset, 'sound', () => title)
    for (const annotation of packet) annotations.push(annotation)
    offset = endOf(packet, offset)
  }
  if (fault === undefined) return annotations
  const broken = annotatePacket(bytes, offset, 'faulty', (name) => `${name}  ${faultWord(fault)}`)
  return [...annotations, ...pin(fault, broken, bytes.length)]
}

function annotatePacket(
  bytes: Uint8Array,
  offset: number,
  condition: PacketCondition,
  titleFor: (name: string) => string,
): Annotation[] {
  const walk = new FieldWalk(bytes, offset)
  const { name } = walkPacket(walk, condition)
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

/** Where something is missing, the fault lies behind the last byte of the packet: it is pinned to the last annotation. */
function pin(fault: DecoderFault, packet: readonly Annotation[], end: number): Annotation[] {
  const holder = packet.findIndex(({ offset, length }) => fault.offset < offset + length)
  const index = holder === -1 ? packet.length - 1 : holder
  const pinned = packet
    .slice(0, index + 1)
    .map((annotation, i) =>
      i === index ? { ...annotation, fault: fault.text, faultOffset: fault.offset } : annotation,
    )
  const rest = endOf(pinned, end)
  return rest === end ? pinned : [...pinned, notLookedAt(rest, end - rest)]
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

function decodeAll(bytes: Uint8Array): DecoderFindings {
  const titles: string[] = []
  const decoder = new PacketDecoder({ maxPacketBytes: MAX_PACKET_BYTES })
  try {
    decoder.decode(bytes, (packet) => titles.push(titleOf(packet)))
    decoder.end()
  } catch (error) {
    if (!(error instanceof MalformedPacketError)) throw error
    return { titles, fault: { kind: error.fault, text: faultText(error), offset: error.streamOffset } }
  }
  return { titles, fault: undefined }
}

/** The error's message goes on with the statement and the place; here the statement stands first and the place is shown. */
function faultText({ message, statement }: MalformedPacketError): string {
  const end = message.lastIndexOf(` [${statement}]`)
  const what = (end === -1 ? message : message.slice(0, end)).replace(/,$/, '')
  return `${statement} ${what}`
}
