/** The links of an item in a linked list; only the list changes them. */
export interface Linked<Item> {
  previous: Item | undefined
  next: Item | undefined
}

/**
 * A list from whose middle an item can be removed. A removed item has no links: otherwise an item in old memory would keep its
 * former neighbours alive, these their neighbours, and so on.
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

  /** Puts an item after all others, or before `next`, which is in this list. The item must be in no list. */
  append(item: Item, next?: Item): void {
    const previous = next === undefined ? this.#last : next.previous
    item.previous = previous
    item.next = next
    if (previous === undefined) this.#first = item
    else previous.next = item
    if (next === undefined) this.#last = item
    else next.previous = item
  }

  /** Puts an item before all others. The item must be in no list. */
  prepend(item: Item): void {
    this.append(item, this.#first)
  }

  /** Removes an item, which must be in this list. */
  remove(item: Item): void {
    const { previous, next } = item
    if (previous === undefined) this.#first = next
    else previous.next = next
    if (next === undefined) this.#last = previous
    else next.previous = previous
    item.previous = undefined
    item.next = undefined
  }

  /** During the iteration the current item may be removed; the items after it must not move. */
  *[Symbol.iterator](): IterableIterator<Item> {
    let item = this.#first
    while (item !== undefined) {
      const { next } = item
      yield item
      item = next
    }
  }
}
