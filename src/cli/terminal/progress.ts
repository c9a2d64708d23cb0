/**
 * Shows the progress of a command on one line of the terminal, and draws that line again and again.
 *
 * A command that is done at once draws nothing: the line appears after the first pause. The last state stays on the
 * terminal only if the line has appeared.
 */
import { shorten } from '../../explain/listing/display-width.js'
import type { StatusLine } from './output.js'

/** Milliseconds between two drawings. */
const pauseMs = 100

export class Progress {
  readonly #line: StatusLine
  readonly #text: () => string
  readonly #timer: NodeJS.Timeout | undefined
  #shown: 'nothing' | 'a line' = 'nothing'

  constructor(line: StatusLine, text: () => string) {
    this.#line = line
    this.#text = text
    if (line.columns !== undefined) this.#timer = setInterval(() => this.#draw(), pauseMs).unref()
  }

  #draw(): void {
    // The last column stays free: some terminals wrap there, and a line of two rows cannot be drawn again.
    this.#line.draw(shorten(this.#text(), Math.max(1, (this.#line.columns ?? 80) - 1)))
    this.#shown = 'a line'
  }

  /** Stops drawing, and keeps the last state on the terminal or erases it. */
  stop(drawnLine: 'keep' | 'erase'): void {
    clearInterval(this.#timer)
    if (this.#shown === 'nothing') return
    if (drawnLine === 'keep') this.#draw()
    this.#line.end(drawnLine)
  }
}
