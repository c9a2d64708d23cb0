import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { IdentifierMap } from '../../src/protocol/identifier-map.js'

const sorted = (map: Map<number, string>) => [...map].sort(([a], [b]) => a - b)

describe('the map of Packet Identifiers', () => {
  test('does what a Map does, but in the order of the identifiers', () => {
    // Few enough to meet again, at both ends of the range, and on both sides of the border between two pages.
    const packetId = fc.constantFrom(1, 2, 254, 255, 256, 257, 511, 512, 65_280, 65_534, 65_535)
    const step = fc.record({ does: fc.constantFrom('set', 'set', 'set', 'delete', 'delete', 'clear'), packetId })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const [map, model] = [new IdentifierMap<string>(), new Map<number, string>()]
        for (const [index, { does, packetId: id }] of steps.entries()) {
          if (does === 'set') {
            map.set(id, `value ${index}`)
            model.set(id, `value ${index}`)
          } else if (does === 'delete') expect(map.delete(id)).toBe(model.delete(id))
          else if (index % 5 === 0) {
            map.clear()
            model.clear()
          }
          expect([map.get(id), map.has(id), map.size]).toEqual([model.get(id), model.has(id), model.size])
          expect([...map]).toEqual(sorted(model))
        }
      }),
    )
  })

  test('lets go of what was reached while it is walked through', () => {
    const map = new IdentifierMap<string>()
    for (let id = 1; id <= 1_000; id += 1) map.set(id, 'x')
    const reached: number[] = []
    for (const [id] of map) {
      reached.push(id)
      map.delete(id)
    }
    expect(reached).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1))
    expect(map.size).toBe(0)
  })

  test('keeps nothing alive that was deleted, even once the map itself has grown old', () => {
    setFlagsFromString('--expose-gc')
    const collect: (options?: { readonly type: 'minor' }) => void = runInNewContext('gc')
    const oldBytes = () =>
      getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? Number.NaN
    const map = new IdentifierMap<readonly number[]>()
    const turn = (from: number) => {
      for (let id = from; id < from + 1_000; id += 1) {
        map.set(
          (id % 65_535) + 1,
          Array.from({ length: 100 }, () => id),
        )
        map.delete((Math.max(0, id - 100) % 65_535) + 1)
      }
    }
    turn(0)
    collect()
    const before = oldBytes()
    for (let from = 1_000; from < 50_000; from += 1_000) {
      turn(from)
      collect({ type: 'minor' })
    }
    // Of 40 MB that were made. A Map ends with all of them in the space for old objects, until a full collection.
    expect(oldBytes() - before).toBeLessThan(4_000_000)
  })
})
