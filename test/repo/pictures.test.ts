import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { nestedBoxes } from '../../docs/pictures/nested-boxes.js'
import { drawnPictures } from '../../docs/pictures/pictures.js'
import { sequence } from '../../docs/pictures/sequence.js'
import { svg } from '../../docs/pictures/svg.js'
import { documents, linksOf, root } from './doc-blocks.js'

const pictures = drawnPictures()
const files = readdirSync(new URL('docs/pictures/', root))

describe('the pictures of the documentation', () => {
  test.each(pictures)('$name is as its text says; if not: npm run tables', ({ file, svg }) => {
    expect(readFileSync(file, 'utf8')).toBe(svg)
  })

  test('are drawn from every text, and shown by a page', () => {
    const names = pictures.map(({ name }) => `${name}.txt`).sort()
    expect(files.filter((name) => name.endsWith('.txt')).sort()).toEqual(names)
    const shown = [...documents(), 'ARCHITECTURE.md'].flatMap(linksOf).map((link) => link.split('/').at(-1))
    expect(shown).toEqual(expect.arrayContaining(files.filter((name) => name.endsWith('.svg'))))
  })

  test.each(pictures)(
    '$name is light or dark as its reader likes it, and has its text for those who cannot see it',
    ({ svg }) => {
      expect(svg).toContain('prefers-color-scheme: dark')
      expect(svg).toMatch(/<desc id="source">[^<]{100,}</)
    },
  )
})

describe('a sequence', () => {
  const drawn = (step: string) => sequence(`Title\none, two\n${step}`).parts.join('\n')

  test('has an arrow for a message, and none for one that is lost', () => {
    expect(drawn('one > two: PUBLISH')).toContain('class="head"')
    expect(drawn('one x two: PUBLISH')).not.toContain('class="head"')
    expect(drawn('one x two: PUBLISH')).toContain('class="lost"')
  })

  test.each(['three > one: PUBLISH', 'one > three: PUBLISH', 'nothing that is a step'])('refuses "%s"', (step) => {
    expect(() => drawn(step)).toThrow(step)
  })
})

describe('boxes in boxes', () => {
  test('end where the last of their inner boxes has ended', () => {
    const drawn = nestedBoxes('Title\nclient: a\n  connection: b').parts.join('\n')
    const boxes = [...drawn.matchAll(/ y="(\d+)" width="\d+" height="(\d+)"/g)]
    const [outer, inner] = boxes.map(([, y, height]) => ({ top: Number(y), bottom: Number(y) + Number(height) }))
    expect(inner?.top).toBeGreaterThan(outer?.top ?? 0)
    expect(inner?.bottom).toBeLessThan(outer?.bottom ?? 0)
  })

  test('are no boxes without a name', () => {
    expect(() => nestedBoxes('Title\nwords alone')).toThrow('no box: words alone')
  })
})

test('words of a picture cannot become its markup', () => {
  expect(svg(sequence('<b>\none, two\none: a < b & c'))).toContain('&lt;b&gt;')
})
