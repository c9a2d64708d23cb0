import { describe, expect, it } from 'vitest'
import { cell, expandHex, readVectors } from '../../fixtures/vectors/vector-file.js'
import { explain, render } from '../../src/explain/index.js'

/** The largest packet of all takes a gigabyte to copy about, and is explained like the one of two megabytes. */
const largestBytes = 1 << 24

const golden = readVectors('golden.csv')
  .filter((row) => Number(cell(row, 'total_bytes')) <= largestBytes)
  .map((row) => ({ name: cell(row, 'name'), hex: cell(row, 'hex'), type: cell(row, 'fields') }))

const refused = readVectors('malformed.csv')
  .filter((row) => cell(row, 'fault') !== '')
  .map((row) => ({
    name: cell(row, 'name'),
    hex: cell(row, 'hex'),
    statement: cell(row, 'statement'),
    offset: Number(cell(row, 'offset')),
  }))

const accepted = readVectors('malformed.csv')
  .filter((row) => cell(row, 'layer') === 'codec' && ['accept', 'decode-optional'].includes(cell(row, 'category')))
  .map((row) => ({ name: cell(row, 'name'), hex: cell(row, 'hex') }))

/** The type of a packet as its title begins. */
function nameIn(fields: string): string {
  return /"type":"(\w+)"/.exec(fields)?.[1]?.toUpperCase() ?? ''
}

describe('a packet of the golden vectors', () => {
  it.each(golden)('is explained to its last byte, without a fault: $name', ({ hex, type }) => {
    const bytes = expandHex(hex)
    const annotations = explain(bytes)
    expect(annotations.filter(({ fault }) => fault !== undefined)).toEqual([])
    expect(annotations.reduce((sum, { length }) => sum + length, 0)).toBe(bytes.length)
    expect(annotations.flatMap(({ title }) => title?.split(' ')[0] ?? [])).toEqual([nameIn(type)])
    expect(render(annotations)).toMatch(/ 1 packet, [\d,]+ bytes, nothing wrong$/)
  })
})

describe('bytes of the malformed vectors', () => {
  it.each(refused)('are marked where $statement is broken: $name', ({ hex, statement, offset }) => {
    const annotations = explain(expandHex(hex))
    const start = annotations.findLast(({ title }) => title !== undefined)?.offset ?? 0
    const faulty = annotations.filter(({ fault }) => fault !== undefined)
    expect(faulty.map(({ fault, faultOffset = -1 }) => [fault?.split(' ')[0], faultOffset - start])).toEqual([
      [statement, offset],
    ])
    expect(faulty[0]?.fault).not.toMatch(/[,.]$/)
    expect(render(annotations)).toContain(`✗ ${statement.startsWith('MQTT') ? statement : `§${statement}`}  `)
  })

  it.each(accepted)('that only look wrong are not marked: $name', ({ hex }) => {
    expect(explain(expandHex(hex)).filter(({ fault }) => fault !== undefined)).toEqual([])
  })
})
