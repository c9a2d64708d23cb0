/**
 * Dumps: lines with an offset, bytes in hexadecimal, and perhaps the same bytes as characters. `xxd`, `hexdump -C`, `od -t x1`, Wireshark and
 * tcpdump each write them in a form of their own.
 *
 * The characters at the end of a line may look like bytes, so the spaces decide where the bytes end. The offsets are checked: a line that is
 * missing, or cut, is found.
 */
import { groupDigits } from '../listing/numerals.js'
import { bytesOfDigits, joinBytes, type Reading } from './hex-text.js'

/** Consecutive lines of a dump. */
export interface DumpBlock {
  readonly bytes: Uint8Array
  /** Wireshark indents what the second side of a connection has sent. */
  readonly side: 'first' | 'second'
  /** The line of text above the block; empty if there is none. */
  readonly heading: string
}

type DumpReading = { readonly blocks: readonly DumpBlock[] } | { readonly fault: string }

interface DumpLine {
  readonly number: number
  /** Undefined for '*', which stands for repeated lines. */
  readonly offset: string | undefined
  readonly bytes: Uint8Array
  readonly side: 'first' | 'second'
  readonly heading: string
}

/** A '*' stands for more bytes than its text has, and a text may have many: so many bytes in all. */
const repeatedMax = 67_108_864

/** Undefined if the text has no dump. */
export function readDump(text: string): DumpReading | undefined {
  const lines = dumpLines(text)
  const [first] = lines
  if (first?.offset === undefined || !/^0+$/.test(first.offset) || first.bytes.length === 0) return undefined
  // `od` writes seven digits, in octal or on request in decimal; the others count in hexadecimal.
  const radices = first.offset.length === 7 ? [8, 10, 16] : [16]
  let unread: DumpReading | undefined
  for (const radix of radices) {
    const reading = assemble(lines, radix)
    if ('blocks' in reading) return reading
    unread ??= reading
  }
  return unread
}

function dumpLines(text: string): DumpLine[] {
  const lines: DumpLine[] = []
  let heading = ''
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const parsed = parseLine(line)
    if (parsed !== undefined) lines.push({ ...parsed, number: index + 1, heading })
    else if (line.trim() !== '') heading = line.trim()
  }
  return lines
}

const withColon = /^(\s*)(?:0x)?([0-9a-f]{4,16}):\s{1,2}(\S.*)$/i
const withoutColon = /^(\s*)([0-9a-f]{4,16})(\s+)(\S.*)$/i
const offsetOnly = /^([0-9a-f]{6,16})\s*$/i

function parseLine(line: string): Pick<DumpLine, 'offset' | 'bytes' | 'side'> | undefined {
  const none = new Uint8Array(0)
  if (line === '*') return { offset: undefined, bytes: none, side: 'first' }
  const [, end] = offsetOnly.exec(line) ?? []
  if (end !== undefined) return { offset: end, bytes: none, side: 'first' }
  const [, , offsetBefore, groups] = withColon.exec(line) ?? []
  if (offsetBefore !== undefined && groups !== undefined) {
    const bytes = bytesOfGroups(groups)
    return bytes === undefined ? undefined : { offset: offsetBefore, bytes, side: 'first' }
  }
  const [, indent = '', offset, gap = '', rest] = withoutColon.exec(line) ?? []
  if (offset === undefined || rest === undefined || (gap.length === 1 && offset.length < 6)) return undefined
  const bytes = bytesOfPairs(rest)
  return bytes === undefined ? undefined : { offset, bytes, side: indent === '' ? 'first' : 'second' }
}

/** `3005 0001 6168  0...ah`: groups with one space between them; two spaces end them. */
function bytesOfGroups(text: string): Uint8Array | undefined {
  const [shown = ''] = text.split(/\s\s/, 1)
  const digits = shown.trimEnd().split(' ')
  if (digits.some((group) => group.length % 2 === 1 || !/^[0-9a-f]+$/i.test(group))) return undefined
  return bytesOfDigits(digits.join(''))
}

/** `30 05 00 01 61 68 69 40  02 00 01   0.ahi@...`: at most sixteen pairs; two spaces end them, unless they are in the middle. */
function bytesOfPairs(text: string): Uint8Array | undefined {
  const [shown = ''] = text.split(/[|>]/, 1)
  const pair = /([0-9a-f]{2})(\s*)/iy
  let digits = ''
  for (let count = 1; count <= 16; count += 1) {
    const [found, value = '', gap = ''] = pair.exec(shown) ?? []
    if (found === undefined) return undefined
    digits += value
    if (pair.lastIndex === shown.length || gap.length > 2) break
    if (gap.length === 2 && count !== 8) break
    if (gap.length === 0) return undefined
  }
  return bytesOfDigits(digits)
}

/** A dump in the making: one block after the other, each of one side. */
class Assembly {
  readonly blocks: DumpBlock[] = []
  #pieces: Uint8Array[] = []
  #present: Pick<DumpLine, 'side' | 'heading'> = { side: 'first', heading: '' }
  /** How far each side has come. */
  readonly #counts = { first: 0, second: 0 }
  #last: Uint8Array | undefined
  #repeats = false
  #repeated = 0

  /** @returns what is wrong with the line */
  take(line: DumpLine, radix: number): string | undefined {
    if (line.offset === undefined) {
      this.#repeats = true
      return undefined
    }
    const offset = Number.parseInt(line.offset, radix)
    if (line.bytes.length > 0 && offset === 0) this.#counts[line.side] = 0
    if (this.#repeats) this.#repeat(line.side, offset)
    this.#repeats = false
    if (this.#repeated > repeatedMax) {
      return `line ${line.number}: '*' stands for more than ${groupDigits(repeatedMax)} bytes: give the bytes themselves, in a file`
    }
    const expected = this.#counts[line.side]
    if (offset !== expected) {
      return `line ${line.number} of the dump is at offset ${line.offset}, and ${expected} bytes come before it: a line is missing or cut`
    }
    if (line.bytes.length > 0) this.#add(line, offset)
    return undefined
  }

  #add(line: DumpLine, offset: number): void {
    const { side, heading } = this.#present
    if (offset === 0 || line.side !== side || line.heading !== heading) this.finish()
    this.#present = line
    this.#append(line.side, line.bytes)
  }

  #repeat(side: 'first' | 'second', end: number): void {
    const last = this.#last
    if (last === undefined) return
    this.#repeated += Math.max(0, end - this.#counts[side])
    if (this.#repeated > repeatedMax) return
    while (this.#counts[side] + last.length <= end) this.#append(side, last)
  }

  #append(side: 'first' | 'second', bytes: Uint8Array): void {
    this.#pieces.push(bytes)
    this.#counts[side] += bytes.length
    this.#last = bytes
  }

  finish(): void {
    const { side, heading } = this.#present
    if (this.#pieces.length > 0) this.blocks.push({ bytes: joinBytes(this.#pieces), side, heading })
    this.#pieces = []
  }
}

function assemble(lines: readonly DumpLine[], radix: number): DumpReading {
  const assembly = new Assembly()
  for (const line of lines) {
    const fault = assembly.take(line, radix)
    if (fault !== undefined) return { fault }
  }
  assembly.finish()
  return { blocks: assembly.blocks }
}

/** Dumps that do not say in which order their bytes are, or have no bytes. */
export function unreadableDump(text: string): Reading | undefined {
  const [line = ''] = text.trimStart().split('\n', 1)
  if (/^0{6,8} +[0-9a-f]{4}( +[0-9a-f]{4})*\s*$/i.test(line)) {
    return { fault: 'it looks like hexdump or od -x, whose words are in the order of the machine: write hexdump -C' }
  }
  if (/^0{6,8}( +[0-7]{6})+\s*$/.test(line)) return { fault: 'it looks like od in octal: write od -t x1, or xxd' }
  if (/^0{8}:( [01]{8})+(\s|$)/.test(line)) return { fault: 'it looks like the bits of xxd -b: write xxd without -b' }
  return undefined
}
