import { expect, test } from 'vitest'
import { readDocument } from '../repo/doc-blocks.js'
import { page, recipes, withRecipes } from './recipes.js'

test('the page shows each recipe as its file is: npm run tables writes it', () => {
  const text = readDocument(page)
  expect(withRecipes(text)).toBe(text)
  const shown = [...text.matchAll(/<!-- recipe: (\S+) -->/g)].map(([, name]) => name)
  expect(shown.sort()).toEqual([...recipes].sort())
})
