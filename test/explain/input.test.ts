import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { looksLikeHex, readHex } from '../../src/explain/input/hex-text.js'
import { readInput, readText } from '../../src/explain/input/read-input.js'

/** What real programs have written about the same 145 bytes: see fixtures/captures/README.md. */
const folder = new URL('../../fixtures/captures/text/', import.meta.url)
const written = (name: string): Buffer => readFileSync(new URL(name, folder))
const packets = written('packets.bin')

function hexOf(text: string): string {
  const input = readText(text)
  return input.is === 'packets' ? Buffer.from(input.bytes).toString('hex') : input.is
}

function whyNot(text: string): string {
  const input = readText(text)
  return input.is === 'foreign' ? input.why : input.is
}

describe('explain reads', () => {
  it.each([
    'packets.bin',
    'xxd.txt',
    'xxd-wide.txt',
    'xxd-skipped.txt',
    'xxd-plain.txt',
    'xxd-array.txt',
    'xxd-utf16.txt',
    'hexdump-canonical.txt',
    'od-hex.txt',
    'od-octal-offsets.txt',
    'od-decimal-offsets.txt',
    'base64.txt',
    'python.txt',
    'node-buffer.txt',
    'node-uint8array.txt',
    'node-arraybuffer.txt',
    'node-json.txt',
  ])('what has been written in %s', (name) => {
    const input = readInput(written(name))
    expect(input.is === 'packets' ? Buffer.from(input.bytes) : input).toEqual(packets)
  })

  it.each([
    ['"\\x30\\x05\\x00\\x01" \\\n"\\x61\\x68\\x69"', '30050001616869'],
    ["b'0\\x05\\x00\\x01ahi'", '30050001616869'],
    ['\\x30\\5\\0\\001a\\\\i', '30050001615c69'],
    ["'0\\x05\\x00\\x01\\n\\t温'", '300500010a09e6b8a9'],
    ['\\x30 \\x05, \\x00', '300500'],
    ["'\\x30\\a\\b\\t\\n\\v\\f\\r\\e'", '300708090a0b0c0d1b'],
    ['<Buffer 30 05> and <Buffer 00 01>', '30050001'],
    ['new byte[] { (byte)0xe0, 0x0 }', 'e000'],
    ['[-32, 0] // of Java', 'e000'],
    ['{ /* 0xff, */ 0xe0, 0x00 }', 'e000'],
    ['[e0, 00]', 'e000'],
    ['[32, 10]', '200a'],
    ['[255, -128, 0]', 'ff8000'],
    ['const uint8_t packet[2] = { 0xe0, 0x00 };', 'e000'],
    ['packet [2] = { 0xe0, 0x00 }', 'e000'],
    ['[2]byte{0xe0, 0x00}', 'e000'],
    ['uint8_t packets[1][2] = { 0xe0, 0x00 };', 'e000'],
    ['packet[0] = 0xe0; packet[1] = 0;', 'foreign'],
    ["['30', '05', '00', '01', '61']", '3005000161'],
    ['[256, 0]', 'foreign'],
    ['[-129, 0]', 'foreign'],
    ['wAA=', 'c000'],
    ['MAUAAWFoaQ', '30050001616869'],
    ['30 05 00 01 61 68 69', '30050001616869'],
  ])('%j', (text, hex) => {
    expect(hexOf(text)).toBe(hex)
  })

  it('the offsets of a dump, so that a missing line is found', () => {
    const lines = written('xxd.txt').toString().split('\n')
    expect(whyNot([...lines.slice(0, 2), ...lines.slice(3)].join('\n'))).toBe(
      'line 3 of the dump is at offset 00000030, and 32 bytes come before it: a line is missing or cut',
    )
  })

  it.each([
    ['0000000 e0 00\n*\n0000020', 16],
    ['0000000 e0 00\n*\n0000018', 18],
    ['000000 e0 00\n*\n000010', 16],
    ['00000000  e0 00\n*\n00000010', 16],
  ])('how many bytes a * stands for, by the offset behind it: %j', (text, bytes) => {
    expect(hexOf(text)).toBe('e000'.repeat(bytes / 2))
  })

  it('both sides of a connection that Wireshark has followed', () => {
    const input = readInput(written('tshark-follow.txt'))
    const parts = input.is === 'sides' ? input.parts : []
    expect(parts.map(({ side, bytes }) => `${side} ${Buffer.from(bytes).toString('hex')}`).slice(0, 3)).toEqual([
      'first 101300044d5154540402003c000777617463686572',
      'second 20020000',
      'first 820b000100066c616d702f2302',
    ])
    expect(parts).toHaveLength(9)
  })

  it('the arrays of both sides, with which Wireshark follows a connection too', () => {
    const input = readText(
      'char peer0_0[] = { /* Packet 4 */\n0xc0, 0x00 };\nchar peer1_0[2] = { /* Packet 5 */\n0xd0, 0x00 };',
    )
    expect(input).toEqual({
      is: 'sides',
      parts: [
        { side: 'first', bytes: Uint8Array.of(0xc0, 0) },
        { side: 'second', bytes: Uint8Array.of(0xd0, 0) },
      ],
    })
  })
})

describe('explain says what it cannot read:', () => {
  it.each([
    ['one *', '00000000  e0 00\n*\n04000004\n', 3],
    ['many *', '00000000  e0 00\n*\n00400000\n'.repeat(17), 51],
  ])('more than 64 MiB for which %s stands', (_, text, line) => {
    expect(whyNot(text)).toBe(
      `line ${line}: '*' stands for more than 67,108,864 bytes: give the bytes themselves, in a file`,
    )
  })

  it.each([
    [
      'hexdump-words.txt',
      'it looks like hexdump or od -x, whose words are in the order of the machine: write hexdump -C',
    ],
    ['od-octal.txt', 'it looks like od in octal: write od -t x1, or xxd'],
    ['xxd-bits.txt', 'it looks like the bits of xxd -b: write xxd without -b'],
    ['node-buffer-cut.txt', "Node.js has cut the bytes (95 more bytes): print buffer.toString('hex') instead"],
    ['node-uint8array-cut.txt', "Node.js has cut the bytes (45 more items): print buffer.toString('hex') instead"],
  ])('%s', (name, why) => {
    expect(readInput(written(name))).toEqual({ is: 'foreign', why })
  })

  it.each([
    ['HTTP/1.1 400 Bad Request\r\n\r\n', 'it looks like an answer of HTTP: the port was that of a web server'],
    ['{"topic":"a"}', 'it looks like JSON'],
    ['-----BEGIN CERTIFICATE-----\nMIIB\n', 'it looks like a certificate or a key in PEM'],
    ['1795851275: New connection from ::1', 'it looks like the log of mosquitto, which has no bytes'],
    ['good morning', 'it looks like words'],
    ['passw0rd', 'it looks like words, or like base64 of something that is no packet'],
    ['beef steak', 'it looks like words'],
    ['30 O5 00', '"O" is no hexadecimal digit: write the bytes as in 30 03 00 01 61'],
    ['1f 8b 08 00', 'it looks like gzip: unpack it first, as by zcat'],
    ['160301 0200', 'it looks like the start of TLS: the packets are encrypted; explain a capture of it with --keylog'],
  ])('%j', (text, why) => {
    expect(whyNot(text)).toBe(why)
  })
})

describe('hexadecimal text', () => {
  it.each([
    '30 03 00 01 61',
    '3003000161',
    '0x30, 0x03; 0x00_01.61',
    '30:03:00:01:61',
    '\\x30\\x03\\x00\\x01\\x61',
    '30-03-00\n01-61\n',
  ])('%j is five bytes', (text) => {
    expect(readHex(text)).toEqual({ bytes: Uint8Array.of(0x30, 0x03, 0x00, 0x01, 0x61) })
    expect(looksLikeHex(text)).toBe(true)
  })

  it('is told from words', () => {
    expect(looksLikeHex('beer')).toBe(false)
    expect(readHex('30 0')).toEqual({
      fault: '3 hexadecimal digits are no whole number of bytes: write both digits of each byte',
    })
  })
})
