/**
 * Which blocks of the decoder have run, as V8 counts them while it runs the code: each take says how often each block
 * was entered since the one before. V8 leaves out a block that was entered as often as the one around it, so what is
 * compared is not the list of blocks but, for every character of a file, whether it was reached.
 *
 * A take costs about as much as a hundred inputs: it is worth it for a batch of them, and for the few single inputs
 * that are looked at when a batch has reached something new.
 */
import { type Profiler, Session } from 'node:inspector'

/** The files that bytes can reach: those of the codec that do not belong to the encoder alone. */
const decoderFile =
  /\/src\/codec\/(?!encode-|packet-writer|packet-field|field-writer|output-chunk|topic-bytes)[a-z0-9-]+\.ts/

/** By file, for each of its characters 1 if it was reached. */
export type Reach = ReadonlyMap<string, Uint8Array>

export interface Guide {
  /** What was reached since the last call. */
  take(): Reach
  /** Whether some of it was not remembered before. */
  isNew(reach: Reach): boolean
  remember(reach: Reach): void
}

export class BlockCoverage implements Guide {
  readonly #session = new Session()
  readonly #known = new Map<string, Uint8Array>()
  /** Every block that V8 has named, by file and place, and whether it was ever entered. */
  readonly #blocks = new Map<string, boolean>()

  constructor() {
    this.#session.connect()
    this.#session.post('Profiler.enable')
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  }

  get blocks(): number {
    return this.#blocks.size
  }

  get blocksReached(): number {
    return [...this.#blocks.values()].filter(Boolean).length
  }

  take(): Reach {
    const scripts = this.#takeCounts().filter(({ url }) => decoderFile.test(url))
    return new Map(scripts.map(({ url, functions }) => [url, this.#reachOf(url, functions)]))
  }

  isNew(reach: Reach): boolean {
    for (const [url, reached] of reach) {
      const known = this.#known.get(url)
      for (let index = 0; index < reached.length; index += 1) {
        if (reached[index] === 1 && known?.[index] !== 1) return true
      }
    }
    return false
  }

  remember(reach: Reach): void {
    for (const [url, reached] of reach) {
      const known = this.#known.get(url) ?? new Uint8Array(0)
      const both = new Uint8Array(Math.max(known.length, reached.length))
      both.set(known)
      for (let index = 0; index < reached.length; index += 1) if (reached[index] === 1) both[index] = 1
      this.#known.set(url, both)
    }
  }

  end(): void {
    this.#session.disconnect()
  }

  #takeCounts(): readonly Profiler.ScriptCoverage[] {
    let taken: readonly Profiler.ScriptCoverage[] | undefined
    // The answer comes before post() returns: the session is with this very thread.
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error === null) taken = result
    })
    if (taken === undefined) throw new Error('V8 gave no coverage')
    return taken
  }

  #reachOf(url: string, functions: readonly Profiler.FunctionCoverage[]): Uint8Array {
    const ranges = functions.flatMap((named) => named.ranges)
    const reached = new Uint8Array(Math.max(...ranges.map((range) => range.endOffset)))
    // Functions come before those inside them, and blocks likewise: the innermost has the last word.
    for (const { startOffset, endOffset, count } of ranges) {
      reached.fill(count > 0 ? 1 : 0, startOffset, endOffset)
      // Neighbours that were entered equally often come as one block, so it is known by its beginning.
      const block = `${url}:${startOffset}`
      this.#blocks.set(block, count > 0 || this.#blocks.get(block) === true)
    }
    return reached
  }
}

/** For runs that are short, or where V8 counts for somebody else. */
export const noGuide: Guide = {
  take: () => new Map(),
  isNew: () => false,
  remember: () => undefined,
}
