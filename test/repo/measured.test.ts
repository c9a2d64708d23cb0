/** The numbers in the documents are those of the last measurement. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { markdown } from '../../bench/report/markdown.js'
import { allTables, everyTable, withHeadlines, withMeasuredTable } from '../../bench/report/reports.js'
import { kept } from '../../bench/report/results.js'

const results = kept()

describe('what the documents say of the bench', () => {
  test('is what bench/results holds, in all tables', () => {
    expect(results.length).toBeGreaterThan(5)
    expect(readFileSync(allTables, 'utf8')).toBe(everyTable(results))
  })

  test.each(withMeasuredTable.map((file) => [file.pathname.replace(/.*\//, ''), file] as const))(
    'is what bench/results holds, in the first table of %s',
    (_, file) => {
      const text = readFileSync(file, 'utf8')
      expect(text).toContain('| times better |')
      expect(withHeadlines(text, results)).toBe(text)
    },
  )

  test('is drawn for every table with a rival that has finished something', () => {
    for (const { id, rival, rows } of results.flatMap(({ tables }) => tables)) {
      if (rival === undefined || rows.every(({ ratio }) => ratio === undefined)) continue
      const file = new URL(`../../bench/results/${id}.svg`, import.meta.url)
      expect(existsSync(file), id).toBe(true)
      expect(readFileSync(file, 'utf8')).toContain(rival)
    }
  })
})

describe('a table of the bench', () => {
  const row = { work: 'all', unit: 's', ours: 29.9, theirs: 30, limit: 30 }
  const table = { id: 'programs', title: 'Programs', how: '', rival: 'MQTT.js', rows: [row] }
  const text = markdown(table, { machine: '', load: 0, date: '' })

  test('says what came to its limit before it was finished', () => {
    expect(text).toContain(' 29.9 s | not finished |')
  })
})
