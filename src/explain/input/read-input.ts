/**
 * Finds out in which form somebody has bytes, and reads them: as they are, in a capture, or in the text of a program. The forms are tried from the
 * strictest to the loosest, so that a text is read as what it is: a dump is hexadecimal too, and all hexadecimal text is base64.
 */
import { readCapture } from '../capture/capture-file.js'
import { frameOf, framesOfDump } from '../capture/dumped-frames.js'
import type { Capture } from '../capture/frame.js'
import { decodeBase64, readArrays, readBase64, readEscapes, readPrintedBuffers } from './byte-text.js'
import { readDump, unreadableDump } from './hex-dump.js'
import { joinBytes, looksLikeHex, type Reading, readHex } from './hex-text.js'
import { foreignBytes, foreignText } from './looks-like.js'

/** Bytes of one side of a connection. */
export interface SidePart {
  readonly side: 'first' | 'second'
  readonly bytes: Uint8Array
}

/** What somebody has given. */
export type Input =
  | { readonly is: 'packets'; readonly bytes: Uint8Array }
  /** The bytes of two sides, in the order in which they were sent. */
  | { readonly is: 'sides'; readonly parts: readonly SidePart[] }
  /** Frames of a network, with what they carry. */
  | { readonly is: 'capture'; readonly capture: Capture }
  /** Nothing that has packets, and what it is instead. */
  | { readonly is: 'foreign'; readonly why: string }

/** Reads bytes that may be anything: packets, or text that stands for packets. */
export function readInput(bytes: Uint8Array): Input {
  const capture = readCapture(bytes)
  if (capture !== undefined) return { is: 'capture', capture }
  const text = textOf(bytes)
  if (text !== undefined) return readText(text)
  const what = foreignBytes(bytes)
  return what === undefined ? { is: 'packets', bytes } : { is: 'foreign', why: `it looks like ${what}` }
}

/** Undefined for bytes that are no text. A shell of Windows writes text in UTF-16. */
function textOf(bytes: Uint8Array): string | undefined {
  const isWide = bytes[0] === 0xff && bytes[1] === 0xfe
  try {
    const text = new TextDecoder(isWide ? 'utf-16le' : 'utf-8', { fatal: true }).decode(bytes)
    return /[^\P{Cc}\t\n\r]/u.test(text) ? undefined : text
  } catch {
    return undefined
  }
}

/** Reads text that stands for bytes, in any form that programs print. */
export function readText(text: string): Input {
  const words = unreadableDump(text)
  if (words !== undefined) return ofBytes(words)
  const dump = readDump(text)
  if (dump !== undefined) {
    if ('fault' in dump) return { is: 'foreign', why: dump.fault }
    const capture = framesOfDump(dump.blocks)
    return capture === undefined ? ofSides(dump.blocks) : { is: 'capture', capture }
  }
  const printed = readPrintedBuffers(text) ?? readEscapes(text)
  if (printed !== undefined) return ofBytes(printed)
  if (looksLikeHex(text)) return ofBytes(readHex(text))
  const code = readArrays(text)
  if (code !== undefined) {
    if ('fault' in code) return { is: 'foreign', why: code.fault }
    return ofSides(code.arrays.map(({ side = 'first', bytes }) => ({ side, bytes })))
  }
  const base64 = readBase64(text)
  if (base64 !== undefined) return ofBytes(base64)
  const what = foreignText(text)
  if (what === 'words' && isNearlyHex(text)) return ofBytes(readHex(text))
  return { is: 'foreign', why: `it looks like ${what}${isBase64(text)}` }
}

/** Hexadecimal text with a slip in it. */
function isNearlyHex(text: string): boolean {
  return /^\s*\d/.test(text) && text.replace(/[^0-9a-f\s:,]/gi, '').length >= text.length / 2
}

function isBase64(text: string): string {
  const bytes = decodeBase64(text)
  return bytes === undefined || !/^[\w+/=\s]{8,}$/.test(text) ? '' : ', or like base64 of something that is no packet'
}

function ofBytes(reading: Reading): Input {
  if ('fault' in reading) return { is: 'foreign', why: reading.fault }
  const frame = frameOf(reading.bytes)
  if (frame !== undefined) return { is: 'capture', capture: { frames: [frame], tlsSecrets: '' } }
  const what = foreignBytes(reading.bytes)
  return what === undefined ? { is: 'packets', bytes: reading.bytes } : { is: 'foreign', why: `it looks like ${what}` }
}

function ofSides(parts: readonly SidePart[]): Input {
  if (new Set(parts.map(({ side }) => side)).size > 1) return { is: 'sides', parts }
  return ofBytes({ bytes: joinBytes(parts.map(({ bytes }) => bytes)) })
}
