/**
 * The inputs that others are made from: the vectors, those that were saved, and what the run finds to be worth keeping,
 * which is what reached a new block, and the shortest input of each outcome.
 */
import { appendFileSync, readFileSync } from 'node:fs'
import { cell, expandHex, readVectors } from '../../fixtures/vectors/vector-file.js'

/** One input to a line, in hexadecimal; after `#` a remark. */
const savedInputs = new URL('../../fixtures/fuzz/inputs.txt', import.meta.url)
/** Longer vectors only slow the run down: what they show is a length. */
const MAX_SEED_BYTES = 2048

/** The inputs that every run begins with. */
export function seedInputs(): readonly Buffer[] {
  const vectors = (['golden.csv', 'malformed.csv'] as const).flatMap((file) =>
    readVectors(file)
      .map((row) => cell(row, 'hex'))
      // The largest packet of the protocol stands there as well, and is not to be built.
      .filter((hex) => !/\*\d{7,}/.test(hex))
      .map(expandHex),
  )
  const saved = readFileSync(savedInputs, 'utf8')
    .split('\n')
    .map((line) => Buffer.from(line.replace(/#.*/, '').trim(), 'hex'))
  return [...vectors, ...saved].filter((bytes) => bytes.length > 0 && bytes.length <= MAX_SEED_BYTES)
}

export class Corpus {
  readonly #inputs: Buffer[]
  /** Where in the list the shortest input of an outcome stands. */
  readonly #byOutcome = new Map<string, number>()

  constructor(inputs: readonly Buffer[]) {
    this.#inputs = [...inputs]
  }

  get inputs(): readonly Buffer[] {
    return this.#inputs
  }

  get outcomes(): number {
    return this.#byOutcome.size
  }

  /** Keeps an input for what it reached. */
  keep(bytes: Buffer): void {
    this.#inputs.push(bytes)
  }

  /** Keeps an input for its outcome, if there is none shorter. */
  keepShortest(bytes: Buffer, outcome: string): void {
    const known = this.#byOutcome.get(outcome)
    if (known === undefined) {
      this.#byOutcome.set(outcome, this.#inputs.push(bytes) - 1)
    } else if (bytes.length < (this.#inputs[known]?.length ?? 0)) {
      this.#inputs[known] = bytes
    }
  }
}

/** Adds inputs to those that later runs begin with. */
export function saveInputs(inputs: readonly Buffer[], remark: string): void {
  appendFileSync(savedInputs, inputs.map((bytes) => `${bytes.toString('hex')} # ${remark}\n`).join(''))
}
