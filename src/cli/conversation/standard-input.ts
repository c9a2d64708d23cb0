/** Reads standard input, whole or line by line. It is read as bytes, because it need not be text. */
import { fstatSync } from 'node:fs'
import { codeOf } from '../../realms/foreign-values.js'
import { CommandFailure } from '../outcome/exit-code.js'

/** @throws CommandFailure for a directory, and if the system cannot read, for example from a terminal that is gone */
async function* chunksOf(input: AsyncIterable<unknown>): AsyncGenerator<Buffer, void, undefined> {
  // Node.js reads a directory as if it were empty, and an empty message can take a retained one away.
  if ('fd' in input && input.fd === 0 && fstatSync(input.fd).isDirectory())
    throw new CommandFailure('noInput', 'standard input is a directory: give a file')
  try {
    for await (const chunk of input) if (Buffer.isBuffer(chunk)) yield chunk
  } catch (error) {
    throw new CommandFailure('noInput', `standard input cannot be read (${codeOf(error)})`, { cause: error })
  }
}

/** All bytes of `input`. @throws CommandFailure if `input` has more than `maxBytes` */
export async function readAll(input: AsyncIterable<unknown>, maxBytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunksOf(input)) {
    bytes += chunk.byteLength
    if (bytes > maxBytes) throw new CommandFailure('noInput', `standard input has more than ${maxBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

const lineFeed = 0x0a

/**
 * Yields the lines without their line feeds. An empty line is an empty message. The last line may have no line feed. At most
 * one line and one chunk are in memory.
 */
export async function* readLines(
  input: AsyncIterable<unknown>,
  maxBytes: number,
): AsyncGenerator<Buffer, void, undefined> {
  let pieces: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunksOf(input)) {
    let start = 0
    for (let end = chunk.indexOf(lineFeed); end !== -1; end = chunk.indexOf(lineFeed, start)) {
      yield Buffer.concat([...pieces, chunk.subarray(start, end)])
      pieces = []
      bytes = 0
      start = end + 1
    }
    if (start === chunk.length) continue
    pieces.push(chunk.subarray(start))
    bytes += chunk.length - start
    if (bytes > maxBytes)
      throw new CommandFailure('noInput', `a line of standard input has more than ${maxBytes} bytes`)
  }
  if (bytes > 0) yield Buffer.concat(pieces)
}
