/** Standard input by lines, as bytes: a line need not be text. */
import { CommandFailure } from './command-failure.js'

const lineFeed = 0x0a

/**
 * The lines without their line feeds; an empty line is an empty message, and a last line without a line feed is one too. Holds no
 * more than one line and one chunk.
 */
export async function* readLines(
  chunks: AsyncIterable<unknown>,
  maxBytes: number,
): AsyncGenerator<Buffer, void, undefined> {
  let pieces: Buffer[] = []
  let bytes = 0
  for await (const chunk of chunks) {
    if (!Buffer.isBuffer(chunk)) continue
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
