/** The pictures of the documentation: each is drawn from the text beside it, and `npm run tables` draws them anew. */
import { readFileSync } from 'node:fs'
import { nestedBoxes } from './nested-boxes.js'
import { sequence } from './sequence.js'
import { svg } from './svg.js'

const kinds = {
  'the-way-of-the-bytes': sequence,
  'qos-1': sequence,
  'qos-2': sequence,
  lifetimes: nestedBoxes,
} as const

export interface DrawnPicture {
  readonly name: string
  readonly file: URL
  readonly svg: string
}

export function drawnPictures(): DrawnPicture[] {
  return Object.entries(kinds).map(([name, draw]) => {
    const source = readFileSync(new URL(`${name}.txt`, import.meta.url), 'utf8')
    return { name, file: new URL(`${name}.svg`, import.meta.url), svg: svg(draw(source)) }
  })
}
