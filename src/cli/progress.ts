/** How far it has come, on one line of a terminal that is written over again and again. */
import { eraseLine } from './output.js'

interface Terminal {
  readonly isTTY?: boolean
  write(text: string): unknown
}

/** Milliseconds between two writings. */
const pauseMs = 100

export class Progress {
  readonly #terminal: Terminal
  readonly #text: () => string
  readonly #timer: NodeJS.Timeout | undefined

  /** Writes nothing unless the terminal is one. */
  constructor(terminal: Terminal, text: () => string) {
    this.#terminal = terminal
    this.#text = text
    if (terminal.isTTY === true) this.#timer = setInterval(() => this.#draw(), pauseMs).unref()
  }

  #draw(): void {
    this.#terminal.write(`${eraseLine}${this.#text()}`)
  }

  /** The last state stays on the terminal if it is worth a line. */
  stop(outcome: 'keep' | 'erase'): void {
    if (this.#timer === undefined) return
    clearInterval(this.#timer)
    this.#terminal.write(outcome === 'keep' ? `${eraseLine}${this.#text()}\n` : eraseLine)
  }
}
