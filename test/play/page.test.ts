/** The page to play on stands in the repository as its sources make it, so that a reader can open it without a build. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { pageText } from '../../docs/play/build.js'

test('docs/play/index.html is what npm run play makes', async () => {
  const page = readFileSync(new URL('../../docs/play/index.html', import.meta.url), 'utf8')
  expect((await pageText()) === page).toBe(true)
})

test('docs/play/index.html needs nothing from elsewhere', async () => {
  expect(await pageText()).not.toMatch(/<(?:link|img|iframe)\b|<script[^>]+src=|@import|\bfetch\(/)
})
