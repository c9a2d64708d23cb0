import { describe, expect, it } from 'vitest'
import { readAll, readLines } from '../../src/cli/conversation/standard-input.js'

async function* inputOf(chunks: readonly (string | Uint8Array)[]) {
  for (const chunk of chunks) yield Buffer.from(chunk)
}

async function linesOf(chunks: readonly (string | Uint8Array)[], maxBytes = 1_000): Promise<string[]> {
  const lines: string[] = []
  for await (const line of readLines(inputOf(chunks), maxBytes)) lines.push(line.toString('latin1'))
  return lines
}

it('standard input is read whole, and up to its bound', async () => {
  expect(await readAll(inputOf(['12345', '67890']), 10)).toEqual(Buffer.from('1234567890'))
  await expect(readAll(inputOf(['12345', '67890', '1']), 10)).rejects.toThrow('standard input has more than 10 bytes')
})

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
