import { describe, expect, it } from 'vitest'
import { badLinks, monthOn } from './bad-links.js'

describe('in thirty days nothing is given up or refused for cuts that are nobody’s fault', () => {
  it.each(badLinks)('$name', (link) => {
    const month = monthOn(link, 1)
    expect(month).toMatchObject({ abandoned: 0, refused: 0 })
    expect(month.connections).toBeGreaterThan(29)
    expect(month.published).toBeGreaterThanOrEqual(30 * 24 * 60 * 2 - 1)
  })
})
