/**
 * The listing: annotations as a table for a terminal of 80 columns.
 *
 *     ┌─ PUBLISH  QoS 0, topic "a", 2 bytes ──────────────────────────────── 7 bytes ─
 *     │   0  30                   Fixed header       PUBLISH  a message …          2.2
 *     │      ├ 0011 ....          Packet type        3  PUBLISH                  2.2.1
 *
 * Each row has five columns: offset, bytes, field, value with meaning, section. Bytes, values and meanings may continue in
 * the lines below, and the bit fields follow there. A fault is shown under its byte, which is in brackets.
 */

import type { Annotation } from '../annotation.js'
import { displayWidth, pad, shorten, wrapAnywhere, wrapWords } from './display-width.js'
import { hexRowColumns, hexRows, usualRows } from './hex-rows.js'
import { countBytes, groupDigits } from './numerals.js'
import { escapeText } from './quoted-text.js'

/** The options of `render`. */
export interface RenderOptions {
  /** Colours for a terminal, as ANSI escape sequences. False by default. */
  readonly color?: boolean | undefined
  /** Whether long fields show some of their bytes ('cut', the default) or all of them. */
  readonly bytes?: 'cut' | 'all' | undefined
}

/** The kinds of text in a listing; each has a colour. Without colour a listing has the same information, in marks and words. */
type Style = 'frame' | 'title' | 'offset' | 'hex' | 'field' | 'value' | 'meaning' | 'section' | 'fault' | 'sound'

/** The parameters of Select Graphic Rendition. They use the eight basic colours, which the theme of the terminal defines. */
const renditions: Readonly<Record<Style, string>> = {
  frame: '2',
  title: '1',
  offset: '2',
  hex: '33',
  field: '1',
  value: '36',
  meaning: '',
  section: '2',
  fault: '1;31',
  sound: '32',
}

type Paint = (style: Style, text: string) => string

const columns = 80
const fieldColumns = 17
const sectionColumns = 8
const statementColumns = 20
/** Connects a byte with its fault. */
const faultMark = '╰─ ✗ '

/**
 * Makes a listing of the annotations for people, in lines of at most 80 columns, joined by line feeds. The only commands to
 * the terminal in it are its own colours, for any bytes.
 *
 * @example
 * ```ts
 * import { explain, render } from 'mqtt311/explain'
 *
 * console.log(render(explain(Buffer.from('c000', 'hex'))))
 * ```
 * @param annotations the result of `explain`, or a part of it
 * @param options colours, and whether long fields are cut; by default no colours, and long fields are cut
 */
export function render(annotations: readonly Annotation[], options: RenderOptions = {}): string {
  const lastOffset = annotations.at(-1)?.offset ?? 0
  return [...renderPackets(packetsOf(annotations), lastOffset, options)].join('\n')
}

/** The same, packet by packet; each text has the lines of one packet, and the last text is the last line of the listing. */
export function* renderPackets(
  packets: Iterable<readonly Annotation[]>,
  lastOffset: number,
  { color = false, bytes = 'cut' }: RenderOptions = {},
): Generator<string> {
  const listing = new Listing(paintWith(color), bytes === 'all' ? Infinity : usualRows, lastOffset)
  for (const packet of packets) if (packet.length > 0) yield listing.packet(packet)
  yield listing.footer()
}

/** The annotations, divided by packet. The bytes after a fault belong to the packet with the fault. */
function packetsOf(annotations: readonly Annotation[]): Annotation[][] {
  const packets: Annotation[][] = []
  for (const annotation of annotations) {
    const packet = packets.at(-1)
    if (packet === undefined || annotation.title !== undefined) packets.push([annotation])
    else packet.push(annotation)
  }
  return packets
}

/** One row of the table, which may take several lines. */
interface Row {
  readonly offset?: number | undefined
  readonly bytes: readonly string[]
  readonly field: string
  readonly value: string
  readonly meaning: string
  readonly section: string
}

class Listing {
  /** The lines of the present packet. */
  #lines: string[] = []
  /** What the last line says of all packets. */
  #all = { titles: 0, bytes: 0, isEmpty: true, faultAt: -1 }
  readonly #paint: Paint
  readonly #maxRows: number
  /** The width of the offset and the space before it. */
  readonly #offsetColumns: number
  /** The column where the bytes of a row begin. */
  readonly #bytesColumn: number
  /** The column where value and meaning begin. */
  readonly #textColumn: number

  constructor(paint: Paint, maxRows: number, lastOffset: number) {
    this.#paint = paint
    this.#maxRows = maxRows
    this.#offsetColumns = Math.max(4, `${lastOffset}`.length + 1)
    this.#bytesColumn = this.#offsetColumns + 3
    this.#textColumn = this.#bytesColumn + hexRowColumns + fieldColumns + 2
  }

  packet(annotations: readonly Annotation[]): string {
    this.#lines = []
    if (!this.#all.isEmpty) this.#lines.push(this.#paint('frame', '│'))
    this.#heading(annotations, this.#all.isEmpty ? '┌─' : '├─')
    this.#all.isEmpty = false
    for (const annotation of annotations) {
      this.#annotation(annotation)
      if (annotation.title !== undefined) this.#all.titles += 1
      this.#all.bytes += annotation.length
      if (annotation.fault !== undefined && this.#all.faultAt < 0)
        this.#all.faultAt = annotation.faultOffset ?? annotation.offset
    }
    return this.#lines.join('\n')
  }

  footer(): string {
    const { titles, bytes, isEmpty, faultAt } = this.#all
    const corner = this.#paint('frame', isEmpty ? '──' : '└─')
    if (faultAt >= 0) {
      const place = `✗ a fault at byte ${faultAt}, in packet ${groupDigits(titles)}`
      return `${corner} ${this.#paint('fault', place)}`
    }
    const count = titles === 1 ? '1 packet' : `${groupDigits(titles)} packets`
    return `${corner} ${this.#paint('sound', '✓')} ${count}, ${countBytes(bytes)}, nothing wrong`
  }

  #heading(annotations: readonly Annotation[], corner: string): void {
    const title = annotations[0]?.title ?? 'BYTES'
    const isWhole = annotations.every((annotation) => annotation.fault === undefined)
    const size = annotations.reduce((sum, annotation) => sum + annotation.length, 0)
    const end = isWhole ? ` ${countBytes(size)} ─` : '─'
    const text = shorten(escapeText(title), columns - 5 - end.length)
    const rule = '─'.repeat(columns - 4 - displayWidth(text) - end.length)
    this.#lines.push(
      `${this.#paint('frame', corner)} ${this.#paint('title', text)} ${this.#paint('frame', rule + end)}`,
    )
  }

  #annotation({ offset, length, bytes, fault, faultOffset, parts = [], ...row }: Annotation): void {
    const marked = faultOffset === undefined ? undefined : faultOffset - offset
    this.#row({
      ...row,
      offset,
      bytes: bytes === undefined ? [unshown(length)] : hexRows(bytes, marked, this.#maxRows),
    })
    parts.forEach((part, index) => {
      const isLast = index === parts.length - 1 && fault === undefined
      this.#row({ ...part, bytes: [` ${isLast ? '└' : '├'} ${part.bits}`] })
    })
    if (fault !== undefined) this.#fault(fault)
  }

  #row({ offset, bytes, field, value, meaning, ...row }: Row): void {
    const section = shorten(escapeText(row.section), sectionColumns)
    const room = columns - this.#textColumn
    const texts = this.#explanation(escapeText(value), escapeText(meaning), room, room - section.length - 1)
    for (let line = 0; line < Math.max(bytes.length, texts.length); line++) {
      const isFirst = line === 0
      const place = `${isFirst && offset !== undefined ? offset : ''}`.padStart(this.#offsetColumns)
      const { width, painted } = texts[line] ?? { width: 0, painted: '' }
      const cells = [
        this.#paint('frame', '│'),
        this.#paint('offset', place),
        ' ',
        this.#hex(pad(bytes[line] ?? '', hexRowColumns)),
        ' ',
        this.#paint('field', pad(isFirst ? shorten(escapeText(field), fieldColumns) : '', fieldColumns)),
        '  ',
        painted,
        ...(isFirst ? [' '.repeat(room - width - section.length), this.#paint('section', section)] : []),
      ]
      this.#lines.push(cells.join('').trimEnd())
    }
  }

  #hex(row: string): string {
    const [before = '', marked = '', after = ''] = row.split(/(\[..\])/)
    return this.#paint('hex', before) + this.#paint('fault', marked) + this.#paint('hex', after)
  }

  /** The lines of the value, with the meaning beside or below it. */
  #explanation(value: string, meaning: string, room: number, firstRoom: number): { width: number; painted: string }[] {
    const values = wrapAnywhere(value, room, firstRoom)
    const lines = values.map((text) => ({ width: displayWidth(text), painted: this.#paint('value', text) }))
    if (meaning === '') return lines
    const last = lines.pop() ?? { width: 0, painted: '' }
    const beside = (values.length === 1 ? firstRoom : room) - last.width - 2
    const [first = '', ...below] = wrapWords(meaning, room, beside)
    const gap = first === '' ? '' : '  '
    lines.push({
      width: last.width + gap.length + displayWidth(first),
      painted: `${last.painted}${gap}${this.#paint('meaning', first)}`,
    })
    for (const text of below) lines.push({ width: displayWidth(text), painted: this.#paint('meaning', text) })
    return lines
  }

  #fault(fault: string): void {
    const indent = ' '.repeat(this.#bytesColumn - 1)
    const [name = '', ...words] = escapeText(fault).split(' ')
    // A rule without a number is named by its section.
    const statement = shorten(name.startsWith('MQTT-') ? name : `§${name}`, statementColumns)
    const room = columns - this.#bytesColumn - faultMark.length
    const text = wrapWords(words.join(' '), room, room - statement.length - 2)
    text.forEach((line, index) => {
      const marked = index === 0 ? `${faultMark}${statement}  ${line}` : ' '.repeat(faultMark.length) + line
      this.#lines.push(`${this.#paint('frame', '│')}${indent}${this.#paint('fault', marked)}`)
    })
  }
}

/** A placeholder for hidden bytes. */
function unshown(length: number): string {
  return length > 6 ? ' .. .. .. .. .. …' : ' ..'.repeat(length)
}

function paintWith(color: boolean): Paint {
  if (!color) return (_, text) => text
  return (style, text) => {
    const rendition = renditions[style]
    const inked = text.trimEnd()
    if (rendition === '' || inked === '') return text
    // The spaces at the end stay outside the colour, so that the end of a line can be trimmed.
    return `\u001b[${rendition}m${inked}\u001b[0m${text.slice(inked.length)}`
  }
}
