import { getHeapSpaceStatistics } from 'node:v8'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { PagedMap } from '../../../src/protocol/lists/paged-map.js'
import { SequenceMap } from '../../../src/protocol/lists/sequence-map.js'
import { garbageCollector } from '../../garbage-collector.js'
import { collectGarbage, retainedBytes } from '../heap.js'

const sorted = (map: Iterable<readonly [number, string]>) => [...map].sort(([a], [b]) => a - b)

describe('the map in pages', () => {
  test('does what a Map does, but in no promised order', () => {
    // There are few keys, so that steps use the same key. Some lie beside the border of two pages, and some are as large
    // as a sequence number can be.
    const key = fc.constantFrom(0, 1, 255, 256, 257, 511, 512, 65_280, 65_535, 2 ** 32, 2 ** 32 + 1, 2 ** 53 - 1)
    const step = fc.record({ does: fc.constantFrom('set', 'set', 'set', 'delete', 'delete', 'clear'), key })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 80 }), (steps) => {
        const [map, model] = [new PagedMap<string>(), new Map<number, string>()]
        for (const [index, { does, key: id }] of steps.entries()) {
          if (does === 'set') {
            map.set(id, `value ${index}`)
            model.set(id, `value ${index}`)
          } else if (does === 'delete') expect(map.delete(id)).toBe(model.delete(id))
          else if (index % 5 === 0) {
            map.clear()
            model.clear()
          }
          expect([map.get(id), map.has(id), map.size]).toEqual([model.get(id), model.has(id), model.size])
          for (const [known, value] of model) expect(map.get(known)).toBe(value)
          expect(sorted(map)).toEqual(sorted(model))
        }
      }),
    )
  })

  test('finds what is put into a page that has run empty before, more than once', () => {
    const map = new PagedMap<string>()
    for (let turn = 0; turn < 3; turn += 1) {
      map.set(1, 'gone')
      map.delete(1)
    }
    map.set(1, 'a')
    map.set(300, 'b')
    expect([map.get(1), map.get(300), map.size]).toEqual(['a', 'b', 2])
  })

  test('lets go of what was reached while it is walked through', () => {
    const map = new PagedMap<string>()
    for (let id = 1; id <= 1_000; id += 1) map.set(id, 'x')
    const reached: number[] = []
    for (const [id] of map) {
      reached.push(id)
      map.delete(id)
    }
    expect(reached).toEqual(Array.from({ length: 1_000 }, (_, index) => index + 1))
    expect(map.size).toBe(0)
  })

  test('lets go of everything when it is cleared, also of a page that had run empty before', async () => {
    const map = new PagedMap<object>()
    const put = () => {
      const value = {}
      map.set(1, value)
      return new WeakRef(value)
    }
    put()
    map.delete(1)
    const last = put()
    map.clear()
    await collectGarbage()
    expect(last.deref()).toBeUndefined()
    expect(map.size).toBe(0)
  })

  test('keeps few pages, however many numbers have gone through it', async () => {
    const passed = () => {
      const map = new PagedMap<string>()
      for (let key = 1; key <= 100_000; key += 1) {
        map.set(key, 'x')
        map.delete(key - 300)
      }
      return map
    }
    // All 782 pages together would take about 782,000 bytes.
    expect(await retainedBytes(passed, 8)).toBeLessThan(20_000)
  })

  test('is small when it has run empty, however many numbers have gone through it one by one', async () => {
    const emptied = () => {
      const map = new PagedMap<string>()
      for (let key = 1; key <= 1_000; key += 1) {
        map.set(key, 'x')
        map.delete(key)
      }
      return map
    }
    expect(await retainedBytes(emptied)).toBeLessThan(2_000)
  })

  test.each([
    ['in the order of adding', (key: number) => key],
    ['backwards', (key: number) => 65_536 - key],
    ['page by page, with one left in each till the end', (key: number) => (key * 129) % 65_536],
  ])('keeps one page at most of 65,535 entries that are deleted %s', async (_, nth) => {
    const emptied = () => {
      const map = new PagedMap<string>()
      for (let key = 1; key <= 65_535; key += 1) map.set(key, 'x')
      expect(map.size).toBe(65_535)
      for (let turn = 1; turn <= 65_535; turn += 1) map.delete(nth(turn))
      expect(map.size).toBe(0)
      return map
    }
    // All 512 pages together would take half a million bytes.
    expect(await retainedBytes(emptied, 8)).toBeLessThan(10_000)
  })

  /** An array of 800 bytes. */
  const load = (number: number) => Array.from({ length: 100 }, () => number)
  const identifiers = new PagedMap<readonly number[]>()
  const sequences = new SequenceMap<{ readonly sequence: number; readonly load: readonly number[] }>()

  test.each([
    {
      name: 'Packet Identifiers',
      add: (number: number) => identifiers.set((number % 65_535) + 1, load(number)),
      drop: (number: number) => identifiers.delete((number % 65_535) + 1),
    },
    {
      name: 'sequence numbers',
      add: (number: number) => sequences.add({ sequence: number, load: load(number) }),
      drop: (number: number) => sequences.delete(number),
    },
  ])('keeps nothing alive that was deleted, even once it has grown old itself: $name', ({ add, drop }) => {
    const collect = garbageCollector()
    const oldBytes = () =>
      getHeapSpaceStatistics().find(({ space_name }) => space_name === 'old_space')?.space_used_size ?? Number.NaN
    const turn = (from: number) => {
      for (let number = from; number < from + 1_000; number += 1) {
        add(number)
        if (number >= 100) drop(number - 100)
      }
    }
    turn(0)
    collect()
    const before = oldBytes()
    for (let from = 1_000; from < 50_000; from += 1_000) {
      turn(from)
      collect({ type: 'minor' })
    }
    // 40 MB were made in all. With a Map, most of them would be in the space for old objects until a full collection.
    expect(oldBytes() - before).toBeLessThan(4_000_000)
  })
})
