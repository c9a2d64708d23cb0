/** What an item of a linked list has to have; nobody but the list changes it. */
export interface Linked<Item> {
  previous: Item | undefined
  next: Item | undefined
}

/**
 * Items in an order, each of which can be taken from where it stands. An item that was taken out refers to no other any
 * more: one that has grown old would keep its neighbours alive, and they theirs.
 */
export class LinkedList<Item extends Linked<Item>> {
  #first: Item | undefined
  #last: Item | undefined

  get first(): Item | undefined {
    return this.#first
  }

  get last(): Item | undefined {
    return this.#last
  }

  /** Puts an item that is in no list behind all others. */
  append(item: Item): void {
    item.previous = this.#last
    if (this.#last === undefined) this.#first = item
    else this.#last.next = item
    this.#last = item
  }

  /** Puts an item that is in no list before all others. */
  prepend(item: Item): void {
    item.next = this.#first
    if (this.#first === undefined) this.#last = item
    else this.#first.previous = item
    this.#first = item
  }

  /** Takes out an item that is in the list. */
  remove(item: Item): void {
    const { previous, next } = item
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    item.previous = undefined
    item.next = undefined
  }

  /** The item that has been reached may be removed meanwhile; those behind it have to stay where they are. */
  *[Symbol.iterator](): IterableIterator<Item> {
    let item = this.#first
    while (item !== undefined) {
      const { next } = item
      yield item
      item = next
    }
  }
}
