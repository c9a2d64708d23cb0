/**
 * Text from the wire, made fit to be shown.
 *
 * Whoever publishes chooses the topic and the payload, so nothing in them may reach the terminal as a command: control
 * characters, invisible and direction-changing ones, lone surrogates and unassigned code points are shown by their
 * number. Accents that combine with a letter stay, two at most: more would pile up over the lines above.
 */

import { displayWidth } from './display-width.js'

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }
const unprintable = /[\p{C}\p{Zl}\p{Zp}]|(?! )\p{Zs}/u
const letter = /\p{L}/u
const combining = /\p{M}/u
const marksOnLetter = 2

/** The columns that a text may take before it is cut. */
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

/** `text` with everything escaped that a terminal might obey, or would not show. Done twice, it changes nothing more. */
export function escapeText(text: string): string {
  return Array.from(visibleCharacters(text)).join('')
}

/**
 * `text` in quotes, escaped, and cut behind `columns`: an ellipsis then follows the closing quote. The quotes are single
 * where the text holds double ones, so that JSON stays readable.
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

/** The UTF-8 text in `bytes`, or nothing if they hold anything else. */
export function textOf(bytes: Uint8Array): string | undefined {
  return decodeUtf8(bytes, false)
}

/** The bytes of a payload that are looked at to tell whether it is text: more than is ever shown of it. */
const payloadSample = 4096

/** The beginning of a payload as text, or nothing if it is binary. Line breaks and tabs are text, other controls are not. */
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
