/**
 * A sequence of messages, drawn from text: the title, a line with the names of who takes part, and a line for each step.
 *
 *     a > b: words       a message
 *     a x b: words       a message that is lost on its way
 *     a: words           what one of them does
 *     = words            something that happens to all
 */
import { label, lineHeight, type Picture, rounded, width, widthOf, wrapped } from './svg.js'

interface Step {
  readonly parts: readonly string[]
  readonly height: number
}

const top = 58
/** How far from its sender a message is lost. */
const lostAfter = 0.6

export function sequence(source: string): Picture {
  const [title = '', names = '', ...lines] = source.trim().split('\n')
  const places = placesOf(names.split(', '))
  const parts: string[] = []
  let y = top + 18
  for (const line of lines) {
    const step = stepOf(line, places, y)
    parts.push(...step.parts)
    y += step.height
  }
  const heads = [...places].flatMap(([name, x]) => [
    `<path class="life" d="M${rounded(x)} ${top + 8}V${y}"/>`,
    label(x, top, name, 'name', 'middle'),
  ])
  return { title, source, height: y + 16, parts: [...heads, ...parts] }
}

/** Evenly over the page. Two have more room at the sides, for what each of them does. */
function placesOf(names: readonly string[]): Map<string, number> {
  const side = names.length === 2 ? 190 : width / names.length / 2
  const distance = (width - 2 * side) / (names.length - 1)
  return new Map(names.map((name, index) => [name, side + index * distance]))
}

function stepOf(line: string, places: ReadonlyMap<string, number>, y: number): Step {
  if (line.startsWith('= ')) return divider(line.slice(2), y)
  const [, from = '', sign, to = '', words = ''] = /^(\w+)(?: ([>x]) (\w+))?: (.*)$/.exec(line) ?? []
  const start = places.get(from)
  const end = places.get(to)
  if (start === undefined) throw new Error(`no step: ${line}`)
  if (sign === undefined) return note(words, start, y)
  if (end === undefined) throw new Error(`nobody takes part of the name in: ${line}`)
  return sign === 'x' ? lostMessage(words, start, end, y) : message(words, start, end, y)
}

function divider(words: string, y: number): Step {
  const half = widthOf(words) / 2 + 12
  const at = y + 16
  const line = `<path class="line" d="M20 ${at}H${rounded(width / 2 - half)}M${rounded(width / 2 + half)} ${at}H${width - 20}"/>`
  return { parts: [line, label(width / 2, at + 4, words, 'quiet', 'middle')], height: 34 }
}

function note(words: string, x: number, y: number): Step {
  const lines = wrapped(words, 200)
  const wide = Math.max(...lines.map(widthOf)) + 16
  const left = Math.min(Math.max(x - wide / 2, 8), width - 8 - wide)
  const high = lines.length * lineHeight + 10
  const box = `<rect class="box" x="${rounded(left)}" y="${y}" width="${rounded(wide)}" height="${high}" rx="4"/>`
  const texts = lines.map((line, index) => label(left + wide / 2, y + 18 + index * lineHeight, line, '', 'middle'))
  return { parts: [box, ...texts], height: high + 8 }
}

function message(words: string, start: number, end: number, y: number): Step {
  const { texts, at } = wordsAbove(words, start, end, y)
  const side = Math.sign(end - start)
  const arrow = `<path class="arrow" d="M${rounded(start)} ${at}H${rounded(end - side * 6)}"/>`
  const head = `<path class="head" d="M${rounded(end)} ${at}l${-side * 9} -4v8z"/>`
  return { parts: [...texts, arrow, head], height: at - y + 12 }
}

function lostMessage(words: string, start: number, end: number, y: number): Step {
  const { texts, at } = wordsAbove(words, start, end, y)
  const x = start + (end - start) * lostAfter
  const line = `<path class="lost" d="M${rounded(start)} ${at}H${rounded(x)}m-5 -5l10 10m0 -10l-10 10"/>`
  return { parts: [...texts, line], height: at - y + 14 }
}

/** The words of a message, and the height of its line below them. */
function wordsAbove(words: string, start: number, end: number, y: number) {
  const lines = wrapped(words, Math.abs(end - start) - 8)
  const middle = (start + end) / 2
  const texts = lines.map((line, index) => label(middle, y + 12 + index * lineHeight, line, '', 'middle'))
  return { texts, at: y + 3 + lines.length * lineHeight }
}
