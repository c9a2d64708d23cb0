/** Frames of TCP made by hand, and files of them. */
import type { Frame } from '../../src/explain/capture/frame.js'

export interface SegmentFields {
  readonly from: 'client' | 'server'
  readonly sequence: number
  readonly payload?: string | Uint8Array
  readonly flags?: 'SYN' | 'SYN ACK' | 'ACK' | 'FIN'
  readonly serverPort?: number
  readonly clientPort?: number
}

const flagBits = { SYN: 0x02, 'SYN ACK': 0x12, ACK: 0x10, FIN: 0x11 } as const

/** An IPv4 packet with a TCP segment. */
export function ipv4(fields: SegmentFields): Buffer {
  const { from, sequence, payload = '', flags = 'ACK', serverPort = 1883, clientPort = 50_000 } = fields
  const data = Buffer.from(payload)
  const packet = Buffer.alloc(40 + data.length)
  packet.set([0x45, 0])
  packet.writeUInt16BE(packet.length, 2)
  packet.set([64, 6], 8)
  packet.set(from === 'client' ? [10, 0, 0, 1, 10, 0, 0, 2] : [10, 0, 0, 2, 10, 0, 0, 1], 12)
  packet.writeUInt16BE(from === 'client' ? clientPort : serverPort, 20)
  packet.writeUInt16BE(from === 'client' ? serverPort : clientPort, 22)
  packet.writeUInt32BE(sequence % 2 ** 32, 24)
  packet.set([0x50, flagBits[flags]], 32)
  packet.set(data, 40)
  return packet
}

/** The same in IPv6, behind a header of options. */
export function ipv6(fields: SegmentFields): Buffer {
  const tcp = ipv4(fields).subarray(20)
  const header = Buffer.alloc(48)
  header[0] = 0x60
  header.writeUInt16BE(8 + tcp.length, 4)
  header[7] = 64
  const [source, destination] = fields.from === 'client' ? [1, 2] : [2, 1]
  header.set([0xfd, 0], 8)
  header.set([source], 23)
  header.set([0xfd, 0], 24)
  header.set([destination], 39)
  header[40] = 6
  return Buffer.concat([header, tcp])
}

export function frame(fields: SegmentFields, atUs = 0): Frame {
  return { bytes: ipv4(fields), linkType: 101, atUs }
}

/** A pcap file. */
export function pcap(frames: readonly Uint8Array[], linkType: number, order: 'LE' | 'BE' = 'LE'): Buffer {
  const file = Buffer.alloc(24 + frames.reduce((sum, { length }) => sum + 16 + length, 0))
  const write = (at: number, value: number) =>
    order === 'LE' ? file.writeUInt32LE(value, at) : file.writeUInt32BE(value, at)
  write(0, 0xa1b2c3d4)
  if (order === 'LE') file.writeUInt16LE(2, 4)
  else file.writeUInt16BE(2, 4)
  write(16, 262_144)
  write(20, linkType)
  let at = 24
  for (const [index, bytes] of frames.entries()) {
    write(at, 1_700_000_000 + index)
    write(at + 8, bytes.length)
    write(at + 12, bytes.length)
    file.set(bytes, at + 16)
    at += 16 + bytes.length
  }
  return file
}

/** A pcapng file of these blocks, each with its type and its body. */
export function pcapng(blocks: readonly (readonly [type: number, body: Uint8Array])[]): Buffer {
  return Buffer.concat([
    block(0x0a0d0d0a, Buffer.from('4d3c2b1a01000000ffffffffffffffff', 'hex')),
    ...blocks.map(([type, body]) => block(type, body)),
  ])
}

function block(type: number, body: Uint8Array): Buffer {
  const bytes = Buffer.alloc(12 + ((body.length + 3) & ~3))
  bytes.writeUInt32LE(type, 0)
  bytes.writeUInt32LE(bytes.length, 4)
  bytes.set(body, 8)
  bytes.writeUInt32LE(bytes.length, bytes.length - 4)
  return bytes
}
