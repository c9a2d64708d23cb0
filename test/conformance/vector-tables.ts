/** Which rows of the vectors the table-driven tests run, so that the statements that those rows break count as cited. */
import { cell, type Row, readVectors } from '../../fixtures/vectors/vector-file.js'
import type { VectorRows } from './test-titles.js'

const isDecoded = (row: Row) => cell(row, 'category').startsWith('decode-') && cell(row, 'fault') !== ''
const isEncoded = (row: Row) => cell(row, 'category').startsWith('encode-') && cell(row, 'statement') !== ''
const isCall = (row: Row) => cell(row, 'layer') === 'api' && cell(row, 'expected').startsWith('throw')
const isOfClient = (row: Row) => /^(publish|subscribe|unsubscribe)\(/.test(cell(row, 'api_input'))
const isOfConnect = (row: Row) => cell(row, 'api_input').startsWith('connect(')

/** By file and title, as the title is written. */
const tables: Readonly<Record<string, (row: Row) => boolean>> = {
  'test/codec/decode/malformed.test.ts: vectors that a decoder refuses': isDecoded,
  'test/codec/encode/packet-writer.test.ts: vectors that are refused before a byte is written': (row) =>
    isEncoded(row) && cell(row, 'offset') === '',
  'test/codec/encode/packet-writer.test.ts: vectors that are refused before a byte is written › … is refused by a decoder':
    (row) => isEncoded(row) && cell(row, 'offset') !== '',
  'test/client/publish/publish-vectors.test.ts: calls that are refused before a byte is written': (row) =>
    isCall(row) && isOfClient(row),
  'test/client/publish/publish-vectors.test.ts: options that are refused when the client is made': (row) =>
    isCall(row) && isOfConnect(row),
}

/** Runs every row of another file. */
const readingsTable = 'test/codec/decode/lenient.test.ts: vectors that a strict decoder refuses and a lenient one reads'

/** Errors name the section where a rule has no number; these are the rules. */
const ruleOfSection: Readonly<Record<string, string>> = {
  '2.2.3': '2.2.3 remaining length',
  '3.1.3.3': '3.1.3 binary fields',
  '3.1.3.5': '3.1.3 binary fields',
  '3.2.2.1': '3.2.2.1 reserved flags',
  '3.4.1': '3.4.1 nothing but an identifier',
  '3.5.1': '3.4.1 nothing but an identifier',
  '3.6.1': '3.4.1 nothing but an identifier',
  '3.7.1': '3.4.1 nothing but an identifier',
  '3.11.1': '3.4.1 nothing but an identifier',
  '3.12.1': '3.12.1 no body',
  '3.13.1': '3.12.1 no body',
  '3.14.1': '3.12.1 no body',
}

/** For each table-driven test that runs vectors, the identifiers that its rows cite. */
export function vectorTables(): ReadonlyMap<string, VectorRows> {
  const rows = readVectors('malformed.csv')
  const ofMalformed = Object.entries(tables).map(([test, runs]) => [test, countStatements(rows.filter(runs))] as const)
  return new Map([...ofMalformed, [readingsTable, countStatements(readVectors('readings.csv'))]])
}

function countStatements(rows: readonly Row[]): VectorRows {
  const counts = new Map<string, number>()
  for (const row of rows) {
    const statement = cell(row, 'statement')
    const id = statement.startsWith('MQTT-') ? statement : ruleOfSection[statement]
    if (id !== undefined) counts.set(id, (counts.get(id) ?? 0) + 1)
  }
  return counts
}
