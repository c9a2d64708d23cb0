/** The readers and the checker of the survey, tried on samples, most of them wrong. */
import { describe, expect, test } from 'vitest'
import type { Statement } from '../../fixtures/statements/statement-file.js'
import { codeSites } from './code-sites.js'
import { conformanceTable, countStatements, outdatedLines } from './conformance-table.js'
import type { Survey } from './survey.js'
import { surveyFaults } from './survey-faults.js'
import { testTitles } from './test-titles.js'
import { typeProofs } from './type-proofs.js'

const rule: Statement = {
  id: 'MQTT-4.3.3-2',
  printed: undefined,
  section: '4.3.3 QoS 2',
  binds: 'both',
  client: 'yes',
  text: 'once',
  reason: undefined,
}
const misprinted: Statement = { ...rule, id: 'MQTT-3.8.3-4', printed: 'MQTT-3-8.3-4' }
const ofServers: Statement = { ...rule, id: 'MQTT-3.1.2-5', client: 'no', reason: 'it is in the server' }

const site = { id: rule.id, path: 'src/protocol/incoming/incoming.ts', line: 7, within: '#accept' }
const proof = { id: rule.id, path: 'test/protocol/incoming.test.ts', title: 'is delivered once' }
const sound: Survey = {
  statements: [rule, ofServers],
  readings: [],
  sites: [site],
  mentions: [],
  tests: [proof],
  brokerTests: [],
  types: [],
  unreadable: [],
}
const faultsWith = (changes: Partial<Survey>) => surveyFaults({ ...sound, ...changes })

describe('the checker of the survey', () => {
  test('has nothing to say when every statement has its line and its proof', () => {
    expect(surveyFaults(sound)).toEqual([])
    expect(faultsWith({ tests: [], types: [proof] })).toEqual([])
    expect(faultsWith({ tests: [proof, { ...proof, id: ofServers.id }] })).toEqual([])
    expect(faultsWith({ mentions: [{ ...site, id: ofServers.id }] })).toEqual([])
  })

  test.each<[string, Partial<Survey>, string]>([
    [
      'a line that cites a statement of MQTT 5.0',
      { sites: [site, { ...site, id: 'MQTT-4.13.1-1' }] },
      'src/protocol/incoming/incoming.ts:7 names [MQTT-4.13.1-1]: MQTT 3.1.1 has no such statement',
    ],
    [
      'a comment that mentions one',
      { mentions: [{ ...site, id: 'MQTT-3.1.2-99' }] },
      'src/protocol/incoming/incoming.ts:7 names [MQTT-3.1.2-99]: MQTT 3.1.1 has no such statement',
    ],
    [
      'a test that cites one',
      { tests: [proof, { ...proof, id: 'MQTT-4.13.1-1' }] },
      'test/protocol/incoming.test.ts: is delivered once names [MQTT-4.13.1-1]: MQTT 3.1.1 has no such statement',
    ],
    [
      'an identifier as the standard misprints it',
      {
        statements: [rule, { ...misprinted, client: 'no', reason: 'none' }],
        brokerTests: [{ ...proof, id: 'MQTT-3-8.3-4' }],
      },
      'test/protocol/incoming.test.ts: is delivered once names [MQTT-3-8.3-4]: a misprint of the standard for MQTT-3.8.3-4',
    ],
    [
      'a line without a test',
      { tests: [] },
      'MQTT-4.3.3-2 is upheld in src/protocol/incoming/incoming.ts:7, but no test cites it',
    ],
    [
      'a line whose only test needs mosquitto',
      { tests: [], brokerTests: [proof] },
      'MQTT-4.3.3-2 is upheld in src/protocol/incoming/incoming.ts:7, but no test cites it',
    ],
    [
      'a line without a test, of a statement that binds no client',
      { sites: [site, { ...site, id: ofServers.id }] },
      'MQTT-3.1.2-5 is upheld in src/protocol/incoming/incoming.ts:7, but no test cites it',
    ],
    [
      'a test of what no line upholds',
      { sites: [] },
      'MQTT-4.3.3-2 is proved by test/protocol/incoming.test.ts (is delivered once), but no line of the sources says that it upholds it',
    ],
    [
      'a type that proves what no line upholds',
      { sites: [], tests: [], types: [proof] },
      'MQTT-4.3.3-2 is proved by test/protocol/incoming.test.ts (is delivered once), but no line of the sources says that it upholds it',
    ],
    [
      'a statement with neither',
      { sites: [], tests: [] },
      'MQTT-4.3.3-2 binds a client: no line upholds it, no test proves it',
    ],
    [
      'a mention, which is no line',
      { sites: [], tests: [], mentions: [site] },
      'MQTT-4.3.3-2 binds a client: no line upholds it, no test proves it',
    ],
    [
      'a statement that is set aside without a reason',
      { statements: [rule, { ...ofServers, reason: undefined }] },
      'MQTT-3.1.2-5 is said to bind no client, without a reason',
    ],
    [
      'a statement with a reason that is not set aside',
      { statements: [{ ...rule, reason: 'too hard' }] },
      'MQTT-4.3.3-2 binds a client, and has a reason why it should not',
    ],
    [
      'a title that nobody can read',
      { unreadable: ['test/a.test.ts: rows'] },
      'test/a.test.ts: rows: its placeholder stands for identifiers that nobody can find',
    ],
  ])('finds %s', (_, changes, fault) => {
    expect(faultsWith(changes)).toEqual([fault])
  })

  test('counts what is open', () => {
    const counts = { upheldAndTested: 1, upheldByType: 0, notApplicable: 1, open: 0 }
    expect(countStatements(sound, true)).toEqual(counts)
    expect(countStatements({ ...sound, tests: [], types: [proof] }, true)).toMatchObject({ upheldByType: 1, open: 0 })
    expect(countStatements({ ...sound, tests: [] }, true)).toMatchObject({ upheldAndTested: 0, open: 1 })
    expect(conformanceTable({ ...sound, tests: [] })).toContain('1 ARE OPEN')
  })
})

test('a table that is out of date is told by the identifiers of its rows', () => {
  const table = conformanceTable(sound)
  expect(outdatedLines(table, table)).toEqual([])
  expect(outdatedLines(table, conformanceTable({ ...sound, sites: [{ ...site, within: '#deliver' }] }))).toEqual([
    rule.id,
  ])
  expect(outdatedLines(table, conformanceTable({ ...sound, sites: [{ ...site, line: 8 }] }))).toEqual([])
  expect(outdatedLines(table, `${table}one more`)).toEqual(['one more'])
})

describe('the reader of sources', () => {
  const read = (...lines: string[]) => codeSites({ path: 'src/a.ts', text: lines.join('\n') })
  const siteAt = (line: number, ...ids: string[]) => at(line, ...ids).map((mention) => ({ ...mention, within: '' }))
  const at = (line: number, ...ids: string[]) => ids.map((id) => ({ id, path: 'src/a.ts', line }))

  test('takes the line below a comment that begins with an identifier, for all identifiers in it', () => {
    expect(read('// [MQTT-1.5.3-1] a', 'code()').sites).toEqual(siteAt(2, 'MQTT-1.5.3-1'))
    expect(read('  /** [MQTT-1.5.3-1] a, and [2.2.3 remaining length] b */', '  code()').sites).toEqual(
      siteAt(2, 'MQTT-1.5.3-1', '2.2.3 remaining length'),
    )
    expect(read('// why', '// [MQTT-1.5.3-1] a', '// [MQTT-1.5.3-2] b', '', 'code()').sites).toEqual(
      siteAt(5, 'MQTT-1.5.3-1', 'MQTT-1.5.3-2'),
    )
    expect(read('x ? y', '  : // [MQTT-1.5.3-1] a', '    z').sites).toEqual(siteAt(3, 'MQTT-1.5.3-1'))
  })

  test('takes an identifier in the middle of prose, beside code or above nothing as a mention', () => {
    for (const lines of [
      ['// see [MQTT-1.5.3-1]', 'code()'],
      [' * as [MQTT-1.5.3-1] says', 'code()'],
    ])
      expect(read(...lines)).toEqual({ sites: [], mentions: at(1, 'MQTT-1.5.3-1') })
    expect(read('code() // [MQTT-1.5.3-1]')).toEqual({ sites: [], mentions: at(1, 'MQTT-1.5.3-1') })
    expect(read('// [MQTT-1.5.3-1] a')).toEqual({ sites: [], mentions: at(1, 'MQTT-1.5.3-1') })
  })

  test('takes whatever looks like an identifier, so that a wrong one is found', () => {
    expect(read('// [MQTT-3-8.3-4] a', 'code()').sites).toEqual(siteAt(2, 'MQTT-3-8.3-4'))
    expect(read('// [9.9 no such rule] a', 'code()').sites).toEqual(siteAt(2, '9.9 no such rule'))
    expect(read('// [1, 2] or [2.2.3] a', 'code()')).toEqual({ sites: [], mentions: [] })
  })
})

describe('the reader of tests', () => {
  const vectors = new Map([['test/a.test.ts: vectors', new Map([['MQTT-1.5.3-1', 26]])]])
  const read = (text: string) => testTitles({ path: 'test/a.test.ts', text }, vectors)
  const cited = (text: string) => read(text).citations.map(({ id, title }) => `${id}: ${title}`)

  test('takes the identifiers in the titles of tests and of the blocks around them', () => {
    expect(cited(`describe('QoS 2', () => { it('once [MQTT-4.3.3-2] [4.4 no retry timer]', () => {}) })`)).toEqual([
      'MQTT-4.3.3-2: QoS 2 › once',
      '4.4 no retry timer: QoS 2 › once',
    ])
    expect(cited(`describe.each(rows)('a [MQTT-4.3.3-2]', () => { test('b', () => {}) })`)).toEqual(['MQTT-4.3.3-2: a'])
    expect(cited(`test(\`\${name}: a [MQTT-4.3.3-2]\`, () => {})`)).toEqual(['MQTT-4.3.3-2: …: a'])
  })

  test('takes no identifier from expectations, comments or tests that do not run', () => {
    expect(cited(`it('a', () => { expect(news).toEqual(['closing [MQTT-4.3.3-2]']) }) // [MQTT-4.3.3-2]`)).toEqual([])
    expect(cited(`it.skip('a [MQTT-4.3.3-2]', () => {})`)).toEqual([])
    expect(cited(`describe.skip('a', () => { it('b [MQTT-4.3.3-2]', () => {}) })`)).toEqual([])
    expect(cited(`it.todo('a [MQTT-4.3.3-2]')`)).toEqual([])
  })

  test('finds what a placeholder stands for in the table of the test', () => {
    const table = `[['a', 'MQTT-1.5.3-1'], ['b', 'MQTT-1.5.3-2'], ['MQTT-1.5.3-3 in prose', 'MQTT-1.5.3-1']] as const`
    expect(cited(`it.each(${table})('refuses %s [%s]', () => {})`)).toEqual([
      'MQTT-1.5.3-1: refuses … (2 rows)',
      'MQTT-1.5.3-2: refuses … (1 row)',
    ])
  })

  test('finds it in the vectors, and says so when it cannot', () => {
    const block = `describe('vectors', () => { it.each(rows)('$name [$statement]', () => {}) })`
    expect(cited(block)).toEqual(['MQTT-1.5.3-1: vectors (26 rows)'])
    expect(read(`describe.each(rows)('other $name [$statement]', () => {})`)).toEqual({
      citations: [],
      unreadable: ['test/a.test.ts: other …'],
    })
    expect(read(`test(\`a [\${statement}]\`, () => {})`).unreadable).toEqual(['test/a.test.ts: a'])
  })
})

test('the reader of programs takes the identifiers behind @ts-expect-error, and no others', () => {
  const text = [
    '// [MQTT-1.5.3-1]',
    '  // @ts-expect-error there is no QoS 3 [MQTT-3.3.1-4] [MQTT-3.1.2-14]',
    '  publish(3)',
    '  // @ts-expect-error not a rule of the standard',
  ].join('\n')
  const path = 'test/types/programs/a.ts'
  expect(typeProofs({ path, text })).toEqual(
    ['MQTT-3.3.1-4', 'MQTT-3.1.2-14'].map((id) => ({ id, path, title: 'there is no QoS 3' })),
  )
})
