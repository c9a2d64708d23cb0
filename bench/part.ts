/** What a part of the bench is given, and what it finds. */

/** `quick` does a little of everything, so that the bench cannot rot; its numbers mean nothing and are not kept. */
export type Effort = 'full' | 'quick'

/** One piece of work, done by mqtt311 and, where there is one, by a rival. */
export interface Row {
  readonly work: string
  readonly unit: string
  readonly ours: number
  readonly theirs?: number
  /** How many times better ours is: the median of the ratios of the rounds, above 1 where ours wins. */
  readonly ratio?: number
  /** What the least that can be done costs, such as a program in C. */
  readonly anchor?: number
  /** Where a measurement gives up: a value that has come so far was not finished. */
  readonly limit?: number
}

export interface Table {
  /** Names the chart that is drawn of it: `codec-encode`. */
  readonly id: string
  readonly title: string
  /** Sizes and repetitions, as a sentence. */
  readonly how: string
  readonly rival?: string
  readonly anchor?: string
  readonly rows: readonly Row[]
  /** Sentences about what a reader of the numbers has to know. */
  readonly notes?: readonly string[]
  /** What was asserted and does not hold: `npm run bench` then ends with 1. */
  readonly failures?: readonly string[]
}

/** A module that measures. It yields each table as soon as it is complete. */
export interface Part {
  run(effort: Effort): AsyncIterable<Table>
}
