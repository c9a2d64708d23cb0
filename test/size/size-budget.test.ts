import { readFileSync } from 'node:fs'
import { beforeAll, describe, expect, test } from 'vitest'
import { type EntrySize, entrySizes, sizeBudget } from './entry-sizes.js'

let sizes: EntrySize[]
beforeAll(async () => {
  sizes = await entrySizes()
})

describe('the size budget', () => {
  test('names every entry point of the package, and no other', () => {
    const { exports } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'))
    const entries = Object.keys(exports).filter((path) => path !== './package.json')
    const names = entries.map((path) => `mqtt311${path.slice(1)}`).sort()
    expect(Object.keys(sizeBudget()).sort()).toEqual(names)
    expect(sizes.map(({ entry }) => entry).sort()).toEqual(names)
  })

  test('is kept by every entry point: npm run size prints the table', () => {
    expect(sizes.filter(({ gzippedBytes, budgetBytes = 0 }) => gzippedBytes > budgetBytes)).toEqual([])
  })

  test('leaves little room, so that what makes a bundle larger is seen', () => {
    expect(sizes.filter(({ gzippedBytes, budgetBytes = 0 }) => gzippedBytes < budgetBytes * 0.85)).toEqual([])
  })
})
