/** So many places may be free at the front before the list is moved up. */
const MAX_FREE_PLACES = 1024
/** So many places are kept when the list has run empty: what a burst took is not held for ever. */
const MAX_KEPT_PLACES = 128

/** The places of all lists that nothing was put into, and never anything else: so a list costs nothing before that. */
const noPlaces: never[] = []

/**
 * A list that is filled at its end and emptied at its front. One that fills and runs empty by turns, as it does when
 * messages are handled as fast as they come, stays in the same few places and makes no garbage.
 */
export class Fifo<Item extends object> {
  /** The items from `#from` to `#to`; the places before are free, and hold nothing alive. */
  #places: (Item | undefined)[] = noPlaces
  #from = 0
  #to = 0

  get size(): number {
    return this.#to - this.#from
  }

  get first(): Item | undefined {
    return this.#places[this.#from]
  }

  push(item: Item): void {
    if (this.#places === noPlaces) this.#places = []
    this.#places[this.#to] = item
    this.#to += 1
  }

  shift(): Item | undefined {
    const first = this.#places[this.#from]
    if (first === undefined) return undefined
    this.#places[this.#from] = undefined
    this.#from += 1
    if (this.#from === this.#to) this.#empty()
    else if (this.#from >= MAX_FREE_PLACES && this.#from >= this.size) this.#moveUp()
    return first
  }

  #empty(): void {
    this.#from = 0
    this.#to = 0
    if (this.#places.length > MAX_KEPT_PLACES) this.#places = noPlaces
  }

  /** Costs no more than the items that have been taken since the last time. */
  #moveUp(): void {
    this.#replace(this.#places.slice(this.#from, this.#to))
  }

  /** Puts an item before all others: one that `shift` gave, so that there mostly is a place for it. */
  unshift(item: Item): void {
    if (this.#from === 0) this.#replace([item, ...this])
    else {
      this.#from -= 1
      this.#places[this.#from] = item
    }
  }

  /** Puts items before all others, in their order. Costs as much as there are items then. */
  prepend(items: readonly Item[]): void {
    this.#replace([...items, ...this])
  }

  clear(): void {
    this.#replace(noPlaces)
  }

  keepOnly(wanted: (item: Item) => boolean): void {
    this.#replace([...this].filter(wanted))
  }

  /** The items of this moment. */
  [Symbol.iterator](): IterableIterator<Item> {
    const places = this.#places.slice(this.#from, this.#to)
    return places.filter((item) => item !== undefined).values()
  }

  #replace(places: (Item | undefined)[]): void {
    this.#places = places
    this.#from = 0
    this.#to = places.length
  }
}
