/** Capture files: pcap, as tcpdump writes it, and pcapng, as Wireshark does. */
import { groupDigits } from '../listing/numerals.js'
import type { Capture, Frame } from './frame.js'
import { readPcapng } from './pcapng-file.js'

/** libpcap refuses a file with a longer record. */
const recordBytesMax = 262_144
const headerBytes = 24
const recordHeaderBytes = 16

/** The first four bytes, as a little-endian number, with the byte order of the file and the parts of a second. */
const magics: ReadonlyMap<number, readonly [littleEndian: boolean, perMicrosecond: number]> = new Map([
  [0xa1b2c3d4, [true, 1]],
  [0xd4c3b2a1, [false, 1]],
  [0xa1b23c4d, [true, 1000]],
  [0x4d3cb2a1, [false, 1000]],
])

/** Undefined if the bytes are no capture. */
export function readCapture(bytes: Uint8Array): Capture | undefined {
  if (bytes.length < 4) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const magic = view.getUint32(0, true)
  if (magic === 0x0a0d0d0a) return readPcapng(bytes)
  const kind = magics.get(magic)
  if (kind === undefined) return undefined
  const fault = headerFault(view, kind[0])
  return fault === undefined ? readRecords(bytes, view, kind) : { frames: [], fault, tlsSecrets: '' }
}

function headerFault(view: DataView, littleEndian: boolean): string | undefined {
  if (view.byteLength < headerBytes) {
    return `a pcap file begins with ${headerBytes} bytes, and this one has ${view.byteLength}`
  }
  const major = view.getUint16(4, littleEndian)
  return major === 2 ? undefined : `this is version ${major} of pcap, and only 2 is known`
}

function readRecords(
  bytes: Uint8Array,
  view: DataView,
  [littleEndian, perMicrosecond]: readonly [boolean, number],
): Capture {
  const linkType = view.getUint32(20, littleEndian) & 0xffff
  const frames: Frame[] = []
  let offset = headerBytes
  while (offset < bytes.length) {
    const number = groupDigits(frames.length + 1)
    const left = bytes.length - offset
    if (left < recordHeaderBytes) return cut(frames, `record ${number} ends in its header`)
    const length = view.getUint32(offset + 8, littleEndian)
    if (length > recordBytesMax) {
      const most = groupDigits(recordBytesMax)
      return cut(
        frames,
        `record ${number} has a length of ${groupDigits(length)}, and a record has at most ${most} bytes`,
      )
    }
    if (left - recordHeaderBytes < length) return cut(frames, `record ${number} ends before its ${length} bytes`)
    const atUs = view.getUint32(offset, littleEndian) * 1e6 + view.getUint32(offset + 4, littleEndian) / perMicrosecond
    offset += recordHeaderBytes
    frames.push({ bytes: bytes.subarray(offset, offset + length), linkType, atUs })
    offset += length
  }
  return { frames, tlsSecrets: '' }
}

function cut(frames: readonly Frame[], why: string): Capture {
  return { frames, fault: `the capture is cut or damaged: ${why}`, tlsSecrets: '' }
}
