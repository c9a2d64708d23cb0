/**
 * Calls with many Topic Filters, which are done in parts: the first at once, and one more in each turn of the event loop. In one turn,
 * the first call of 40,000 filters of a process took 235 ms. Only one call is unfinished: the next one finishes it before it begins,
 * so that packets have the order of the calls.
 */

import { atNextTurn } from '../waiting/promises.js'

/** What one turn does, and the Topic Filters in one packet without a profile. */
const filtersPerTurn = 1_000

export class LongCalls {
  /** What the unfinished call has to do still. Undefined if no call is unfinished. */
  #steps: Iterator<void> | undefined

  /**
   * Does an action for each part of a list, until `goesOn` returns false. A part has at most as many entries as one packet; small parts
   * share a turn.
   */
  start<T>(
    list: readonly T[],
    packetMax: number | undefined,
    action: (part: readonly T[]) => void,
    goesOn: () => boolean = () => true,
  ): void {
    this.finish()
    this.#steps = steps(list, packetMax ?? filtersPerTurn, action, goesOn)
    this.#step()
  }

  readonly #step = (): void => {
    if (this.#steps?.next().done === false) atNextTurn(this.#step)
    else this.#steps = undefined
  }

  /** Does all that the unfinished call has to do. */
  finish(): void {
    const rest = this.#steps
    this.#steps = undefined
    while (rest?.next().done === false);
  }
}

function* steps<T>(
  list: readonly T[],
  size: number,
  action: (part: readonly T[]) => void,
  goesOn: () => boolean,
): Generator<void, void> {
  let turnEnds = filtersPerTurn
  for (let from = 0; from < list.length; from += size) {
    if (from > 0 && from + size > turnEnds) {
      yield
      turnEnds = from + filtersPerTurn
    }
    if (!goesOn()) return
    action(size >= list.length ? list : list.slice(from, from + size))
  }
}
