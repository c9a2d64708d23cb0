/**
 * How far it has come, on one line of a terminal that is written over again and again.
 *
 * Whoever is done at once sees nothing of it: the line appears after the first pause, and only a line that has appeared
 * leaves its last state behind.
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
    // In the last column some terminals go to the next line, and a line of two rows cannot be written over.
    this.#line.draw(shorten(this.#text(), Math.max(1, (this.#line.columns ?? 80) - 1)))
    this.#shown = 'a line'
  }

  /** The last state stays on the terminal if it is worth a line. */
  stop(outcome: 'keep' | 'erase'): void {
    clearInterval(this.#timer)
    if (this.#shown === 'nothing') return
    if (outcome === 'keep') this.#draw()
    this.#line.end(outcome)
  }
}
