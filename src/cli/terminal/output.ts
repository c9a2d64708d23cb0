/** Standard output and standard error, and whether they are read by a person. */

/** A stream that fails emits `error`, and its writes fail too: the writes are what is listened to. */
function unheeded(): void {}
process.stdout.on('error', unheeded)
process.stderr.on('error', unheeded)

/**
 * Writes to standard output, and resolves when that has taken it: awaiting it is how a slow reader is felt. Rejects with the
 * error of the system, EPIPE if nobody reads any more.
 */
export function print(data: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(data, (error) => (error ? reject(error) : resolve()))
  })
}

let notes: 'shown' | 'muted' = 'shown'

/** `--quiet`: from here on the exit code alone tells what went wrong. */
export function muteNotes(): void {
  notes = 'muted'
}

/** A line for the person in front of the terminal; what it says is no result. A line of progress gives way to it. */
export function note(line: string): void {
  if (notes === 'muted') return
  statusLine.end('erase')
  process.stderr.write(`${line}\n`)
}

/** Resolves when everything that was written has been taken, or never will be. */
export async function flushed(): Promise<void> {
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((resolve) => {
      if (stream.writableLength === 0 || stream.destroyed) resolve()
      else stream.write('', () => resolve())
    })
  }
}

/** Colours only where a person sees them. NO_COLOR and FORCE_COLOR decide otherwise; if both do, FORCE_COLOR, as in Node.js. */
export function wantsColor(stream: { readonly isTTY?: boolean }): boolean {
  const { FORCE_COLOR, NO_COLOR, TERM } = process.env
  if (FORCE_COLOR !== undefined && FORCE_COLOR !== '') return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false'
  if (NO_COLOR !== undefined && NO_COLOR !== '') return false
  return stream.isTTY === true && TERM !== 'dumb'
}

/** Where progress is drawn. */
export interface StatusLine {
  /** Columns of the terminal; undefined where there is none, and then nothing is drawn. */
  readonly columns: number | undefined
  /** Writes over what was drawn before. */
  draw(text: string): void
  /** Leaves what was drawn last on a line of its own, or nothing of it. */
  end(outcome: 'keep' | 'erase'): void
}

/** Back to the first column, and nothing is left on the line. */
const eraseLine = '\r\x1b[2K'

/** Whether the cursor stands behind a line of progress: whatever is written next has to erase that, or to go to the next line. */
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
  end(outcome) {
    if (status === 'drawn') process.stderr.write(outcome === 'keep' ? '\n' : eraseLine)
    status = 'none'
  },
}
