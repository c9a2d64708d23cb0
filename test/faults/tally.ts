/** What a consumer has been given of numbered messages, held against what was promised to their producer. */
export interface Score {
  /** Promises that were kept: publishes that resolved. */
  readonly promised: number
  /** Promised, and never given to the consumer. */
  readonly lost: number
  /** Given to the consumer more than once, surplus copies. */
  readonly doubled: number
  /** First receipts that came after a later message of the same kind. */
  readonly disordered: number
}

/** The messages of one QoS. Numbers need not be consecutive, but rise in the order of publishing. */
export class Tally {
  readonly #promised = new Set<number>()
  readonly #received = new Map<number, number>()
  #highest = -1
  #disordered = 0
  #missing = 0

  promise(number: number): void {
    if (this.#promised.has(number)) return
    this.#promised.add(number)
    if (!this.#received.has(number)) this.#missing += 1
  }

  receive(number: number): void {
    const copies = this.#received.get(number) ?? 0
    this.#received.set(number, copies + 1)
    if (copies > 0) return
    if (this.#promised.has(number)) this.#missing -= 1
    if (number < this.#highest) this.#disordered += 1
    else this.#highest = number
  }

  get received(): number {
    return this.#received.size
  }

  get score(): Score {
    let doubled = 0
    for (const copies of this.#received.values()) doubled += copies - 1
    return { promised: this.#promised.size, lost: this.#missing, doubled, disordered: this.#disordered }
  }
}
