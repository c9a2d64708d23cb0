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

/** The Damerau-Levenshtein distance, by rows of its table; only the last two are needed, as a swap looks back no further. */
function slipsBetween(left: string, right: string): number {
  const at = (cells: readonly number[], column: number) => cells[column] ?? Number.POSITIVE_INFINITY
  let beforeLast: number[] = []
  let last = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row++) {
    const next = [row]
    for (let column = 1; column <= right.length; column++) {
      const isSame = left[row - 1] === right[column - 1]
      const isSwapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      next.push(
        Math.min(
          at(last, column) + 1,
          at(next, column - 1) + 1,
          at(last, column - 1) + (isSame ? 0 : 1),
          isSwapped ? at(beforeLast, column - 2) + 1 : Number.POSITIVE_INFINITY,
        ),
      )
    }
    ;[beforeLast, last] = [last, next]
  }
  return last.at(-1) ?? left.length
}
