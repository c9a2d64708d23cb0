import fc from 'fast-check'
import { describe, expect, test, vi } from 'vitest'
import { Fifo } from '../../../src/protocol/lists/fifo.js'
import { collectGarbage, retainedBytes } from '../heap.js'

interface Item {
  readonly number: number
}

const numbersOf = (items: Iterable<Item>) => [...items].map(({ number }) => number)
const numbered = (number: number): Item => ({ number })

describe('the list that is first in, first out', () => {
  test('does what an array does', () => {
    const step = fc.record({
      does: fc.constantFrom('push', 'push', 'push', 'shift', 'shift', 'put back', 'keep', 'clear'),
      // Mostly a few times. Sometimes so often that the list moves its items or frees its memory.
      times: fc.oneof(
        { weight: 9, arbitrary: fc.nat(3) },
        { weight: 1, arbitrary: fc.constantFrom(129, 1_100, 2_500) },
      ),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const list = new Fifo<Item>()
        let model: Item[] = []
        let number = 0
        for (const { does, times } of steps) {
          if (does === 'keep') {
            list.keepOnly((item) => item.number % 3 !== times % 3)
            model = model.filter((item) => item.number % 3 !== times % 3)
          } else if (does === 'clear') {
            list.clear()
            model = []
          } else {
            for (let turn = 0; turn < times; turn += 1) {
              if (does === 'push') {
                number += 1
                const item = numbered(number)
                list.push(item)
                model.push(item)
                continue
              }
              const first = list.shift()
              const expected = model.shift()
              // Thousands of times, so `expect` is asked only once it is wrong.
              if (first !== expected) expect(first).toBe(expected)
              if (does === 'shift' || first === undefined) continue
              list.unshift(first)
              model.unshift(first)
            }
          }
          expect([list.size, numbersOf(list)]).toEqual([model.length, numbersOf(model)])
        }
      }),
    )
  })

  test('takes what goes before the first, also if no place was freed for it', () => {
    const list = new Fifo<Item>()
    for (const number of [3, 2, 1]) list.unshift(numbered(number))
    list.push(numbered(4))
    expect(numbersOf(list)).toEqual([1, 2, 3, 4])
  })

  test('gives the items of the moment, whatever becomes of the list meanwhile', () => {
    const list = new Fifo<Item>()
    for (const number of [1, 2, 3]) list.push(numbered(number))
    const seen: number[] = []
    for (const { number } of list) {
      seen.push(number)
      list.shift()
      list.push(numbered(number + 10))
    }
    expect(seen).toEqual([1, 2, 3])
    expect(numbersOf(list)).toEqual([11, 12, 13])
  })

  test('lets go of what has been taken from it', async () => {
    const list = new Fifo<Item>()
    const taken = Array.from({ length: 10 }, (_, number) => {
      const item = numbered(number)
      list.push(item)
      return new WeakRef(item)
    })
    for (let count = 0; count < 9; count += 1) list.shift()
    await collectGarbage()
    expect(taken.map((item) => item.deref()?.number)).toEqual([...Array.from({ length: 9 }, () => undefined), 9])
    expect(list.size).toBe(1)
  })

  test('lets go of what has been taken from it while it is filled and runs empty by turns', async () => {
    const list = new Fifo<Item>()
    const taken = Array.from({ length: 10 }, (_, number) => {
      const item = numbered(number)
      list.push(item)
      list.shift()
      return new WeakRef(item)
    })
    await collectGarbage()
    expect(taken.filter((item) => item.deref() !== undefined)).toEqual([])
    expect(list.size).toBe(0)
  })

  test('is moved up seldom', () => {
    const list = new Fifo<Item>()
    const item = numbered(1)
    list.push(item)
    const slice = vi.spyOn(Array.prototype, 'slice')
    for (let turn = 0; turn < 10_240; turn += 1) {
      list.push(item)
      list.shift()
    }
    const moves = slice.mock.calls.length
    vi.restoreAllMocks()
    expect(moves).toBeLessThanOrEqual(10)
  })

  test('is no longer than about what is in it, although it never runs empty, and small when it does', async () => {
    const filled = (fill: (list: Fifo<Item>) => void) => () => {
      const list = new Fifo<Item>()
      fill(list)
      return list
    }
    const item = numbered(1)
    const neverEmpty = filled((list) => {
      list.push(item)
      for (let turn = 0; turn < 100_000; turn += 1) {
        list.push(item)
        list.shift()
      }
    })
    // With all that went through it, each of the twenty would take 800,000 bytes.
    expect(await retainedBytes(neverEmpty, 20)).toBeLessThan(40_000)
    const emptied = filled((list) => {
      // So few that the list does not move its items.
      for (let turn = 0; turn < 1_000; turn += 1) list.push(item)
      while (list.shift() !== undefined);
    })
    expect(await retainedBytes(emptied)).toBeLessThan(2_000)
  })
})
