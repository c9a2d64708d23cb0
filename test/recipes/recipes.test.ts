import { readdirSync } from 'node:fs'
import { expect, test } from 'vitest'
import { readDocument, root } from '../repo/doc-blocks.js'
import { complaintsAbout } from '../repo/doc-compiler.js'
import { page, recipe, recipes, withRecipes } from './recipes.js'

test('the page shows each recipe as its file is: npm run tables writes it', () => {
  const text = readDocument(page)
  expect(withRecipes(text)).toBe(text)
  const shown = [...text.matchAll(/<!-- recipe: (\S+) -->/g)].map(([, name]) => name)
  expect(shown.sort()).toEqual([...recipes].sort())
})

test('the recipes and their tests compile against the sources', () => {
  const programs = recipes
    .filter((name) => name.endsWith('.ts'))
    .map((name) => ({ file: `docs/recipes/${name}`, line: 1, code: recipe(name) }))
  const tests = readdirSync(new URL('test/recipes/', root))
    .filter((name) => name.endsWith('.ts'))
    .map((name) => {
      const file = `test/recipes/${name}`
      // What is compiled here counts as a file of test/repo.
      return { file, line: 1, code: readDocument(file).replace("'./recipes.js'", "'../recipes/recipes.js'") }
    })
  expect(programs.length).toBeGreaterThan(5)
  expect(complaintsAbout([...programs, ...tests])).toEqual([])
})
