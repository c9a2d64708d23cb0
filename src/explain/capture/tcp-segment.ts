/** The way from a frame to its TCP segment: link layer, IP, TCP. Nothing is checked by its checksum: a network card often fills it in later. */
import type { Frame } from './frame.js'

/** An address and a port, as text: `[::1]:1883`. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

export interface TcpSegment {
  readonly source: Endpoint
  readonly destination: Endpoint
  readonly sequence: number
  readonly isSyn: boolean
  readonly isAck: boolean
  /** FIN or RST. */
  readonly isLast: boolean
  /** The bytes that the capture has. */
  readonly payload: Uint8Array
  /** The bytes that were sent; more than `payload` has if the capture has cut the frame. */
  readonly payloadBytes: number
}

/** Why a frame has no segment. */
export type NoSegment = 'other' | 'fragment' | 'unknown link type'

/** The link types without a header of their own in front of IP. */
const rawTypes: ReadonlySet<number> = new Set([12, 14, 101, 228, 229])

const ipv4 = 0x0800
const ipv6 = 0x86dd

export function segmentOf({ bytes, linkType }: Frame): TcpSegment | NoSegment {
  const start = startOfIp(bytes, linkType)
  if (typeof start !== 'number') return start
  const version = (bytes[start] ?? 0) >> 4
  if (version === 4) return ofIpv4(bytes.subarray(start))
  return version === 6 ? ofIpv6(bytes.subarray(start)) : 'other'
}

function startOfIp(bytes: Uint8Array, linkType: number): number | NoSegment {
  if (rawTypes.has(linkType)) return 0
  switch (linkType) {
    case 0: // BSD loopback: the family, in the byte order of the machine
    case 108:
      return 4
    case 1:
      return behindEtherType(bytes, 12)
    case 113: // Linux cooked
      return isIp(word(bytes, 14)) ? 16 : 'other'
    case 276: // Linux cooked, version 2
      return isIp(word(bytes, 0)) ? 20 : 'other'
    default:
      return 'unknown link type'
  }
}

/** Tags of virtual networks stand in front of the type. */
function behindEtherType(bytes: Uint8Array, from: number): number | NoSegment {
  let at = from
  for (let tags = 0; tags < 4; tags += 1) {
    const type = word(bytes, at)
    if (isIp(type)) return at + 2
    // PPPoE: a header, and the protocol of PPP.
    if (type === 0x8864) return word(bytes, at + 8) === 0x21 || word(bytes, at + 8) === 0x57 ? at + 10 : 'other'
    if (type !== 0x8100 && type !== 0x88a8 && type !== 0x9100) return 'other'
    at += 4
  }
  return 'other'
}

function isIp(type: number): boolean {
  return type === ipv4 || type === ipv6
}

function ofIpv4(bytes: Uint8Array): TcpSegment | NoSegment {
  const header = ((bytes[0] ?? 0) & 0x0f) * 4
  if (header < 20 || bytes.length < header || bytes[9] !== 6) return 'other'
  // More fragments follow, or this is not the first.
  if ((word(bytes, 6) & 0x3fff) !== 0) return 'fragment'
  // A card that cuts segments itself leaves the length at 0.
  const length = word(bytes, 2) || bytes.length
  const hosts = [12, 16].map((at) => Array.from(bytes.subarray(at, at + 4)).join('.'))
  return ofTcp(bytes.subarray(header, Math.min(length, bytes.length)), length - header, hosts)
}

/** Extension headers that may stand in front of TCP: hop-by-hop, routing, destination options. */
const extensions: ReadonlySet<number> = new Set([0, 43, 60])

function ofIpv6(bytes: Uint8Array): TcpSegment | NoSegment {
  if (bytes.length < 40) return 'other'
  const length = word(bytes, 4) === 0 ? bytes.length : 40 + word(bytes, 4)
  let [at, next] = [40, bytes[6] ?? 0]
  while (next !== 6) {
    if (next === 44 && (word(bytes, at + 2) & 0xfff9) !== 0) return 'fragment'
    if (!extensions.has(next) && next !== 44 && next !== 51) return 'other'
    const units = bytes[at + 1] ?? 0
    const size = next === 44 ? 8 : next === 51 ? 4 * (units + 2) : 8 * (units + 1)
    next = bytes[at] ?? 59
    at += size
    if (at >= bytes.length) return 'other'
  }
  const hosts = [8, 24].map((start) => ipv6Text(bytes, start))
  return ofTcp(bytes.subarray(at, Math.min(length, bytes.length)), length - at, hosts)
}

/** With the longest run of zeros left out, in brackets. */
function ipv6Text(bytes: Uint8Array, start: number): string {
  const groups = Array.from({ length: 8 }, (_, index) => word(bytes, start + 2 * index).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname
}

function ofTcp(
  bytes: Uint8Array,
  sentBytes: number,
  [source = '', destination = '']: string[],
): TcpSegment | NoSegment {
  const header = ((bytes[12] ?? 0) >> 4) * 4
  if (header < 20 || bytes.length < 20 || sentBytes < header) return 'other'
  const flags = bytes[13] ?? 0
  return {
    source: { host: source, port: word(bytes, 0) },
    destination: { host: destination, port: word(bytes, 2) },
    sequence: word(bytes, 4) * 65_536 + word(bytes, 6),
    isSyn: (flags & 0x02) !== 0,
    isAck: (flags & 0x10) !== 0,
    isLast: (flags & 0x05) !== 0,
    payload: bytes.subarray(header),
    payloadBytes: sentBytes - header,
  }
}

/** Two bytes, the most significant first. What is not there counts as 0. */
function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}
