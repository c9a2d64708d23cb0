/**
 * Boxes in boxes, drawn from text: the title, and a line `name: words` for each box. What is indented by two blanks more than the
 * line above stands inside of it.
 */
import { label, lineHeight, type Picture, width, wrapped } from './svg.js'

interface Box {
  readonly name: string
  readonly words: string
  readonly depth: number
}

const margin = 14

export function nestedBoxes(source: string): Picture {
  const [title = '', ...lines] = source.trim().split('\n')
  const boxes = lines.map(boxOf)
  const parts: string[] = []
  let y = 46
  const drawFrom = (index: number): number => {
    const box = boxes[index]
    if (box === undefined) return index
    const start = y
    const place = parts.push('') - 1
    const x = 20 + box.depth * margin
    parts.push(label(x + 12, y + 20, box.name, 'name'))
    const texts = wrapped(box.words, width - 2 * x - 24)
    for (const [line, text] of texts.entries()) parts.push(label(x + 12, y + 38 + line * lineHeight, text, 'quiet'))
    y += 30 + texts.length * lineHeight
    let next = index + 1
    while ((boxes[next]?.depth ?? 0) > box.depth) next = drawFrom(next)
    parts[place] =
      `<rect class="box box${box.depth % 2}" x="${x}" y="${start}" width="${width - 2 * x}" height="${y - start}" rx="6"/>`
    y += 10
    return next
  }
  for (let next = 0; next < boxes.length; ) next = drawFrom(next)
  return { title, source, height: y + 10, parts }
}

function boxOf(line: string): Box {
  const [, indent = '', name = '', words = ''] = /^( *)([^:]+): (.*)$/.exec(line) ?? []
  if (name === '') throw new Error(`no box: ${line}`)
  return { name, words, depth: indent.length / 2 }
}
