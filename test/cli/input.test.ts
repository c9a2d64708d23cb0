import { describe, expect, it } from 'vitest'
import { looksLikeHex, parseHex } from '../../src/cli/commands/explain.js'
import { readLines } from '../../src/cli/conversation/standard-input.js'

async function linesOf(chunks: readonly (string | Uint8Array)[], maxBytes = 1_000): Promise<string[]> {
  async function* source() {
    for (const chunk of chunks) yield Buffer.from(chunk)
  }
  const lines: string[] = []
  for await (const line of readLines(source(), maxBytes)) lines.push(line.toString('latin1'))
  return lines
}

describe('the lines of standard input', () => {
  it.each([
    [['a\nb\n'], ['a', 'b']],
    [['a\nb'], ['a', 'b']],
    [
      ['a', 'b', '\nc', '\n'],
      ['ab', 'c'],
    ],
    [['\n\n'], ['', '']],
    [['a\r\n'], ['a\r']],
    [[Uint8Array.of(0xff, 0, 0x0a, 0x80)], ['\xff\0', '\x80']],
    [[], []],
  ])('of %j are %j', async (chunks, lines) => {
    expect(await linesOf(chunks)).toEqual(lines)
  })

  it('are as long as a message may be, and no longer', async () => {
    expect(await linesOf(['12345', '67890\n1'], 10)).toEqual(['1234567890', '1'])
    await expect(linesOf(['12345', '678901'], 10)).rejects.toThrow('a line of standard input has more than 10 bytes')
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
    expect(Buffer.from(parseHex(text)).toString('hex')).toBe('3003000161')
    expect(looksLikeHex(Buffer.from(text))).toBe(true)
  })

  it('is told from bytes', () => {
    expect(looksLikeHex(Uint8Array.of(0x30, 0x03, 0x00, 0x01, 0x61))).toBe(false)
    expect(looksLikeHex(Uint8Array.of(0xc0, 0x00))).toBe(false)
  })
})
