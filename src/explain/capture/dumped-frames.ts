/** Frames that a program has printed: `tshark -x`, `tcpdump -X` and `-XX`, or one that was copied out of Wireshark. */
import { typeOfFirstByte } from '../../codec/packet-type.js'
import type { DumpBlock } from '../input/hex-dump.js'
import type { Capture, Frame } from './frame.js'
import { segmentOf } from './tcp-segment.js'

/** What a printed frame may begin with: IP itself, Ethernet, the cooked header of Linux, BSD loopback. */
const linkTypes = [101, 1, 113, 276, 0]

/** Wireshark prints below a frame what it has made of it. */
const madeOfFrames = /^(Reassembled|Decrypted|Uncompressed|De-chunked|Decompressed)/

/** Undefined if none of the blocks is a frame with TCP. */
export function framesOfDump(blocks: readonly DumpBlock[]): Capture | undefined {
  const originals = blocks.filter(({ heading }) => !madeOfFrames.test(heading))
  const frames = originals.flatMap(({ bytes, heading }) => frameOf(bytes, timeIn(heading)) ?? [])
  return frames.length === 0 ? undefined : { frames, tlsSecrets: '' }
}

/** Undefined if the bytes are no frame with TCP. No Control Packet begins as IP or BSD loopback does; Ethernet is told by its type. */
export function frameOf(bytes: Uint8Array, atUs?: number): Frame | undefined {
  const isPacket = typeOfFirstByte[bytes[0] ?? 0] !== undefined
  const linkType = linkTypes.find(
    (type) => (type === 1 || !isPacket) && typeof segmentOf({ bytes, linkType: type, atUs }) !== 'string',
  )
  return linkType === undefined ? undefined : { bytes, linkType, atUs }
}

/** tcpdump writes the time of day in front of a packet. */
function timeIn(heading: string): number | undefined {
  const [, hours, minutes, seconds] = /^(?:\d{4}-\d\d-\d\d )?(\d\d):(\d\d):(\d\d\.\d+) /.exec(heading) ?? []
  if (hours === undefined || minutes === undefined || seconds === undefined) return undefined
  return ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1e6
}
