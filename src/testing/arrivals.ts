/** Items that come one after the other. A caller of `next` may call before or after the item has come. */
export class Arrivals<T> {
  readonly #ready: T[] = []
  readonly #waiting: { resolve(item: T): void; reject(error: Error): void }[] = []
  readonly #readyMax: number
  #end: Error | undefined

  /** At most `readyMax` items wait for a call of `next`; then the oldest is forgotten. */
  constructor(readyMax: number) {
    this.#readyMax = readyMax
  }

  push(item: T): void {
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) return waiting.resolve(item)
    this.#ready.push(item)
    if (this.#ready.length > this.#readyMax) this.#ready.shift()
  }

  /** The first item that no earlier call got. */
  next(): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => {
      const [item] = this.#ready.splice(0, 1)
      if (item !== undefined) resolve(item)
      else if (this.#end !== undefined) reject(this.#end)
      else this.#waiting.push({ resolve, reject })
    })
    // A test that has already failed awaits this promise no longer, so its rejection must not count as unhandled.
    promise.catch(() => {})
    return promise
  }

  /** No item comes any more: calls that wait, and later calls without an item, reject with this error. */
  end(error: Error): void {
    this.#end = error
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}
