/**
 * Finds the lines of the sources that uphold a rule.
 *
 * A comment that begins with an identifier marks the line below it as one that upholds the rule; all identifiers in the
 * rest of the comment count too. An identifier elsewhere, in the middle of prose, is a mention: it has to exist, and
 * proves nothing.
 */
import { enclosingNames } from './enclosing-name.js'
import { identifiersIn } from './identifier.js'

export interface SourceText {
  /** From the root of the repository: `src/codec/utf8.ts`. */
  readonly path: string
  readonly text: string
}

export interface Site {
  readonly id: string
  readonly path: string
  /** The line that upholds the rule: the first one behind the comment. */
  readonly line: number
  /** The function, method or constant that holds the line; '' where none does. */
  readonly within: string
}

/** An identifier in prose, or in a comment with nothing below it. */
export interface Mention {
  readonly id: string
  readonly path: string
  readonly line: number
}

export interface CodeSites {
  readonly sites: readonly Site[]
  readonly mentions: readonly Mention[]
}

/** A comment on a line of its own, or behind the `:` or `?` of a conditional expression. */
const commentLine = /^\s*(?:[:?]\s*)?(?:\/\/|\/\*\*?|\*)\s*(.*)$/

export function codeSites({ path, text }: SourceText): CodeSites {
  const sites: Site[] = []
  const mentions: Mention[] = []
  // Most files name no rule, and to parse them all takes a second.
  if (identifiersIn(text).length === 0) return { sites, mentions }
  const withinAt = enclosingNames(path, text)
  /** Identifiers of the comment that is being read, once one of its lines has begun with an identifier. */
  let marking: string[] | undefined
  for (const [index, lineText] of text.split('\n').entries()) {
    const line = index + 1
    const comment = commentLine.exec(lineText)?.[1]
    if (comment === undefined) {
      if (lineText.trim() === '') continue
      for (const id of marking ?? []) sites.push({ id, path, line, within: withinAt(line) })
      marking = undefined
      for (const id of identifiersIn(lineText)) mentions.push({ id, path, line })
      continue
    }
    const ids = identifiersIn(comment)
    if (comment.startsWith(`[${ids[0]}]`)) marking ??= []
    if (marking === undefined) mentions.push(...ids.map((id) => ({ id, path, line })))
    else marking.push(...ids)
  }
  for (const id of marking ?? []) mentions.push({ id, path, line: text.split('\n').length })
  return { sites, mentions }
}
