/** The handlers of one Topic Filter, each with how often it was added. */
export class Route<Handler> {
  readonly #counts = new Map<Handler, number>()
  #snapshot: readonly Handler[] | undefined

  get isEmpty(): boolean {
    return this.#counts.size === 0
  }

  /** The handlers as a list that is replaced, never changed. */
  get handlers(): readonly Handler[] {
    this.#snapshot ??= [...this.#counts.keys()]
    return this.#snapshot
  }

  add(handler: Handler): void {
    this.#counts.set(handler, (this.#counts.get(handler) ?? 0) + 1)
    this.#snapshot = undefined
  }

  remove(handler: Handler): boolean {
    const count = this.#counts.get(handler)
    if (count === undefined) return false
    if (count > 1) this.#counts.set(handler, count - 1)
    else this.#counts.delete(handler)
    this.#snapshot = undefined
    return true
  }
}

/** Gathers the handlers of the routes that match; with a single one its own list is the result, and nothing is copied. */
export class Found<Handler> {
  #first: readonly Handler[] = []
  #all: Set<Handler> | undefined

  get handlers(): readonly Handler[] {
    return this.#all === undefined ? this.#first : [...this.#all]
  }

  take(route: Route<Handler> | undefined): void {
    if (route === undefined) return
    if (this.#first.length === 0) {
      this.#first = route.handlers
      return
    }
    // Filters of one client may overlap; a handler that is found by several of them is still called once.
    this.#all ??= new Set(this.#first)
    for (const handler of route.handlers) this.#all.add(handler)
  }
}
