/**
 * The formats of `sub -F`. A format is parsed once and applied to each message. The sequences are those of mosquitto_sub,
 * without the ones that show fields of MQTT 5.
 */
import type { Message } from '../../client/options/client-options.js'
import { UsageError } from '../../errors.js'
import { isJson, type JsonLine } from './message-json.js'
import { packetIdentifierOf } from './packet-identifiers.js'
import { isoTime, timeLetters, unixTime } from './time-format.js'

/** The result for a message that the format cannot show, with the reason. */
export class Unprintable {
  readonly reason: string

  constructor(reason: string) {
    this.reason = reason
  }
}

/** A wider field helps nobody, and takes memory for each message. */
const widthMax = 10_000

type Piece = (message: Message, now: Date) => string | Uint8Array

/** What may stand between '%' and the letter: `-`, `0`, the smallest width, '.' and the largest width. */
interface Shape {
  readonly align: 'left' | 'right'
  readonly fill: ' ' | '0'
  readonly width: number
  readonly maxWidth: number
}

const parameters: ReadonlyMap<string, (message: Message, now: Date) => string> = new Map([
  ['l', (message) => `${message.payload.length}`],
  ['m', (message) => `${packetIdentifierOf(message)}`],
  ['x', (message) => message.payload.toString('hex')],
  ['X', (message) => message.payload.toString('hex').toUpperCase()],
  ['I', (_, now) => isoTime(now)],
])

/** As in mosquitto_sub, a width counts for nothing here. */
const withoutWidth: ReadonlyMap<string, (message: Message, now: Date) => string> = new Map([
  ['%', () => '%'],
  ['U', (_, now) => unixTime(now)],
  ['q', (message) => `${message.qos}`],
  ['r', (message) => (message.retain ? '1' : '0')],
  ['d', (message) => (message.dup ? '1' : '0')],
])

const unsupported: ReadonlyMap<string, string> = new Map(
  ['A', 'C', 'D', 'E', 'F', 'P', 'R', 'S'].map((letter) => [letter, 'a property, belongs to MQTT 5']),
)

const escapes: ReadonlyMap<string, string> = new Map([
  ['\\', '\\'],
  ['0', '\0'],
  ['a', '\x07'],
  ['e', '\x1b'],
  ['n', '\n'],
  ['r', '\r'],
  ['t', '\t'],
  ['v', '\v'],
])

/** How to write the topic and the payload: the sender has chosen their characters. */
export interface Appearance {
  topic(message: Message): string
  payload(message: Message): Uint8Array
}

/** @throws UsageError if the format has an unknown sequence */
export function compileFormat(
  format: string,
  appearance: Appearance,
  json: JsonLine,
): (message: Message, now: Date) => Uint8Array | Unprintable {
  const pieces: Piece[] = []
  const pattern = /%([-0]*)(\d*)(?:\.(\d+))?(.?)|@(.?)|\\(.?)|[^%@\\]+/gsu
  let wantsJson = false
  for (const [text, flags = '', width = '', maxWidth, letter, time, escaped] of format.matchAll(pattern)) {
    if (letter === 'J') wantsJson = true
    if (letter !== undefined)
      pieces.push(parameter(text, letter, shapeOf(letter, flags, width, maxWidth), appearance, json))
    else if (time !== undefined) pieces.push(timePiece(text, time))
    else if (escaped !== undefined) pieces.push(constant(escapes.get(escaped) ?? refuse(text)))
    else pieces.push(constant(text))
  }
  return (message, now) => {
    if (wantsJson && !isJson(message))
      return new Unprintable(`the payload on ${JSON.stringify(message.topic)} is no JSON`)
    return Buffer.concat(pieces.map((piece) => toBytes(piece(message, now))))
  }
}

/**
 * As the manual of mosquitto_sub says it: only %t and %I are cut to the largest width, and they are never filled with zeros. A width of %p,
 * %x and %X is the least one. Version 2.0.11 cuts the payload there, and half of it in hexadecimal; here no byte is lost.
 */
function shapeOf(letter: string, flags: string, width: string, maxWidth: string | undefined): Shape {
  if (Number(width) > widthMax) throw new UsageError(`-F takes a width up to ${widthMax}`)
  const align = flags.includes('-') ? 'left' : 'right'
  const isText = letter === 't' || letter === 'I'
  return {
    align,
    fill: flags.includes('0') && align === 'right' && !isText ? '0' : ' ',
    width: Number(width),
    maxWidth: isText && maxWidth !== undefined ? Number(maxWidth) : Infinity,
  }
}

function parameter(text: string, letter: string, shape: Shape, appearance: Appearance, json: JsonLine): Piece {
  if (letter === 't') return (message) => fillText(appearance.topic(message), shape)
  if (letter === 'p') return (message) => fillBytes(appearance.payload(message), shape)
  if (letter === 'j') return (message, now) => json(message, now)
  if (letter === 'J') return (message, now) => json(message, now, message.text())
  const plain = withoutWidth.get(letter)
  if (plain !== undefined) return plain
  const show = parameters.get(letter)
  if (show === undefined) return refuse(text, letter)
  return (message, now) => fillText(show(message, now), shape)
}

function timePiece(text: string, letter: string): Piece {
  if (letter === '@') return constant('@')
  const show = timeLetters.get(letter)
  if (show === undefined) return refuse(text)
  return (_, now) => show(now)
}

function constant(text: string): Piece {
  return () => text
}

function refuse(sequence: string, letter = ''): never {
  const why = unsupported.get(letter)
  if (why !== undefined) throw new UsageError(`-F knows no ${sequence}: that, ${why}`)
  throw new UsageError(`-F knows no ${sequence}; a literal %, @ or \\ is written twice`)
}

function fillText(text: string, { align, fill, width, maxWidth }: Shape): string {
  const shown = maxWidth < text.length ? [...text].slice(0, maxWidth).join('') : text
  return align === 'left' ? shown.padEnd(width) : shown.padStart(width, fill)
}

function fillBytes(bytes: Uint8Array, { align, fill, width }: Shape): Uint8Array {
  if (bytes.length >= width) return bytes
  const padding = Buffer.from(fill.repeat(width - bytes.length))
  return Buffer.concat(align === 'left' ? [bytes, padding] : [padding, bytes])
}

function toBytes(piece: string | Uint8Array): Uint8Array {
  return typeof piece === 'string' ? Buffer.from(piece) : piece
}
