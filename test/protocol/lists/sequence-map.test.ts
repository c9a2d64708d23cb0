/** Messages by sequence number, and the linked list that gives them their order. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Linked, LinkedList } from '../../../src/protocol/lists/linked-list.js'
import { SequenceMap } from '../../../src/protocol/lists/sequence-map.js'

class Item implements Linked<Item> {
  previous: Item | undefined
  next: Item | undefined
}

describe('the linked list', () => {
  test('does what an array does, from both ends and in the middle', () => {
    const step = fc.record({ does: fc.constantFrom('append', 'insert', 'prepend', 'remove'), at: fc.nat(10) })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const list = new LinkedList<Item>()
        const model: Item[] = []
        for (const { does, at } of steps) {
          const item = new Item()
          if (does === 'append') {
            list.append(item)
            model.push(item)
          } else if (does === 'insert') {
            list.append(item, model[at])
            model.splice(at, 0, item)
          } else if (does === 'prepend') {
            list.prepend(item)
            model.unshift(item)
          } else {
            for (const gone of model.splice(at, 1)) {
              list.remove(gone)
              expect([gone.previous, gone.next]).toEqual([undefined, undefined])
            }
          }
          expect(list.first).toBe(model[0])
          const items = [...list]
          expect(items).toHaveLength(model.length)
          expect(items.every((each, index) => each === model[index])).toBe(true)
        }
      }),
    )
  })

  test('lets the item be removed that has been reached, and no other is missed', () => {
    const list = new LinkedList<Item>()
    const items = Array.from({ length: 5 }, () => new Item())
    for (const item of items) list.append(item)
    const reached: Item[] = []
    for (const item of list) {
      reached.push(item)
      if (reached.length !== 2) list.remove(item)
    }
    expect(reached.map((item) => items.indexOf(item))).toEqual([0, 1, 2, 3, 4])
    expect([...list].map((item) => items.indexOf(item))).toEqual([1])
  })
})

describe('the map of sequence numbers', () => {
  test('does what a Map does, in the order of adding', () => {
    const sequence = fc.constantFrom(1, 2, 3, 255, 256, 257, 1_000, 2 ** 32, 2 ** 53 - 1)
    const step = fc.record({ does: fc.constantFrom('add', 'add', 'add', 'delete', 'delete', 'clear'), sequence })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const [map, model] = [new SequenceMap<{ readonly sequence: number }>(), new Map<number, object>()]
        for (const [index, { does, sequence: number }] of steps.entries()) {
          if (does === 'delete') expect(map.delete(number)).toBe(model.delete(number))
          else if (does === 'add' && !model.has(number)) {
            const value = { sequence: number, index }
            map.add(value)
            model.set(number, value)
          } else if (does === 'clear' && index % 5 === 0) {
            map.clear()
            model.clear()
          }
          expect([map.size, map.has(number), map.get(number)]).toEqual([
            model.size,
            model.has(number),
            model.get(number),
          ])
          expect([...map]).toEqual([...model.values()])
        }
      }),
    )
  })
})
