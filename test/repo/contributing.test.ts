import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }

const page = readFileSync(new URL('../../CONTRIBUTING.md', import.meta.url), 'utf8')

test('CONTRIBUTING.md names every script of the package, and no other', () => {
  const named = [...page.matchAll(/`?npm (?:run )?([a-z]+(?::[a-z]+)?)\b/g)].map(([, name]) => name)
  // npm runs this one itself.
  const scripts = Object.keys(manifest.scripts).filter((name) => name !== 'prepack')
  expect([...new Set(named)].filter((name) => !['ci', 'pack'].includes(name ?? '')).sort()).toEqual(scripts.sort())
})
