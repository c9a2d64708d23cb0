/** What comes one after the other, for those who ask before it has come and for those who ask after. */
export class Arrivals<T> {
  readonly #ready: T[] = []
  readonly #waiting: { resolve(item: T): void; reject(error: Error): void }[] = []
  readonly #readyMax: number
  #end: Error | undefined

  /** When more than `readyMax` have come that nobody asked for, the oldest is forgotten. */
  constructor(readyMax: number) {
    this.#readyMax = readyMax
  }

  push(item: T): void {
    const waiting = this.#waiting.shift()
    if (waiting !== undefined) return waiting.resolve(item)
    this.#ready.push(item)
    if (this.#ready.length > this.#readyMax) this.#ready.shift()
  }

  /** The first that no earlier call got. */
  next(): Promise<T> {
    const promise = new Promise<T>((resolve, reject) => {
      const [item] = this.#ready.splice(0, 1)
      if (item !== undefined) resolve(item)
      else if (this.#end !== undefined) reject(this.#end)
      else this.#waiting.push({ resolve, reject })
    })
    // A test that has failed elsewhere no longer looks at what it waited for.
    promise.catch(() => {})
    return promise
  }

  /** Nothing more comes: whoever waits, or asks for what did not come, gets this error. */
  end(error: Error): void {
    this.#end = error
    for (const { reject } of this.#waiting.splice(0)) reject(error)
  }
}
