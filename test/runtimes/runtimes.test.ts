/** What `npm run test:runtimes` makes of a run, and whether docs/runtimes.md says what it expects. The runs themselves need npm. */
import { describe, expect, test } from 'vitest'
import { readDocument } from '../repo/doc-blocks.js'
import { claims, type Outcome, surprises } from './run.js'
import { setups } from './setups.js'
import { withRuntimes } from './table.js'

const [first = '', second = ''] = claims
const allHold = new Map<string, string | undefined>(claims.map((claim) => [claim, undefined]))

function outcome(differences: Readonly<Record<string, string>> = {}): Outcome {
  return { faults: new Map([...allHold, ...Object.entries(differences)]), badEnd: undefined }
}

const exceptions = { [first]: 'a reason' }

describe('a run in a runtime', () => {
  test('is as expected if all claims hold', () => {
    expect(surprises({ exceptions: {} }, outcome())).toEqual([])
  })

  test('is as expected if only those claims fail that have a reason', () => {
    expect(surprises({ exceptions }, outcome({ [first]: 'a fault' }))).toEqual([])
  })

  test('is not as expected if another claim fails', () => {
    const differences = { [first]: 'a fault', [second]: 'another fault' }
    expect(surprises({ exceptions }, outcome(differences))).toEqual([`does not hold: ${second}: another fault`])
  })

  test('is not as expected if a claim holds although there is a reason why it does not', () => {
    expect(surprises({ exceptions }, outcome())).toEqual([`holds, and should not: ${first}`])
  })

  test('is not as expected if a claim was not tried', () => {
    const faults = new Map([...allHold].filter(([claim]) => claim !== second))
    expect(surprises({ exceptions: {} }, { faults, badEnd: undefined })).toEqual([`was not tried: ${second}`])
  })

  test('is not as expected if the program does not end well', () => {
    expect(surprises({ exceptions: {} }, { faults: allHold, badEnd: 'did not end by itself' })).toEqual([
      'did not end by itself',
    ])
  })
})

describe('docs/runtimes.md', () => {
  const page = readDocument('docs/runtimes.md')

  test('has the tables that `npm run tables` writes', () => {
    expect(withRuntimes(page)).toBe(page)
    expect(setups.length).toBeGreaterThan(20)
  })

  test.each([
    ['| Bun ', '| Bon '],
    ['| 15 of 18 ', '| 16 of 18 '],
    ['each handshake is a full one', 'each handshake is slow'],
    ['- shows a client certificate', '- has a client certificate'],
  ])('would be found out of date with another text for %s', (before, after) => {
    const stale = page.replace(before, after)
    expect(stale).not.toBe(page)
    expect(withRuntimes(stale)).toBe(page)
  })
})
