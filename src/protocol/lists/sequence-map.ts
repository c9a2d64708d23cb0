import { type Linked, LinkedList } from './linked-list.js'
import { PagedMap } from './paged-map.js'

class Entry<Value> implements Linked<Entry<Value>> {
  readonly value: Value
  previous: Entry<Value> | undefined = undefined
  next: Entry<Value> | undefined = undefined

  constructor(value: Value) {
    this.value = value
  }
}

/** Messages by their sequence numbers, in the order in which they were added. `PagedMap` explains why this class uses no Map. */
export class SequenceMap<Value extends { readonly sequence: number }> {
  readonly #entries = new PagedMap<Entry<Value>>()
  readonly #order = new LinkedList<Entry<Value>>()

  get size(): number {
    return this.#entries.size
  }

  has(sequence: number): boolean {
    return this.#entries.has(sequence)
  }

  get(sequence: number): Value | undefined {
    return this.#entries.get(sequence)?.value
  }

  /** Adds a message that is not in the map yet. */
  add(value: Value): void {
    const entry = new Entry(value)
    this.#entries.set(value.sequence, entry)
    this.#order.append(entry)
  }

  /** Returns false if there was no such message. */
  delete(sequence: number): boolean {
    const entry = this.#entries.get(sequence)
    if (entry === undefined) return false
    this.#entries.delete(sequence)
    this.#order.remove(entry)
    return true
  }

  clear(): void {
    for (const { sequence } of this) this.delete(sequence)
  }

  /** During the iteration the current message may be deleted. */
  *[Symbol.iterator](): IterableIterator<Value> {
    for (const { value } of this.#order) yield value
  }
}
