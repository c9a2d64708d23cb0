/**
 * Counts the columns that a text takes on a terminal.
 *
 * Ideographs and emoji take two columns. If terminals differ, the larger number is returned: a line may then end a column
 * early on some terminals, but it is never too long.
 */

const wide = new RegExp(
  '^[\\p{Emoji_Presentation}\\p{Regional_Indicator}\\u{1100}-\\u{115f}\\u{2329}\\u{232a}\\u{2630}-\\u{2637}' +
    '\\u{268a}-\\u{268f}\\u{2e80}-\\u{303e}\\u{3041}-\\u{a4cf}\\u{a960}-\\u{a97f}\\u{ac00}-\\u{d7a3}\\u{f900}-\\u{faff}' +
    '\\u{fe10}-\\u{fe19}\\u{fe30}-\\u{fe6f}\\u{ff00}-\\u{ff60}\\u{ffe0}-\\u{ffe6}\\u{16fe0}-\\u{18dff}' +
    '\\u{1aff0}-\\u{1b2ff}\\u{1d300}-\\u{1d37f}\\u{1f000}-\\u{1faff}\\u{20000}-\\u{3fffd}]$',
  'u',
)

function characterWidth(character: string): number {
  return character < '\u1100' || !wide.test(character) ? 1 : 2
}

/** The number of columns of `text`, which has only printable characters. */
export function displayWidth(text: string): number {
  let columns = 0
  for (const character of text) columns += characterWidth(character)
  return columns
}

/** The longest beginning of `text` that fits into `columns`. */
function beginning(text: string, columns: number): string {
  let taken = ''
  let used = 0
  for (const character of text) {
    used += characterWidth(character)
    if (used > columns) break
    taken += character
  }
  return taken
}

/** `text` filled with spaces to `columns`. */
export function pad(text: string, columns: number): string {
  return text + ' '.repeat(Math.max(0, columns - displayWidth(text)))
}

/** `text` if it fits into `columns`, else its beginning and an ellipsis. */
export function shorten(text: string, columns: number): string {
  return displayWidth(text) <= columns ? text : `${beginning(text, columns - 1)}…`
}

/** Breaks `text` between words, and inside a word that is longer than a line; the first line may be shorter. */
export function wrapWords(text: string, columns: number, firstColumns = columns): string[] {
  const lines: string[] = []
  let line = ''
  for (let word of text.split(' ')) {
    const joined = line === '' ? word : `${line} ${word}`
    if (displayWidth(joined) <= (lines.length === 0 ? firstColumns : columns)) {
      line = joined
      continue
    }
    if (line !== '' || lines.length === 0) lines.push(line)
    while (displayWidth(word) > columns) {
      const piece = beginning(word, columns)
      lines.push(piece)
      word = word.slice(piece.length)
    }
    line = word
  }
  lines.push(line)
  return lines
}

/** Breaks `text` at any character, so that a quoted string neither loses nor gains a space. */
export function wrapAnywhere(text: string, columns: number, firstColumns = columns): string[] {
  const lines: string[] = []
  let rest = text
  do {
    const line = beginning(rest, lines.length === 0 ? firstColumns : columns)
    lines.push(line)
    rest = rest.slice(line.length)
  } while (rest !== '')
  return lines
}
