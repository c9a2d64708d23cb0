/** The layers around TCP, and the blocks of a pcapng file. */
import { describe, expect, it } from 'vitest'
import { readCapture } from '../../src/explain/capture/capture-file.js'
import { segmentOf } from '../../src/explain/capture/tcp-segment.js'
import { ipv4, ipv6, pcapng, type SegmentFields } from './tcp-frames.js'

const ping: SegmentFields = { from: 'client', sequence: 1, payload: Uint8Array.of(0xc0, 0) }

/** The payload of the segment in a frame, or why there is none. */
function payloadIn(bytes: Uint8Array, linkType = 101): string {
  const segment = segmentOf({ bytes, linkType, atUs: 0 })
  return typeof segment === 'string' ? segment : Buffer.from(segment.payload).toString('hex')
}

function changed(bytes: Buffer, at: number, ...values: readonly number[]): Buffer {
  bytes.set(values, at)
  return bytes
}

/** `ipv6` has one header of options, at 40; here others stand behind it, each with the type of the next one. */
function behindHeaders(...headers: readonly (readonly [type: number, bytes: readonly number[]])[]): Buffer {
  const packet = ipv6(ping)
  const types = [...headers.map(([type]) => type), 6]
  packet[40] = types[0] ?? 6
  const chain = headers.flatMap(([, [, ...bytes]], index) => [types[index + 1] ?? 6, ...bytes])
  const whole = Buffer.concat([packet.subarray(0, 48), Buffer.from(chain), packet.subarray(48)])
  whole.writeUInt16BE(whole.length - 40, 4)
  return whole
}

const header = (length: number, ...bytes: readonly number[]): number[] => [
  0,
  ...bytes,
  ...Array<number>(length - 1 - bytes.length).fill(0),
]

describe('an IPv6 packet is followed', () => {
  it.each<[string, Buffer, string]>([
    ['behind its options', ipv6(ping), 'c000'],
    ['behind routing', behindHeaders([43, header(24, 2)]), 'c000'],
    ['behind options for the destination', behindHeaders([60, header(8)]), 'c000'],
    ['behind authentication', behindHeaders([51, header(24, 4)]), 'c000'],
    ['behind the header of a fragment that is all there is', behindHeaders([44, header(8)]), 'c000'],
    ['behind several headers', behindHeaders([43, header(8)], [60, header(16, 1)], [44, header(8)]), 'c000'],
    ['not behind a first fragment', behindHeaders([44, header(8, 0, 0, 1)]), 'fragment'],
    ['not behind a later fragment', behindHeaders([44, header(8, 0, 1, 0)]), 'fragment'],
    ['not behind encryption', behindHeaders([50, header(8)]), 'other'],
    ['not behind a header that says that nothing follows', behindHeaders([59, header(8)]), 'other'],
    ['not past its end', behindHeaders([60, header(8, 200)]), 'other'],
    ['not if it is cut in its header', ipv6(ping).subarray(0, 39), 'other'],
    ['to the end of the frame, if its length is 0', changed(ipv6(ping), 4, 0, 0), 'c000'],
    ['to its end, if the frame is longer', Buffer.concat([ipv6(ping), Buffer.alloc(6)]), 'c000'],
  ])('%s', (_, bytes, payload) => expect(payloadIn(bytes)).toBe(payload))
})

describe('an IPv4 packet is followed', () => {
  const longer = Buffer.concat([ipv4(ping).subarray(0, 20), Buffer.alloc(4), ipv4(ping).subarray(20)])
  it.each<[string, Buffer, string]>([
    ['behind its options', changed(longer, 0, 0x46, 0, 0, longer.length), 'c000'],
    ['to the end of the frame, if its length is 0', changed(ipv4(ping), 2, 0, 0), 'c000'],
    ['to its end, if the frame is longer', Buffer.concat([ipv4(ping), Buffer.alloc(6)]), 'c000'],
    ['if it must not be cut into fragments', changed(ipv4(ping), 6, 0x40, 0), 'c000'],
    ['not if it is a later fragment', changed(ipv4(ping), 6, 0, 1), 'fragment'],
    ['not with a header of fewer than 20 bytes', changed(ipv4(ping), 0, 0x44), 'other'],
    ['not if it is cut in its header', ipv4(ping).subarray(0, 19), 'other'],
    ['not if TCP is cut in its header', ipv4(ping).subarray(0, 39), 'other'],
    ['not if the header of TCP has fewer than 20 bytes', changed(ipv4(ping), 32, 0x40), 'other'],
    ['not if the header of TCP is longer than the packet', changed(ipv4(ping), 32, 0xf0), 'other'],
    ['not with another version', changed(ipv4(ping), 0, 0x75), 'other'],
  ])('%s', (_, bytes, payload) => expect(payloadIn(bytes)).toBe(payload))
})

describe('an Ethernet frame is followed', () => {
  const behind = (types: readonly number[], packet = ipv4(ping)) =>
    Buffer.concat([Buffer.alloc(12, 2), Buffer.from(types), packet])
  const tag = (type: number) => [type >> 8, type & 0xff, 0, 7]
  const [c, s, old] = [0x8100, 0x88a8, 0x9100].map(tag)
  it.each<[string, Buffer, string]>([
    ['behind a tag of each kind', behind([...(s ?? []), ...(old ?? []), ...(c ?? []), 8, 0]), 'c000'],
    ['not behind four tags', behind([...tag(0x8100), ...tag(0x8100), ...tag(0x8100), ...tag(0x8100), 8, 0]), 'other'],
    ['not behind another type', behind([8, 6]), 'other'],
    ['with PPPoE to IPv4', behind([0x88, 0x64, 0x11, 0, 0, 1, 0, 44, 0, 0x21]), 'c000'],
    ['with PPPoE to IPv6', behind([0x88, 0x64, 0x11, 0, 0, 1, 0, 44, 0, 0x57], ipv6(ping)), 'c000'],
    ['with PPPoE to nothing else', behind([0x88, 0x64, 0x11, 0, 0, 1, 0, 44, 0xc0, 0x21]), 'other'],
  ])('%s', (_, bytes, payload) => expect(payloadIn(bytes, 1)).toBe(payload))

  it('not in a cooked frame of another type', () => {
    expect(payloadIn(Buffer.concat([Buffer.alloc(14), Buffer.from([8, 6]), ipv4(ping)]), 113)).toBe('other')
    expect(payloadIn(Buffer.concat([Buffer.from([8, 6]), Buffer.alloc(18), ipv4(ping)]), 276)).toBe('other')
  })
})

/** An option of a block, filled up to four bytes. */
function option(code: number, value: Uint8Array): Buffer {
  const bytes = Buffer.alloc(4 + ((value.length + 3) & ~3))
  bytes.writeUInt16LE(code, 0)
  bytes.writeUInt16LE(value.length, 2)
  bytes.set(value, 4)
  return bytes
}

const described = (...options: readonly Buffer[]): [number, Buffer] => [
  1,
  Buffer.concat([Buffer.from([101, 0, 0, 0, 0, 0, 0, 0]), ...options]),
]

/** A frame at this many units of its interface. */
function framed(units: bigint, id = 0, bytes: Uint8Array = ipv4(ping)): [number, Buffer] {
  const body = Buffer.alloc(20 + bytes.length)
  body.writeUInt32LE(id, 0)
  body.writeUInt32LE(Number(units >> 32n), 4)
  body.writeUInt32LE(Number(units & 0xffff_ffffn), 8)
  body.writeUInt32LE(bytes.length, 12)
  body.set(bytes, 20)
  return [6, body]
}

const timesIn = (blocks: readonly (readonly [number, Uint8Array])[]) =>
  readCapture(pcapng(blocks))?.frames.map(({ atUs }) => atUs)

describe('the time of a frame in a pcapng file is', () => {
  const atUs = 1_795_862_265_123_456
  const name = option(2, Buffer.from('lo0'))
  it.each<[string, [number, Buffer][], number | undefined]>([
    ['in microseconds', [described(), framed(BigInt(atUs))], atUs],
    [
      'in nanoseconds, behind another option',
      [described(name, option(9, Buffer.of(9))), framed(BigInt(atUs) * 1_000n)],
      atUs,
    ],
    ['in powers of 2', [described(option(9, Buffer.of(0x80 | 10))), framed(1_024n * 5n + 512n)], 5_500_000],
    ['from an offset on', [described(option(14, Buffer.from('0200000000000000', 'hex'))), framed(3n)], 2_000_003],
    [
      'not set by what follows the end of options',
      [described(option(0, Buffer.alloc(0)), option(9, Buffer.of(0))), framed(7n)],
      7,
    ],
    ['that of its own interface', [described(), described(option(9, Buffer.of(0))), framed(7n, 1)], 7_000_000],
    [
      'unknown in a Simple Packet',
      [described(), [3, Buffer.concat([Buffer.from([42, 0, 0, 0]), ipv4(ping)])]],
      undefined,
    ],
  ])('%s', (_, blocks, time) => expect(timesIn(blocks)).toEqual([time]))
})

describe('a pcapng file', () => {
  it('gives the bytes of a Simple Packet without what fills them up', () => {
    const simple = Buffer.concat([Buffer.from([42, 0, 0, 0]), ipv4(ping), Buffer.of(1, 2)])
    expect(readCapture(pcapng([described(), [3, simple]]))?.frames[0]?.bytes).toEqual(ipv4(ping))
  })

  it('gives the key logs that it has, and no other secrets', () => {
    const secrets = (type: number, text: string, length = text.length) => {
      const body = Buffer.alloc(8 + text.length)
      body.writeUInt32LE(type, 0)
      body.writeUInt32LE(length, 4)
      body.write(text, 8)
      return [10, body] as const
    }
    const tls = 0x544c534b
    const read = (...blocks: readonly (readonly [number, Uint8Array])[]) => {
      const capture = readCapture(pcapng(blocks))
      return [capture?.tlsSecrets, capture?.fault?.replace(/.*block 2: /, '')]
    }
    expect(read(secrets(tls, 'A 1'), secrets(0x57474b4c, 'B 2'), secrets(tls, 'C 3\n'))).toEqual([
      'A 1\nC 3\n\n',
      undefined,
    ])
    expect(read(secrets(tls, ''))).toEqual(['\n', undefined])
    expect(read(secrets(tls, 'ABCD', 5))).toEqual(['', 'Decryption Secrets are longer than their block'])
    expect(read([10, Buffer.alloc(4)])).toEqual(['', 'a block of Decryption Secrets has 8 bytes or more'])
  })
})
