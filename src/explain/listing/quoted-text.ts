/**
 * Makes text from the network safe to show.
 *
 * The publisher chooses the topic and the payload, so no character of them may command the terminal. Control characters,
 * invisible characters, characters that change the direction, lone surrogates and unassigned code points are shown by their
 * number. At most two combining accents stay on a letter: more would cover the lines above.
 */

import { displayWidth } from './display-width.js'

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
const unprintable = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u
const letter = /\p{L}/u
const combining = /\p{M}/u
const marksOnLetter = 2

/** A text with more columns is cut. */
const textColumns = 96

/** The characters of `text` one by one, each as it is or as its escape. */
function* visibleCharacters(text: string): Generator<string> {
  let marksAllowed = 0
  for (const character of text) {
    const isMark = combining.test(character)
    const hidden = unprintable.test(character) || (isMark && marksAllowed === 0)
    yield hidden ? escapeOf(character) : character
    if (!isMark) marksAllowed = letter.test(character) ? marksOnLetter : 0
    else if (marksAllowed > 0) marksAllowed--
  }
}

function escapeOf(character: string): string {
  return named[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`
}

/** Escapes all characters that a terminal may obey or does not show. Escaping a second time changes nothing. */
export function escapeText(text: string): string {
  return Array.from(visibleCharacters(text)).join('')
}

/**
 * `text` in quotes, escaped, and cut after `columns`; an ellipsis after the closing quote shows the cut. Text with double
 * quotes gets single quotes, so that JSON stays readable.
 */
export function quote(text: string, columns = textColumns): string {
  const mark = text.includes('"') && !text.includes("'") ? "'" : '"'
  let shown = ''
  let used = 0
  for (const visible of visibleCharacters(text)) {
    const character = visible === mark || visible === '\\' ? `\\${visible}` : visible
    used += displayWidth(character)
    if (used > columns) return `${mark}${shown}${mark}…`
    shown += character
  }
  return `${mark}${shown}${mark}`
}

/** The text in `bytes`; undefined if the bytes are not UTF-8. */
export function textOf(bytes: Uint8Array): string | undefined {
  return decodeUtf8(bytes, false)
}

/** The number of bytes that decide whether a payload is text. It is more than is ever shown of a payload. */
const payloadSample = 4096

/** The beginning of a payload as text; undefined if the payload is binary. Text has no control characters but line breaks and tabs. */
export function payloadText(payload: Uint8Array): string | undefined {
  const text = decodeUtf8(payload.subarray(0, payloadSample), payload.length > payloadSample)
  return text === undefined || /(?![\t\n\r])\p{Cc}/u.test(text) ? undefined : text
}

function decodeUtf8(bytes: Uint8Array, more: boolean): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes, { stream: more })
  } catch {
    return undefined
  }
}
