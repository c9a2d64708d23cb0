/**
 * Bytes in the forms that programs print: `<Buffer 30 05>` and arrays of Node.js, arrays of C and other languages, strings with escapes,
 * base64. Each function returns undefined if the text is not of its form.
 */
import { sizeOfPacket } from '../capture/conversation.js'
import { bytesOfDigits, joinBytes, type Reading } from './hex-text.js'

/** `<Buffer 30 05 00>`, and `<30 05 00>` behind `[Uint8Contents]:`. Several of them follow each other. */
export function readPrintedBuffers(text: string): Reading | undefined {
  const pieces: Uint8Array[] = []
  for (const [, digits = '', cut] of text.matchAll(
    /<(?:Buffer|(?=[0-9a-f]{2}[ >]))((?: ?[0-9a-f]{2})*)(?: \.\.\. (\d+) more bytes?)?>/gi,
  )) {
    if (cut !== undefined) return cutBy(`${cut} more bytes`)
    pieces.push(bytesOfDigits(digits.replaceAll(' ', '')))
  }
  return pieces.length === 0 ? undefined : { bytes: joinBytes(pieces) }
}

function cutBy(what: string): { readonly fault: string } {
  return { fault: `Node.js has cut the bytes (${what}): print buffer.toString('hex') instead` }
}

/** One array of a text, and the side that has sent it: Wireshark names arrays `peer0_1` and `peer1_1`. */
export interface ByteArray {
  readonly side: 'first' | 'second' | undefined
  readonly bytes: Uint8Array
}

/** How far in front of an array its name may be. */
const nameColumns = 60

/**
 * The size of an array or the place of one byte, which is no list: `packet[7]`, `[7]byte`, `packet [7] =`. Or a list, with what is between
 * its brackets.
 */
const sizeOrList = /(?<=[\w\]])\[\s*\w+\s*\]|\[\s*\w+\s*\](?=\w|\s*=)|[[{]([^[\]{}]*)[\]}]/g

/** `{ 0x30, 0x05 }` and `[48, 5]`, with any code around them. */
export function readArrays(
  text: string,
): { readonly arrays: readonly ByteArray[] } | { readonly fault: string } | undefined {
  const found: ByteArray[] = []
  const code = withoutComments(text)
  for (const { index, 1: list = '' } of code.matchAll(sizeOrList)) {
    const [, cut] = /\.\.\. (\d+ more items?)/.exec(list) ?? []
    if (cut !== undefined) return cutBy(cut)
    const bytes = bytesOfList(list)
    if (bytes === undefined || bytes.length === 0) continue
    const [, peer] = /peer(\d)_\d+(?:\[\d+\])?\W*$/.exec(code.slice(Math.max(0, index - nameColumns), index)) ?? []
    found.push({ bytes, side: peer === undefined ? undefined : peer === '0' ? 'first' : 'second' })
  }
  return found.length === 0 ? undefined : { arrays: found }
}

/** The comments of C and its relatives become spaces. */
function withoutComments(code: string): string {
  let text = ''
  let from = 0
  for (let start = code.indexOf('/'); start !== -1; start = code.indexOf('/', Math.max(from, start + 1))) {
    const next = code[start + 1]
    if (next !== '*' && next !== '/') continue
    const [mark, length] = next === '*' ? (['*/', 2] as const) : (['\n', 0] as const)
    const end = code.indexOf(mark, start + 2)
    text += `${code.slice(from, start)} `
    from = end === -1 ? code.length : end + length
  }
  return text + code.slice(from)
}

function bytesOfList(list: string): Uint8Array | undefined {
  const words = list
    .replace(/\(byte\)/gi, '')
    .split(/[\s,]+/)
    .filter((word) => word !== '')
    .map((word) => word.replace(/^['"]|['"]$/g, ''))
  // `08` is no number of a language, so digits with a zero before them are hexadecimal.
  const isHex = words.some((word) => /^(?:0\d|[0-9a-f]?[a-f][0-9a-f]?)$/i.test(word))
  const numbers = words.map((word) => numberOf(word, isHex))
  return numbers.every((number) => number !== undefined && number >= -128 && number <= 255)
    ? Uint8Array.from(numbers, (number) => (number ?? 0) & 0xff)
    : undefined
}

function numberOf(word: string, isHex: boolean): number | undefined {
  if (isHex && /^[0-9a-f]{2}$/i.test(word)) return Number.parseInt(word, 16)
  if (/^0x[0-9a-f]{1,2}(?:u8)?$/i.test(word)) return Number.parseInt(word.slice(2, 4), 16)
  if (/^0b[01]{1,8}$/i.test(word)) return Number.parseInt(word.slice(2), 2)
  return /^-?\d{1,3}$/.test(word) ? Number(word) : undefined
}

const named: ReadonlyMap<string, number> = new Map([
  ['a', 7],
  ['b', 8],
  ['t', 9],
  ['n', 10],
  ['v', 11],
  ['f', 12],
  ['r', 13],
  ['e', 27],
])

/** A string with `\x30` in it, quoted or not: of C, Python, JavaScript or a shell. Quoted pieces that follow each other are one string. */
export function readEscapes(text: string): Reading | undefined {
  if (!/\\x[0-9a-f]{2}/i.test(text)) return undefined
  const pairs = text.replace(/[\s"',;]|\\(?=\s)/g, '')
  if (/^(?:\\x[0-9a-f]{2})+$/i.test(pairs)) return { bytes: bytesOfDigits(pairs.replace(/\\x/gi, '')) }
  const quoted = [...text.matchAll(/"((?:[^"\\]|\\[\s\S])*)"|'((?:[^'\\]|\\[\s\S])*)'/g)]
  const content =
    quoted.length === 0 ? text.trim() : quoted.map(([, double, single]) => double ?? single ?? '').join('')
  const bytes: number[] = []
  for (const [whole, hex, octal, letter] of content.matchAll(/\\x([0-9a-f]{2})|\\([0-7]{1,3})|\\([\s\S])|[^\\]+/gi)) {
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16))
    else if (octal !== undefined) bytes.push(Number.parseInt(octal, 8) & 0xff)
    else for (const byte of charactersOf(whole, letter)) bytes.push(byte)
  }
  return { bytes: Uint8Array.from(bytes) }
}

function charactersOf(whole: string, letter: string | undefined): Iterable<number> {
  const value = letter === undefined ? undefined : named.get(letter)
  return value === undefined ? new TextEncoder().encode(letter ?? whole) : [value]
}

/** Base64, of both alphabets. Many words are base64 too, so it has to begin with a packet that has all its bytes. */
export function readBase64(text: string): Reading | undefined {
  const bytes = decodeBase64(text)
  if (bytes === undefined) return undefined
  const size = sizeOfPacket(bytes)
  return size !== undefined && size <= bytes.length ? { bytes } : undefined
}

/** Undefined if the text is no base64. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const characters = text
    .replace(/\s*\n\s*/g, '')
    .trim()
    .replaceAll('-', '+')
    .replaceAll('_', '/')
    .replace(/=+$/, '')
  if (characters.length < 3 || characters.length % 4 === 1 || !/^[0-9a-z+/]+$/i.test(characters)) return undefined
  return Uint8Array.from(atob(characters), (character) => character.charCodeAt(0))
}
