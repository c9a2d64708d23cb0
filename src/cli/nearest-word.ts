import { slipsBetween } from '../option-names.js'

/** Guesses the word behind a typing mistake. */

/**
 * The word with the fewest slips between it and `typed`. A slip is a letter left out, put in, changed, or swapped with the
 * next one. Undefined if the slips are more than a third of the letters.
 */
export function nearestWord(typed: string, words: readonly string[]): string | undefined {
  const [nearest] = words
    .map((word) => ({ word, slips: slipsBetween(typed, word) }))
    .filter(({ word, slips }) => slips <= Math.max(typed.length, word.length) / 3)
    .sort((left, right) => left.slips - right.slips)
  return nearest?.word
}
