/**
 * What the decoder makes of the bytes. It is the only judge of what is well-formed: this module asks it, and never has
 * an opinion of its own.
 */

import { PacketDecoder } from '../codec/decode/packet-decoder.js'
import { MAX_PACKET_BYTES } from '../codec/fixed-header.js'
import { type Fault, MalformedPacketError } from '../errors.js'
import { titleOf } from './summary.js'

interface Verdict {
  /** A line for each packet that was decoded, in order. */
  readonly titles: readonly string[]
  /** What ended the decoding, in the packet behind these; nothing if it did not fail. */
  readonly fault: VerdictFault | undefined
}

export interface VerdictFault {
  readonly kind: Fault
  /** The statement, or its section, and how it is broken. */
  readonly text: string
  /** Counted from the first of the bytes. */
  readonly offset: number
}

export function judge(bytes: Uint8Array): Verdict {
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
