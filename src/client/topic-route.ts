/** The handlers of one Topic Filter, each with how often it was added. */
export class Route<Handler> {
  /** Each once; the list is replaced, never changed. Most filters have one handler, so it is no Map. */
  #handlers: readonly Handler[] = []
  /** How often a handler was added that was there already. */
  #repeated: Map<Handler, number> | undefined

  get isEmpty(): boolean {
    return this.#handlers.length === 0
  }

  /** The handlers as a list that is replaced, never changed. */
  get handlers(): readonly Handler[] {
    return this.#handlers
  }

  add(handler: Handler): void {
    if (this.#handlers.includes(handler)) {
      this.#repeated ??= new Map()
      this.#repeated.set(handler, (this.#repeated.get(handler) ?? 0) + 1)
    } else this.#handlers = [...this.#handlers, handler]
  }

  remove(handler: Handler): boolean {
    if (!this.#handlers.includes(handler)) return false
    const repeated = this.#repeated?.get(handler) ?? 0
    if (repeated > 1) this.#repeated?.set(handler, repeated - 1)
    else if (repeated === 1) this.#repeated?.delete(handler)
    else this.#handlers = this.#handlers.filter((other) => other !== handler)
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
