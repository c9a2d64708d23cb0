/**
 * One run: batches of inputs made by the mutator, each input checked. When a batch has reached a block for the first
 * time, its inputs are run again by halves until it is known which of them did it; those are kept, and so is the
 * shortest input of each outcome, as the blocks of so small a program are soon all known.
 */
import type { Guide } from './block-coverage.js'
import { Corpus } from './corpus.js'
import { type DecodingCheck, Finding, type Input } from './decoding-check.js'
import { Mutator } from './mutator.js'
import { Random } from './random.js'

const BATCH_INPUTS = 1000
/** The last is the protocol's own. */
const packetLimits = [2, 64, 1000, 4096, 268_435_460, 268_435_460, 268_435_460, 268_435_460]

export interface FoundFault {
  readonly input: Input
  readonly message: string
}

export class Fuzzer {
  readonly corpus: Corpus
  readonly findings: FoundFault[] = []
  readonly reachedNew: Buffer[] = []
  inputs = 0
  readonly #check: DecodingCheck
  readonly #guide: Guide
  readonly #random: Random
  readonly #mutator: Mutator

  constructor(check: DecodingCheck, guide: Guide, seeds: readonly Buffer[], seed: number) {
    this.#check = check
    this.#guide = guide
    this.#random = new Random(seed)
    this.#mutator = new Mutator(this.#random)
    this.corpus = new Corpus(seeds)
    for (const bytes of seeds) this.#try(this.#inputOf(bytes))
    guide.remember(guide.take())
  }

  /** Tries the next inputs. */
  batch(): void {
    const batch = Array.from({ length: BATCH_INPUTS }, () => this.#inputOf(this.#mutator.mutate(this.corpus.inputs)))
    for (const input of batch) this.#try(input)
    const reach = this.#guide.take()
    if (!this.#guide.isNew(reach)) return
    this.#keepWhatReachesNew(batch)
    // What nobody reaches again was reached by chance, by the order of the inputs.
    this.#guide.remember(reach)
  }

  #keepWhatReachesNew(inputs: readonly Input[]): void {
    for (const input of inputs) this.#try(input)
    const reach = this.#guide.take()
    if (!this.#guide.isNew(reach)) return
    const [first, ...others] = inputs
    if (first !== undefined && others.length === 0) {
      this.#guide.remember(reach)
      this.corpus.keep(first.bytes)
      this.reachedNew.push(first.bytes)
      return
    }
    const half = inputs.length >>> 1
    this.#keepWhatReachesNew(inputs.slice(0, half))
    this.#keepWhatReachesNew(inputs.slice(half))
  }

  #inputOf(bytes: Buffer): Input {
    return { bytes, cuts: this.#mutator.cuts(bytes.length), maxPacketBytes: this.#random.of(packetLimits) }
  }

  #try(input: Input): void {
    this.inputs += 1
    try {
      this.corpus.keepShortest(input.bytes, this.#check.check(input))
    } catch (error) {
      if (!(error instanceof Finding)) throw error
      this.findings.push({ input, message: error.message })
    }
  }
}
