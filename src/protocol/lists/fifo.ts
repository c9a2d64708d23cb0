/** When the list has so many free places at its front, the items may move to the front. */
const MAX_FREE_PLACES = 1024
/** An empty list keeps at most so many places, so the memory of a burst is freed. */
const MAX_KEPT_PLACES = 128

/** All unused lists share this array, which stays empty. So a list allocates nothing before its first item. */
const noPlaces: never[] = []

/**
 * A list: items are added at its end and taken from its front. When messages are handled as fast as they come, the list is often
 * empty. Then it uses the same few places again and makes no garbage.
 */
export class Fifo<Item extends object> {
  /** The items are in the places from `#from` to `#to`. The places before `#from` are free and hold undefined. */
  #places: (Item | undefined)[] = noPlaces
  #from = 0
  #to = 0

  get size(): number {
    return this.#to - this.#from
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

  /** Copies at most as many items as were taken since the last copy. */
  #moveUp(): void {
    this.#replace(this.#places.slice(this.#from, this.#to))
  }

  /** Puts an item before all others. If `shift` has just returned the item, its place is still free, and nothing is copied. */
  unshift(item: Item): void {
    if (this.#from === 0) this.#replace([item, ...this])
    else {
      this.#from -= 1
      this.#places[this.#from] = item
    }
  }

  /** Puts items before all others, in their order. Copies the whole list. */
  prepend(items: readonly Item[]): void {
    this.#replace([...items, ...this])
  }

  clear(): void {
    this.#replace(noPlaces)
  }

  keepOnly(wanted: (item: Item) => boolean): void {
    this.#replace([...this].filter(wanted))
  }

  /** Iterates over a copy, so later changes of the list do not matter. */
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
