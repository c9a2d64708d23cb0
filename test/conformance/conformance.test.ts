/** Keeps CONFORMANCE.md true: what it says of the standard, of the sources and of the tests is so. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { cell, readVectors } from '../../fixtures/vectors/vector-file.js'
import { codeSites } from './code-sites.js'
import { conformanceTable, countStatements, outdatedLines } from './conformance-table.js'
import { root, surveyRepository } from './survey.js'
import { surveyFaults } from './survey-faults.js'

describe('the statements of MQTT 3.1.1', () => {
  const survey = surveyRepository()
  const numbered = survey.statements.filter(({ id }) => id.startsWith('MQTT-'))

  test('are all there, each once', () => {
    expect(numbered).toHaveLength(141)
    expect(survey.statements).toHaveLength(141 + 21)
    expect(new Set(survey.statements.map(({ id }) => id)).size).toBe(survey.statements.length)
    expect(survey.statements.filter(({ printed }) => printed !== undefined).map(({ id }) => id)).toEqual([
      'MQTT-3.1.2-7',
      'MQTT-3.3.1-1',
      'MQTT-3.8.3-4',
    ])
  })

  test('are upheld by a line and proved by a test, where they ask something of a client', () => {
    expect(surveyFaults(survey)).toEqual([])
  })

  test('are accounted for in full', () => {
    expect(countStatements(survey, true).open).toBe(0)
    expect(countStatements(survey, false).open).toBe(0)
  })

  test('stand in CONFORMANCE.md as they are now; if not: npm run conformance', () => {
    const written = readFileSync(new URL('CONFORMANCE.md', root), 'utf8')
    const current = conformanceTable(survey)
    expect(outdatedLines(written, current)).toEqual([])
    expect(written === current).toBe(true)
  })

  test('that a client reads on at are known, have a vector, and are told under a name that the documentation has', () => {
    const known = new Set(survey.statements.map(({ id }) => id))
    const vectors = new Set(readVectors('readings.csv').flatMap((row) => cell(row, 'anomalies').split(' ')))
    const engine = readFileSync(new URL('src/protocol/driver.ts', root), 'utf8')
    const page = readFileSync(new URL('docs/diagnostics.md', root), 'utf8')
    for (const { statements, anomaly } of survey.readings) {
      expect(statements.filter((id) => !known.has(id))).toEqual([])
      expect({ anomaly, has: vectors.has(anomaly) || engine.includes(`'${anomaly}'`) }).toEqual({ anomaly, has: true })
      expect(page).toContain(`\`${anomaly}\``)
    }
    const told = survey.readings.map(({ anomaly }) => anomaly)
    expect([...vectors].filter((anomaly) => !told.includes(anomaly))).toEqual([])
  })

  test('are told by file and name, so that a comment in a source changes nothing here', () => {
    const commented = {
      path: 'src/codec/a.ts',
      text: '// Why.\n\nfunction accept() {\n  // [MQTT-3.3.1-2] DUP.\n  return 1\n}',
    }
    expect(codeSites(commented).sites.map(({ within }) => within)).toEqual(['accept'])
    const written = readFileSync(new URL('CONFORMANCE.md', root), 'utf8')
    expect(written).not.toMatch(/#L\d|\.ts[: ]\[?\d/)
    expect(Buffer.byteLength(written)).toBeLessThan(40_000)
  })
})
