/** Standard output and standard error, and whether a person reads them. */

/** A stream that fails emits `error`, and its writes fail too. `print` reports the failed write, so the event adds nothing. */
function ignoreStreamError(): void {}
process.stdout.on('error', ignoreStreamError)
process.stderr.on('error', ignoreStreamError)

/**
 * Writes to standard output, and resolves when the stream has taken the data: a caller that awaits this keeps the pace of a
 * slow reader. Rejects with the error of the system, EPIPE if nobody reads any more.
 */
export function print(data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(data, (error) => (error ? reject(error) : resolve()))
  })
}

let notes: 'shown' | 'muted' = 'shown'

/** `--quiet`: from now on only the exit code shows a failure. */
export function muteNotes(): void {
  notes = 'muted'
}

/** Writes a line to stderr for the person at the terminal; it is not a result. A line of progress is erased first. */
export function note(line: string): void {
  if (notes === 'muted') return
  statusLine.end('erase')
  process.stderr.write(`${line}\n`)
}

/** Resolves when both streams have taken everything that was written, or can take no more. */
export async function flushed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => {
      if (stream.writableLength === 0 || stream.destroyed) resolve()
      else stream.write('', () => resolve())
    })
  }
}

/** Colours appear only on a terminal. NO_COLOR and FORCE_COLOR override this; if both are set, FORCE_COLOR wins, as in Node.js. */
export function wantsColor(stream: { readonly isTTY?: boolean }): boolean {
  const { FORCE_COLOR, NO_COLOR, TERM } = process.env
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  return stream.isTTY === true && TERM !== 'dumb'
}

/** Where progress is drawn. */
export interface StatusLine {
  /** Columns of the terminal; undefined without a terminal, and then nothing is drawn. */
  readonly columns: number | undefined
  /** Replaces the line that was drawn before. */
  draw(text: string): void
  /** Keeps the drawn line and goes to the next one, or erases the drawn line. */
  end(drawnLine: 'keep' | 'erase'): void
}

/** Goes to the first column and erases the line. */
const eraseLine = '\r\x1b[2K'

/** 'drawn': the cursor is at the end of a line of progress, which has to be erased or ended before the next write. */
let status: 'none' | 'drawn' = 'none'

/** On stderr: standard output is for results. */
export const statusLine: StatusLine = {
  get columns() {
    const canErase = process.stderr.isTTY === true && process.env.TERM !== 'dumb'
    return canErase ? process.stderr.columns || 80 : undefined
  },
  draw(text) {
    process.stderr.write(eraseLine + text)
    status = 'drawn'
  },
  end(drawnLine) {
    if (status === 'drawn') process.stderr.write(drawnLine === 'keep' ? '\n' : eraseLine)
    status = 'none'
  },
}
