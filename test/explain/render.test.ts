import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ControlPacket, encodePacket } from '../../src/codec/index.js'
import { explain, render } from '../../src/explain/index.js'
import { anyCharacter } from '../codec/any-character.js'
import { damagedStream, packetStream, publishOf } from './control-packets.js'

function listing(...packets: ControlPacket[]): string {
  return render(explain(Buffer.concat(packets.map((packet) => encodePacket(packet)))))
}

function withoutColor(text: string): string {
  const [plain = '', ...colored] = text.split('\u001b')
  return plain + colored.map((piece) => piece.slice(piece.indexOf('m') + 1)).join('')
}

/** The columns of a line by another measure than the one under test: it knows scripts, not code point ranges. */
function columnsOf(line: string): number {
  // Of Hangul the vowels and finals that join a syllable, and the half-width letters, are not wide.
  const wide =
    /(?![\u1160-\u11ff\ud7b0-\ud7ff\uffa0-\uffdc])[\p{Script=Han}\p{Script=Hangul}\p{Script=Hiragana}\p{Emoji_Presentation}\u3000-\u303e\uff01-\uff60]/u
  return Array.from(line).reduce((sum, character) => sum + (wide.test(character) ? 2 : 1), 0)
}

const hostile = fc.string({
  unit: fc.oneof(
    fc.constantFrom(
      '温',
      '度',
      '한',
      'ひ',
      '😀',
      '👩‍👩‍👧',
      '！',
      'e\u0301\u0301\u0301',
      'אב',
      'हिन्दी',
      '\u001b[2J',
      '\u009b31m',
      '\r',
      '\n',
      '\u202e',
      '\u200b',
    ),
    fc.string({ unit: anyCharacter, minLength: 1, maxLength: 1 }).filter((character) => character !== '\u0000'),
    fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 9 }).map((text) => text.replaceAll(/[+#]/g, 'x')),
  ),
  minLength: 1,
  maxLength: 120,
})
const bytesToShow = fc.oneof(
  packetStream,
  damagedStream,
  fc.uint8Array({ maxLength: 64 }),
  fc.tuple(hostile, hostile).map(([topic, payload]) => publishOf(topic, payload)),
)

describe('render', () => {
  it('keeps every line within 80 columns, whatever the bytes are, in colour and without', () => {
    fc.assert(
      fc.property(bytesToShow, fc.boolean(), (bytes, color) => {
        const lines = withoutColor(render(explain(bytes), { color })).split('\n')
        expect(lines.filter((line) => columnsOf(line) > 80)).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  it('lets nothing that was received command the terminal', () => {
    fc.assert(
      fc.property(bytesToShow, (bytes) => {
        expect(render(explain(bytes)).replaceAll('\n', '')).not.toMatch(/[\p{C}\p{Zl}\p{Zp}]/u)
      }),
      { numRuns: 500 },
    )
  })

  it('escapes annotations that somebody else made', () => {
    const text = 'x\u001b[2J\n'.repeat(30)
    const annotation = {
      offset: 0,
      length: 1,
      field: text,
      value: text,
      meaning: text,
      section: text,
      fault: text,
      title: text,
    }
    const lines = render([annotation]).split('\n')
    expect(lines.join('')).not.toMatch(/\p{C}/u)
    for (const line of lines) expect(columnsOf(line)).toBeLessThanOrEqual(80)
  })

  it('says the same with colour as without', () => {
    fc.assert(
      fc.property(bytesToShow, (bytes) => {
        const annotations = explain(bytes)
        expect(withoutColor(render(annotations, { color: true }))).toBe(render(annotations))
      }),
    )
    expect(render(explain(Buffer.of(0xc0, 0)))).not.toContain('\u001b')
    expect(render(explain(Buffer.of(0xc0, 0)), { color: true })).toContain('\u001b[1mPINGREQ\u001b[0m')
  })

  it('has no trailing spaces', () => {
    fc.assert(
      fc.property(bytesToShow, (bytes) => {
        expect(render(explain(bytes))).not.toMatch(/ $/m)
      }),
    )
  })

  it('shows a faulty byte in brackets, also far inside a long field', () => {
    const bytes = Buffer.from(publishOf(`a${'b'.repeat(250)}cdef`))
    bytes.writeUInt8(0xff, 255)
    expect(render(explain(bytes))).toContain(`
│   5  61 62 62 62 62 62  Topic Name         255 bytes  not UTF-8        3.3.2.1
│      … 240 more
│      62 62 62 62[ff]63
│      … 3 more
│      ╰─ ✗ MQTT-1.5.3-1  received a string that is ill-formed UTF-8`)
  })

  it('closes the brackets at the end of a row', () => {
    const bytes = Buffer.from(publishOf('abcdefgh'))
    bytes.writeUInt8(0xff, 9)
    expect(render(explain(bytes))).toContain(`
│   4  61 62 63 64 65[ff] Topic Name         8 bytes  not UTF-8          3.3.2.1
│      67 68
│      ╰─ ✗ `)
  })

  it('hangs a fault in the bits of a byte below them [MQTT-3.3.1-4]', () => {
    expect(render(explain(Buffer.from('3605000161', 'hex')))).toContain(`
│   0 [36]                Fixed header       PUBLISH  a message              2.2
│      ├ 0011 ....        Packet type        3  PUBLISH                    2.2.1
│      ├ .... 0...        DUP                0  first delivery           3.3.1.1
│      ├ .... .11.        QoS                3  forbidden                3.3.1.2
│      ├ .... ...0        RETAIN             0  not retained             3.3.1.3
│      ╰─ ✗ MQTT-3.3.1-4  `)
  })

  it('shows empty brackets where a byte is missing', () => {
    expect(render(explain(Buffer.from('3203000161', 'hex')))).toContain(`
│   4  61[  ]             Topic Name         "a"                         3.3.2.1
│      ╰─ ✗ MQTT-2.3.1-1`)
  })

  it('aligns its columns behind wide characters and long offsets', () => {
    const text = render(explain(Buffer.concat([publishOf('a', 'x'.repeat(12_000)), publishOf('温度', '😀')])))
    expect(text.split('\n').slice(-4)).toEqual([
      '│ 12008  00 06              Length             6  bytes of Topic Name      1.5.3',
      '│ 12010  e6 b8 a9 e5 ba a6  Topic Name         "温度"                    3.3.2.1',
      '│ 12016  f0 9f 98 80        Payload            "😀"  4 bytes               3.3.3',
      '└─ ✓ 2 packets, 12,020 bytes, nothing wrong',
    ])
  })

  it('says so where there are no bytes', () => {
    expect(render([])).toBe('── ✓ 0 packets, 0 bytes, nothing wrong')
  })
})

describe('the listing of', () => {
  it('a CONNECT with a will and a signed password', () => {
    const will = { topic: 'tank/state', payload: Buffer.from('gone'), qos: 1, retain: true } as const
    const password = Buffer.from('5E'.repeat(32))
    const text = listing({
      type: 'connect',
      clientId: 'tank',
      cleanSession: false,
      keepAlive: 60,
      username: 'ann',
      password,
      will,
    })
    expect(`\n${text}\n`).toBe(`
┌─ CONNECT  client "tank", persistent session, keep alive 60 s, u… ─ 107 bytes ─
│   0  10                 Fixed header       CONNECT  a client says hello    2.2
│      ├ 0001 ....        Packet type        1  CONNECT                    2.2.1
│      └ .... 0000        Flags              0000  reserved                2.2.2
│   1  69                 Remaining Length   105  bytes to follow          2.2.3
│   2  00 04              Length             4  bytes of Protocol Name     1.5.3
│   4  4d 51 54 54        Protocol Name      "MQTT"                      3.1.2.1
│   8  04                 Protocol Level     4  MQTT 3.1.1               3.1.2.2
│   9  ec                 Connect Flags      0xec                        3.1.2.3
│      ├ 1... ....        User Name Flag     1  a User Name follows      3.1.2.8
│      ├ .1.. ....        Password Flag      1  a Password follows       3.1.2.9
│      ├ ..1. ....        Will Retain        1  will is retained         3.1.2.7
│      ├ ...0 1...        Will QoS           1  at least once            3.1.2.6
│      ├ .... .1..        Will Flag          1  a will follows           3.1.2.5
│      ├ .... ..0.        Clean Session      0  resumes its Session      3.1.2.4
│      └ .... ...0        Reserved           0  always 0                 3.1.2.3
│  10  00 3c              Keep Alive         60 s  server waits 90 s    3.1.2.10
│  12  00 04              Length             4  bytes of Client Identifier 1.5.3
│  14  74 61 6e 6b        Client Identifier  "tank"                      3.1.3.1
│  18  00 0a              Length             10  bytes of Will Topic       1.5.3
│  20  74 61 6e 6b 2f 73  Will Topic         "tank/state"                3.1.3.2
│      74 61 74 65
│  30  00 04              Length             4  bytes of Will Message    3.1.3.3
│  32  67 6f 6e 65        Will Message       "gone"  4 bytes             3.1.3.3
│  36  00 03              Length             3  bytes of User Name         1.5.3
│  38  61 6e 6e           User Name          "ann"                       3.1.3.4
│  41  00 40              Length             64  bytes of Password       3.1.3.5
│  43  .. .. .. .. .. …   Password           64 upper-case hex digits    3.1.3.5
│                                            64 bytes like HMAC-SHA256, hidden
└─ ✓ 1 packet, 107 bytes, nothing wrong
`)
  })

  it('a SUBSCRIBE and its SUBACK', () => {
    const text = listing(
      {
        type: 'subscribe',
        packetId: 2,
        subscriptions: [
          { filter: 'tank/+/°C', qos: 1 },
          { filter: '#', qos: 0 },
        ],
      },
      { type: 'suback', packetId: 2, returnCodes: [1, 0x80] },
    )
    expect(`\n${text}\n`).toBe(`
┌─ SUBSCRIBE  id 2, "tank/+/°C" QoS 1, "#" QoS 0 ──────────────────── 21 bytes ─
│   0  82                 Fixed header       SUBSCRIBE  asks for messages    2.2
│      ├ 1000 ....        Packet type        8  SUBSCRIBE                  2.2.1
│      └ .... 0010        Flags              0010  reserved                2.2.2
│   1  13                 Remaining Length   19  bytes to follow           2.2.3
│   2  00 02              Packet Identifier  2  until SUBACK               3.8.2
│   4  00 0a              Length             10  bytes of Topic Filter     1.5.3
│   6  74 61 6e 6b 2f 2b  Topic Filter       "tank/+/°C"                   3.8.3
│      2f c2 b0 43
│  16  01                 Requested QoS      1  at least once              3.8.3
│  17  00 01              Length             1  byte of Topic Filter       1.5.3
│  19  23                 Topic Filter       "#"                           3.8.3
│  20  00                 Requested QoS      0  at most once               3.8.3
│
├─ SUBACK  id 2, granted QoS 1, refused ────────────────────────────── 6 bytes ─
│  21  90                 Fixed header       SUBACK  what is granted         2.2
│      ├ 1001 ....        Packet type        9  SUBACK                     2.2.1
│      └ .... 0000        Flags              0000  reserved                2.2.2
│  22  04                 Remaining Length   4  bytes to follow            2.2.3
│  23  00 02              Packet Identifier  2  of the SUBSCRIBE           3.9.2
│  25  01                 Return Code        1  granted: at least once     3.9.3
│  26  80                 Return Code        0x80  refused                 3.9.3
└─ ✓ 2 packets, 27 bytes, nothing wrong
`)
  })

  it('the four packets of QoS 2', () => {
    const payload = Buffer.from('{"open":true}')
    const text = listing(
      { type: 'publish', topic: 'valve', payload, qos: 2, packetId: 10, dup: false, retain: false },
      { type: 'pubrec', packetId: 10 },
      { type: 'pubrel', packetId: 10 },
      { type: 'pubcomp', packetId: 10 },
    )
    expect(`\n${text}\n`).toBe(`
┌─ PUBLISH  QoS 2, id 10, topic "valve", 13 bytes ─────────────────── 24 bytes ─
│   0  34                 Fixed header       PUBLISH  QoS 2, 1 of 4: message 2.2
│      ├ 0011 ....        Packet type        3  PUBLISH                    2.2.1
│      ├ .... 0...        DUP                0  first delivery           3.3.1.1
│      ├ .... .10.        QoS                2  exactly once             3.3.1.2
│      └ .... ...0        RETAIN             0  not retained             3.3.1.3
│   1  16                 Remaining Length   22  bytes to follow           2.2.3
│   2  00 05              Length             5  bytes of Topic Name        1.5.3
│   4  76 61 6c 76 65     Topic Name         "valve"                     3.3.2.1
│   9  00 0a              Packet Identifier  10  until PUBCOMP           3.3.2.2
│  11  7b 22 6f 70 65 6e  Payload            '{"open":true}'  13 bytes     3.3.3
│      22 3a 74 72 75 65
│      7d
│
├─ PUBREC  id 10 ───────────────────────────────────────────────────── 4 bytes ─
│  24  50                 Fixed header       PUBREC  QoS 2, 2 of 4: received 2.2
│      ├ 0101 ....        Packet type        5  PUBREC                     2.2.1
│      └ .... 0000        Flags              0000  reserved                2.2.2
│  25  02                 Remaining Length   2  bytes to follow            2.2.3
│  26  00 0a              Packet Identifier  10  of the PUBLISH            3.5.2
│
├─ PUBREL  id 10 ───────────────────────────────────────────────────── 4 bytes ─
│  28  62                 Fixed header       PUBREL  QoS 2, 3 of 4: released 2.2
│      ├ 0110 ....        Packet type        6  PUBREL                     2.2.1
│      └ .... 0010        Flags              0010  reserved                2.2.2
│  29  02                 Remaining Length   2  bytes to follow            2.2.3
│  30  00 0a              Packet Identifier  10  of the PUBLISH            3.6.2
│
├─ PUBCOMP  id 10 ──────────────────────────────────────────────────── 4 bytes ─
│  32  70                 Fixed header       PUBCOMP  QoS 2, 4 of 4: done    2.2
│      ├ 0111 ....        Packet type        7  PUBCOMP                    2.2.1
│      └ .... 0000        Flags              0000  reserved                2.2.2
│  33  02                 Remaining Length   2  bytes to follow            2.2.3
│  34  00 0a              Packet Identifier  10  free again                3.7.2
└─ ✓ 4 packets, 36 bytes, nothing wrong
`)
  })

  it('a fault, and what is behind it [MQTT-1.5.3-1]', () => {
    const text = render(explain(Buffer.from('d000 300b 0006612f62c32863 0a4f4b c000'.replaceAll(' ', ''), 'hex')))
    expect(`\n${text}\n`).toBe(`
┌─ PINGRESP ────────────────────────────────────────────────────────── 2 bytes ─
│   0  d0                 Fixed header       PINGRESP  still here            2.2
│      ├ 1101 ....        Packet type        13  PINGRESP                  2.2.1
│      └ .... 0000        Flags              0000  reserved                2.2.2
│   1  00                 Remaining Length   0  nothing follows            2.2.3
│
├─ PUBLISH  malformed ──────────────────────────────────────────────────────────
│   2  30                 Fixed header       PUBLISH  a message, sent once   2.2
│      ├ 0011 ....        Packet type        3  PUBLISH                    2.2.1
│      ├ .... 0...        DUP                0  first delivery           3.3.1.1
│      ├ .... .00.        QoS                0  at most once             3.3.1.2
│      └ .... ...0        RETAIN             0  not retained             3.3.1.3
│   3  0b                 Remaining Length   11  bytes to follow           2.2.3
│   4  00 06              Length             6  bytes of Topic Name        1.5.3
│   6  61 2f 62[c3]28 63  Topic Name         6 bytes  not UTF-8          3.3.2.1
│      ╰─ ✗ MQTT-1.5.3-1  received a string that is ill-formed UTF-8
│  12  .. .. .. .. ..     not looked at      5 bytes  behind the fault       4.8
└─ ✗ a fault at byte 9, in packet 2
`)
  })
})
