import { slipsBetween } from '../option-names.js'

/** What somebody probably meant who mistyped a word. */

/**
 * The word that the fewest slips lead to: a letter left out, put in, changed, or swapped with the next one. Undefined if
 * more than every third letter would be wrong.
 */
export function nearestWord(typed: string, words: readonly string[]): string | undefined {
  const [nearest] = words
    .map((word) => ({ word, slips: slipsBetween(typed, word) }))
    .filter(({ word, slips }) => slips <= Math.max(typed.length, word.length) / 3)
    .sort((left, right) => left.slips - right.slips)
  return nearest?.word
}
