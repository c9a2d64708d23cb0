import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { TextMap } from '../../../src/protocol/lists/text-map.js'

const keys = (count: number, from = 0) => Array.from({ length: count }, (_, index) => `devices/${from + index}/state`)

function mapOf(names: readonly string[]): TextMap<string> {
  const map = new TextMap<string>()
  for (const name of names) map.set(name, name)
  return map
}

describe('a TextMap', () => {
  it.each([0, 4_090])('agrees with a Map that has %i entries more', (count) => {
    const key = fc.oneof(
      fc.constantFrom(...keys(12, count - 4)),
      fc.string({ maxLength: 80 }),
      fc.string({ minLength: 2 }).map((text) => text.repeat(40)),
    )
    const changes = fc.array(fc.tuple(key, fc.nat(9)), { maxLength: 40 })
    const many = keys(count)
    fc.assert(
      fc.property(changes, (steps) => {
        const [map, model] = [mapOf(many), new Map(many.map((name) => [name, name]))]
        for (const [name, value] of steps) {
          if (value < 3) expect(map.delete(name)).toBe(model.delete(name))
          else {
            map.set(name, `${value}`)
            model.set(name, `${value}`)
          }
          expect([map.size, map.get(name)]).toEqual([model.size, model.get(name)])
        }
        expect(new Map(map)).toEqual(model)
        expect(new Set(map.keys())).toEqual(new Set(model.keys()))
      }),
      { numRuns: count === 0 ? 100 : 15 },
    )
  })

  it('keeps the order of the insertions up to 4,096 entries, and is divided above', () => {
    expect([...mapOf(keys(4_096)).keys()]).toEqual(keys(4_096))
    expect([...mapOf(keys(4_097)).keys()]).not.toEqual(keys(4_097))
  })

  it('is no longer divided when it has become empty', () => {
    const map = mapOf(keys(10_000))
    for (const key of map.keys()) map.delete(key)
    expect([...map]).toEqual([])
    for (const key of keys(100)) map.set(key, key)
    expect([...map.keys()]).toEqual(keys(100))
  })

  it.each([
    ['at the beginning', (index: number) => `${index}/${'x'.repeat(60)}`],
    ['in the middle', (index: number) => `${'x'.repeat(30)}/${index}/${'x'.repeat(30)}`],
    ['at the end', (index: number) => `${'x'.repeat(60)}/${index}`],
  ])('divides keys that differ %s', (_, keyOf) => {
    const names = Array.from({ length: 6_400 }, (_, index) => keyOf(index))
    const places = new Map(names.map((name, index) => [name, index]))
    const found = [...mapOf(names).keys()].map((name) => places.get(name) ?? Number.NaN)
    const runs = found.filter((place, index) => place < (found[index - 1] ?? -1)).length
    // Each part has the order of its insertions, so the order falls about once for each part.
    expect(runs).toBeGreaterThan(32)
  })
})
