/** Random numbers that a seed repeats (Marsaglia's xorshift with shifts 13, 17 and 5). */
export class Random {
  #state: number

  constructor(seed: number) {
    // The state must not be 0, and neighbouring seeds should not begin alike.
    this.#state = Math.imul(seed, 0x9e37_79b1) | 1
  }

  /** An integer from 0 to `limit` - 1. */
  below(limit: number): number {
    let state = this.#state
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    this.#state = state
    return (state >>> 0) % limit
  }

  /** True once in `times`. */
  oneIn(times: number): boolean {
    return this.below(times) === 0
  }

  /** One of the items, of which there has to be one. */
  of<T>(items: readonly T[]): T {
    const item = items[this.below(items.length)]
    if (item === undefined) throw new Error('nothing to choose from')
    return item
  }
}
