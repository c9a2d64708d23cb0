/**
 * A map from numbers that are handed out in a row, Packet Identifiers or sequence numbers, in pages of 128 places:
 * those in use stand close together, in one or two pages. A page that has become empty stays until its memory is wanted
 * for other numbers, so a steady flow of messages allocates nothing here; but no more than one does, so that after a
 * burst nothing is held for numbers that are gone.
 *
 * It takes the place of a Map for the sake of the garbage collector. V8 replaces the table of a Map after some
 * deletions, and the old table keeps a reference to the new one. Once such an old table has outlived two collections,
 * all that any later table has ever held counts as alive until the next full collection: with 100 messages in flight at
 * QoS 1, 45 % of the time of a publish went into copying dead messages. Here the same happens to the Map of the pages,
 * but what its old tables hold is empty by then.
 */
const PAGE_SIZE = 128

export class PagedMap<Value extends object | string> {
  /** By the number of their first place; absent before the first entry. */
  #pages: Map<number, Page<Value>> | undefined
  /** The page that was used last, mostly the right one again. */
  #recent: Page<Value> | undefined
  /** The page that was the last to become empty; it may have been filled again since. */
  #emptied: Page<Value> | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  has(key: number): boolean {
    return this.get(key) !== undefined
  }

  get(key: number): Value | undefined {
    const page = this.#pageOf(key)
    return page?.places[key - page.from]
  }

  set(key: number, value: Value): void {
    const page = this.#pageOf(key) ?? this.#addPage(key)
    const place = key - page.from
    if (page.places[place] === undefined) {
      page.used += 1
      this.#size += 1
    }
    page.places[place] = value
  }

  /** False if there is no such entry. */
  delete(key: number): boolean {
    const page = this.#pageOf(key)
    if (page?.places[key - page.from] === undefined) return false
    page.places[key - page.from] = undefined
    page.used -= 1
    this.#size -= 1
    if (page.used === 0) this.#retire(page)
    return true
  }

  clear(): void {
    this.#pages = undefined
    this.#recent = undefined
    this.#emptied = undefined
    this.#size = 0
  }

  /** In no promised order. What has been reached may be deleted meanwhile. */
  *[Symbol.iterator](): IterableIterator<readonly [number, Value]> {
    for (const { from, places } of this.#pages?.values() ?? []) {
      for (const [place, value] of places.entries()) if (value !== undefined) yield [from + place, value]
    }
  }

  #pageOf(key: number): Page<Value> | undefined {
    const recent = this.#recent
    if (recent !== undefined && key >= recent.from && key < recent.from + PAGE_SIZE) return recent
    const page = this.#pages?.get(key - (key % PAGE_SIZE))
    if (page !== undefined) this.#recent = page
    return page
  }

  #addPage(key: number): Page<Value> {
    this.#pages ??= new Map()
    let page = this.#emptied
    if (page?.used === 0) this.#pages.delete(page.from)
    else page = new Page<Value>()
    page.from = key - (key % PAGE_SIZE)
    this.#pages.set(page.from, page)
    this.#recent = page
    return page
  }

  /** One empty page may stay. The other cannot be the recent one, from which something has just been deleted. */
  #retire(page: Page<Value>): void {
    if (this.#emptied === page) return
    if (this.#emptied?.used === 0) this.#pages?.delete(this.#emptied.from)
    this.#emptied = page
  }
}

class Page<Value> {
  /** The number of its first place, a multiple of the size. */
  from = 0
  readonly places: (Value | undefined)[] = []
  used = 0
}
