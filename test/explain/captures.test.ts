import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { readCapture } from '../../src/explain/capture/capture-file.js'
import { type Connection, readConnections } from '../../src/explain/capture/connections.js'
import { readConversation } from '../../src/explain/capture/conversation.js'
import type { Capture, Frame } from '../../src/explain/capture/frame.js'
import { readInput } from '../../src/explain/input/read-input.js'
import { frame, ipv4, ipv6, pcap, pcapng, type SegmentFields } from './tcp-frames.js'

const folder = new URL('../../fixtures/captures/', import.meta.url)
const written = (name: string): Buffer => readFileSync(new URL(name, folder))

function captureIn(bytes: Uint8Array): Capture {
  const input = readInput(bytes)
  if (input.is !== 'capture') throw new Error(`read as ${input.is}`)
  return input.capture
}

/** A line for each packet, without what is the same in each. */
function lines({ parts }: Connection): string[] {
  return [...readConversation(parts)].map((event) => {
    const what = event.is === 'note' ? event.text : (event.packet[0]?.title ?? 'BYTES')
    return `${event.side}: ${what}`
  })
}

const linesOf = (frames: readonly Frame[]): string[] =>
  readConnections({ frames, tlsSecrets: '' }).connections.flatMap(lines)

const subscriber = [
  'client: CONNECT  client "watcher", clean session, keep alive 60 s',
  'server: CONNACK  accepted',
  'client: SUBSCRIBE  id 1, "lamp/#" QoS 2',
  'server: SUBACK  id 1, granted QoS 2',
  'server: PUBLISH  QoS 0, topic "lamp/1", 2 bytes',
  'server: PUBLISH  QoS 1, id 1, topic "lamp/2", 3 bytes',
  'client: PUBACK  id 1',
  'server: PUBLISH  QoS 2, id 2, topic "lamp/3", 12 bytes',
  'client: PUBREC  id 2',
  'server: PUBREL  id 2',
  'client: PUBCOMP  id 2',
  'client: DISCONNECT',
]

describe('a capture of', () => {
  it.each(['ethernet.pcap', 'ethernet.pcapng', 'nanoseconds.pcap', 'sll.pcap'])(
    '%s has both sides in order',
    (name) => {
      const { connections } = readConnections(captureIn(written(name)))
      const [first] = connections
      expect(first).toMatchObject({
        client: { host: '[::1]', port: 39544 },
        server: { host: '[::1]', port: 18883 },
        content: 'MQTT',
        begins: 'at SYN',
        repeated: 0,
        disordered: 0,
      })
      expect(new Date((first?.startUs ?? 0) / 1000).toISOString()).toBe('2026-11-28T07:34:35.206Z')
      expect(first === undefined ? [] : lines(first)).toEqual(subscriber)
    },
  )

  it('sll2.pcap has IPv4', () => {
    const { connections } = readConnections(captureIn(written('sll2.pcap')))
    expect(connections.map(({ client }) => client.host)).toEqual(['127.0.0.1', '127.0.0.1'])
    expect(connections.map((connection) => lines(connection).length)).toEqual([4, 5])
  })

  it.each(['text/tshark-frames.txt', 'text/tcpdump-ip.txt', 'text/tcpdump-ethernet.txt'])('%s, as text', (name) => {
    const [first] = readConnections(captureIn(written(name))).connections
    expect(first === undefined ? [] : lines(first)).toEqual(subscriber.slice(0, 4))
  })

  it('the text of tcpdump has the time of the day', () => {
    const [first] = readConnections(captureIn(written('text/tcpdump-ip.txt'))).connections
    expect(first?.startUs).toBe(((7 * 60 + 34) * 60 + 35) * 1e6 + 206_916)
  })

  it('short frames has the packets whose bytes are there, and says what is missing', () => {
    const [first] = readConnections(captureIn(written('short-frames.pcap'))).connections
    expect(first === undefined ? [] : lines(first)).toEqual([
      ...[
        'client: 7 bytes missing in the capture, of a packet of 21 bytes, which is passed over',
        ...subscriber.slice(1, 5),
      ],
      ...[
        'server: 1 byte missing in the capture, of a packet of 15 bytes, which is passed over',
        ...subscriber.slice(6, 7),
      ],
      ...[
        'server: 10 bytes missing in the capture, of a packet of 24 bytes, which is passed over',
        ...subscriber.slice(8),
      ],
    ])
  })

  it('TLS is told as TLS', () => {
    const { connections } = readConnections(captureIn(written('tls.pcapng')))
    expect(connections.map(({ content }) => content)).toEqual(['TLS', 'TLS'])
  })

  const ping: SegmentFields = { from: 'client', sequence: 1, payload: Uint8Array.of(0xc0, 0) }
  const behind = (bytes: number[], packet: Buffer) => Buffer.concat([Buffer.from(bytes), packet])
  const macs = Array<number>(12).fill(2)
  it.each([
    ['raw IP', 101, ipv4(ping)],
    ['raw IPv6', 229, ipv6(ping)],
    ['BSD loopback', 0, behind([2, 0, 0, 0], ipv4(ping))],
    ['OpenBSD loopback', 108, behind([0, 0, 0, 24], ipv6(ping))],
    ['Ethernet', 1, behind([...macs, 8, 0], ipv4(ping))],
    ['Ethernet with a tag of a virtual network', 1, behind([...macs, 0x81, 0, 0, 7, 0x86, 0xdd], ipv6(ping))],
    ['Ethernet with PPPoE', 1, behind([...macs, 0x88, 0x64, 0x11, 0, 0, 1, 0, 44, 0, 0x21], ipv4(ping))],
    ['Linux cooked', 113, behind([...Array<number>(14).fill(0), 8, 0], ipv4(ping))],
    ['Linux cooked, version 2', 276, behind([0x86, 0xdd, ...Array<number>(18).fill(0)], ipv6(ping))],
  ])('%s is read, in both byte orders', (_, linkType, bytes) => {
    for (const order of ['LE', 'BE'] as const) {
      expect(linesOf(captureIn(pcap([bytes], linkType, order)).frames)).toEqual(['client: PINGREQ'])
    }
  })

  it('other frames counts them by the reason', () => {
    const fragment = ipv4(ping)
    fragment[6] = 0x20
    const udp = ipv4(ping)
    udp[9] = 17
    const { unread } = readConnections(captureIn(pcap([fragment, udp, udp], 101)))
    expect([...unread]).toEqual([
      ['fragment', 1],
      ['other', 2],
    ])
    expect([...readConnections(captureIn(pcap([udp], 147))).unread]).toEqual([['unknown link type', 1]])
  })
})

describe('TCP', () => {
  const publish = Buffer.from('30050001616869c000', 'hex')
  const whole = ['client: PUBLISH  QoS 0, topic "a", 2 bytes', 'client: PINGREQ']
  const piece = (from: number, to: number): Frame =>
    frame({ from: 'client', sequence: 100 + from, payload: publish.subarray(from, to) })

  it.each<[string, [number, number][]]>([
    [
      'in pieces',
      [
        [0, 1],
        [1, 6],
        [6, 9],
      ],
    ],
    [
      'sent again',
      [
        [0, 5],
        [0, 5],
        [5, 9],
        [0, 9],
      ],
    ],
    [
      'overlapping',
      [
        [0, 5],
        [3, 9],
      ],
    ],
    [
      'too early',
      [
        [0, 2],
        [6, 9],
        [4, 7],
        [2, 4],
      ],
    ],
  ])('%s is put in order', (_, pieces) => {
    expect(linesOf(pieces.map(([from, to]) => piece(from, to)))).toEqual(whole)
  })

  it('is put in order for any pieces, any order and any repetitions, around the end of the sequence numbers', () => {
    const bytes = Uint8Array.from({ length: 200 }, (_, index) => index)
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(199), fc.integer({ min: 1, max: 40 })), { minLength: 1, maxLength: 30 }),
        fc.integer({ min: 0, max: 2 ** 32 - 1 }),
        (cuts, start) => {
          const covering = Array.from({ length: 10 }, (_, index) => [20 * index, 20] as const)
          const syn = frame({ from: 'client', sequence: start, flags: 'SYN' })
          const segments = [...cuts, ...covering].map(([from, length]) =>
            frame({ from: 'client', sequence: start + 1 + from, payload: bytes.subarray(from, from + length) }),
          )
          const [connection] = readConnections({ frames: [syn, ...segments], tlsSecrets: '' }).connections
          expect(Buffer.concat((connection?.parts ?? []).map((part) => part.bytes))).toEqual(Buffer.from(bytes))
          expect(connection?.parts.every(({ missing }) => missing === 0)).toBe(true)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('counts what came again, and what came too early, by side and together', () => {
    const pieces = [piece(0, 2), piece(4, 6), piece(6, 9), piece(2, 4), piece(0, 2), piece(2, 4)]
    const answer = { from: 'server', sequence: 1, payload: Uint8Array.of(0xd0, 0) } as const
    const [connection] = readConnections({
      frames: [...pieces, frame(answer), frame(answer)],
      tlsSecrets: '',
    }).connections
    expect(connection).toMatchObject({ disordered: 2, repeated: 3 })
  })

  it('with a gap inside of a packet goes on behind the packet', () => {
    expect(linesOf([piece(0, 3), piece(5, 9)])).toEqual([
      'client: 2 bytes missing in the capture, of a packet of 7 bytes, which is passed over',
      'client: PINGREQ',
    ])
  })

  it('with a gap beyond a packet stops there, and says how much is not looked at', () => {
    expect(linesOf([piece(0, 3), piece(8, 9)])).toEqual([
      'client: 5 bytes missing in the capture: nobody knows where the next packet begins',
      'client: 1 byte more, not looked at',
    ])
  })

  it('with two thousand segments behind a gap gives up waiting for it', () => {
    const pings = Array.from({ length: 2_000 }, (_, index) =>
      frame({ from: 'client', sequence: 200 + 2 * index, payload: Uint8Array.of(0xc0, 0) }, index),
    )
    const { connections } = readConnections({
      frames: [frame({ from: 'client', sequence: 0 }), ...pings],
      tlsSecrets: '',
    })
    expect(connections[0]?.parts.length).toBe(2_000)
    expect(connections[0]?.parts[0]).toMatchObject({ missing: 200, atUs: 1_024 })
  })

  it('between the same ports again is another connection', () => {
    const open = (sequence: number) => [
      frame({ from: 'client', sequence, flags: 'SYN' }),
      frame({ from: 'client', sequence: sequence + 1, payload: Uint8Array.of(0xc0, 0) }),
      frame({ from: 'client', sequence: sequence + 3, flags: 'FIN' }),
    ]
    const { connections } = readConnections({ frames: [...open(10), ...open(5_000)], tlsSecrets: '' })
    expect(connections.map(lines)).toEqual([['client: PINGREQ'], ['client: PINGREQ']])
  })

  it('between the same ports again is another connection, also if the first has carried nothing', () => {
    const frames = [
      frame({ from: 'client', sequence: 10, flags: 'SYN' }),
      frame({ from: 'client', sequence: 11, flags: 'FIN' }),
      frame({ from: 'client', sequence: 5_000, flags: 'SYN' }),
      frame({ from: 'client', sequence: 5_001, payload: Uint8Array.of(0xc0, 0) }),
    ]
    const { connections } = readConnections({ frames, tlsSecrets: '' })
    expect(connections.map(({ content, disordered }) => [content, disordered])).toEqual([
      ['nothing', 0],
      ['other', 0],
    ])
  })

  it.each<[string, SegmentFields, string]>([
    ['the one that opens it', { from: 'client', sequence: 0, flags: 'SYN', serverPort: 60_000 }, '10.0.0.1'],
    ['not the one that answers', { from: 'server', sequence: 0, flags: 'SYN ACK', serverPort: 60_000 }, '10.0.0.1'],
    ['not the one with a port of MQTT', { from: 'server', sequence: 0, payload: 'a', serverPort: 8883 }, '10.0.0.1'],
    [
      'the one that says CONNECT',
      { from: 'server', sequence: 0, payload: '\x10\x0c\0\x04MQTT\x04\x02\0\0\0\0', serverPort: 60_000 },
      '10.0.0.2',
    ],
  ])('has as client %s', (_, fields, host) => {
    const { connections } = readConnections({ frames: [frame(fields)], tlsSecrets: '' })
    expect(connections[0]?.client.host).toBe(host)
  })
})

describe('a damaged capture says by which rule, behind what could be read:', () => {
  const good = pcap([ipv4({ from: 'client', sequence: 1, payload: Uint8Array.of(0xc0, 0) })], 101)
  const long = Buffer.from(good)
  long.writeUInt32LE(262_145, 32)
  const version = Buffer.from(good)
  version.writeUInt16LE(3, 4)
  const description = [1, Buffer.from([101, 0, 0, 0, 0, 0, 0, 0])] as const
  const packet = (id: number, length: number) => {
    const body = Buffer.alloc(24)
    body.writeUInt32LE(id, 0)
    body.writeUInt32LE(length, 12)
    return [6, body] as const
  }
  const ends = pcapng([description])
  ends.writeUInt32LE(16, ends.length - 4)
  const odd = pcapng([description])
  odd.writeUInt32LE(21, 32)

  it.each<[Buffer, number, string]>([
    [good.subarray(0, -1), 0, 'the capture is cut or damaged: record 1 ends before its 42 bytes'],
    [Buffer.concat([good, Buffer.alloc(15)]), 1, 'the capture is cut or damaged: record 2 ends in its header'],
    [
      long,
      0,
      'the capture is cut or damaged: record 1 has a length of 262,145, and a record has at most 262,144 bytes',
    ],
    [version, 0, 'this is version 3 of pcap, and only 2 is known'],
    [good.subarray(0, 20), 0, 'a pcap file begins with 24 bytes, and this one has 20'],
    [ends, 0, 'the capture is cut or damaged: block 2: its length is 20 at its start and 16 at its end'],
    [odd, 0, 'the capture is cut or damaged: block 2: its length is 21: a multiple of 4, from 12 on, is valid'],
    [
      pcapng([packet(0, 1)]),
      0,
      'the capture is cut or damaged: block 2: a frame is of interface 0, and no block before it describes that interface',
    ],
    [
      pcapng([description, packet(0, 5)]),
      0,
      'the capture is cut or damaged: block 3: a frame is longer than its block',
    ],
    [
      pcapng([description]).subarray(0, -4),
      0,
      'the capture is cut or damaged: block 2: its length is 20, and 16 bytes are left',
    ],
    [
      pcapng([]).subarray(0, 11),
      0,
      'the capture is cut or damaged: block 1: a block has 12 bytes or more, and 11 are left',
    ],
    [
      Buffer.concat([pcapng([]).subarray(0, 8), Buffer.alloc(20)]),
      0,
      'the capture is cut or damaged: block 1: the byte-order magic of a Section Header is 1a2b3c4d',
    ],
    [
      pcapng([[1, Buffer.alloc(4)]]),
      0,
      'the capture is cut or damaged: block 2: an Interface Description has 8 bytes or more',
    ],
  ])('%#', (bytes, frames, fault) => {
    const capture = readCapture(bytes)
    expect([capture?.frames.length, capture?.fault]).toEqual([frames, fault])
  })

  it('any bytes behind the start of a file give frames or a fault, and no exception', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...['ethernet.pcap', 'ethernet.pcapng'].map(written)),
        fc.nat(),
        fc.nat(255),
        (file, at, byte) => {
          const damaged = Buffer.from(file)
          damaged[4 + (at % (damaged.length - 4))] = byte
          const capture = readCapture(damaged)
          if (capture !== undefined) for (const connection of readConnections(capture).connections) lines(connection)
        },
      ),
      { numRuns: 300 },
    )
  })
})
