/** The line of a terminal that is written over again and again, and that gives way to every other line on stderr. */

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
