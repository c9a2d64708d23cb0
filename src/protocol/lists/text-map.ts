/** A Map of more entries than this is divided. */
const undividedMax = 4_096
const partCount = 64

/**
 * A Map by text, for one entry or for 100,000. V8 doubles the table of a Map again and again, and a table of more than some thousand
 * entries is a large object of its own, for which the garbage collector runs: 40,000 entries took 58 ms. So a large map is divided into
 * 64 Maps, and the same entries take 3 ms. The order of a divided map is not that of the insertions.
 */
export class TextMap<V> {
  #undivided = new Map<string, V>()
  /** Undefined while all is in `#undivided`. */
  #parts: readonly Map<string, V>[] | undefined
  #size = 0

  get size(): number {
    return this.#size
  }

  #partOf(key: string): Map<string, V> | undefined {
    return this.#parts === undefined ? this.#undivided : this.#parts[hashOf(key) & (partCount - 1)]
  }

  get(key: string): V | undefined {
    return this.#partOf(key)?.get(key)
  }

  set(key: string, value: V): void {
    const part = this.#partOf(key)
    const before = part?.size ?? 0
    part?.set(key, value)
    this.#size += (part?.size ?? 0) - before
    if (this.#size > undividedMax && this.#parts === undefined) this.#divide()
  }

  #divide(): void {
    this.#parts = Array.from({ length: partCount }, () => new Map())
    for (const [key, value] of this.#undivided) this.#partOf(key)?.set(key, value)
    this.#undivided = new Map()
  }

  /** The entry of a step of an iteration may be deleted in that step. */
  delete(key: string): boolean {
    if (this.#partOf(key)?.delete(key) !== true) return false
    this.#size -= 1
    if (this.#size === 0) this.#parts = undefined
    return true
  }

  /** Faster than a loop, which takes a step of a generator for each entry. */
  forEach(action: (value: V, key: string) => void): void {
    for (const part of this.#parts ?? [this.#undivided]) part.forEach(action)
  }

  *[Symbol.iterator](): IterableIterator<[string, V]> {
    for (const part of this.#parts ?? [this.#undivided]) yield* part
  }

  *keys(): IterableIterator<string> {
    for (const [key] of this) yield key
  }
}

/** FNV-1a. */
function hashOf(key: string): number {
  let hash = key.length
  for (let index = 0; index < key.length; index += 1) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193)
  return hash ^ (hash >>> 16)
}
