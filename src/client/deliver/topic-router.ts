/**
 * Which handlers get a message: an index from Topic Filters to handlers (section 4.7).
 *
 * Filters without wildcards, the common case, are a map from the filter to its route. Filters with wildcards are a tree with
 * one node for each level that filters share. To match a Topic Name, walk down its levels with a list of the nodes
 * reached so far: from each, to the child of the same name and to the child `+`. A level visits at most twice as many
 * nodes as the one before, whatever the number of filters; what a topic does not match is never looked at.
 *
 * Each place where filters end is a route: handlers with a count, as the same handler may be added to the same filter more
 * than once. The list that `match` gives out is a snapshot that no later `add` or `remove` changes, so a
 * handler may add and remove routes while the message that it got is still being handed to others.
 *
 * A server sends few topics many times, so the lists that the tree gave lately are remembered until a route changes: the walk down
 * five levels was half of the 540 ns that a message at QoS 0 cost in all.
 */

/** So many topics are remembered, each of no more characters than that: 1 MiB at the very most. */
const rememberedTopicsMax = 512
const rememberedCharactersMax = 1024

export class TopicRouter<Handler> {
  /** Filters without wildcards. Absent before the first. */
  #exact: Map<string, Route<Handler>> | undefined
  readonly #root = new TreeNode<Handler>()
  /** What topics matched since a route was changed, and the tree had to be asked. */
  #remembered: Map<string, readonly Handler[]> | undefined
  #visits = 0

  /** Nodes that all calls of `match` have visited so far. */
  get visits(): number {
    return this.#visits
  }

  /** Nodes and routes that the index is made of; 0 when no filter is left. */
  get size(): number {
    return (this.#exact?.size ?? 0) + this.#root.size
  }

  /** Adds a handler to a valid Topic Filter; a shared subscription (`$share/group/filter`) is routed by its filter. */
  add(filter: string, handler: Handler): void {
    this.#remembered = undefined
    const topicFilter = unshared(filter)
    if (!hasWildcard(topicFilter)) {
      this.#exact ??= new Map()
      const route = this.#exact.get(topicFilter) ?? new Route<Handler>()
      this.#exact.set(topicFilter, route)
      route.add(handler)
      return
    }
    const { levels, multiLevel } = pathOf(topicFilter)
    let node = this.#root
    for (const level of levels) node = node.childFor(level)
    if (multiLevel) {
      node.below ??= new Route()
      node.below.add(handler)
    } else {
      node.here ??= new Route()
      node.here.add(handler)
    }
  }

  /** Takes back one `add` of the same filter and handler; false if there is none. */
  remove(filter: string, handler: Handler): boolean {
    this.#remembered = undefined
    const topicFilter = unshared(filter)
    if (!hasWildcard(topicFilter)) {
      const route = this.#exact?.get(topicFilter)
      const removed = route?.remove(handler) ?? false
      if (route?.isEmpty) this.#exact?.delete(topicFilter)
      return removed
    }
    const { levels, multiLevel } = pathOf(topicFilter)
    const path = this.#walk(levels)
    const last = path?.at(-1)
    if (path === undefined || last === undefined) return false
    const removed = (multiLevel ? last.below : last.here)?.remove(handler) ?? false
    if (last.below?.isEmpty) last.below = undefined
    if (last.here?.isEmpty) last.here = undefined
    prune(path, levels)
    return removed
  }

  /** The handlers of every filter that matches a valid Topic Name, each once, in no promised order. */
  match(topic: string): readonly Handler[] {
    // [MQTT-4.7.3-4] Names are compared character by character: no normalisation, no folding, empty levels count.
    if (this.#root.isEmpty) return this.#exact?.get(topic)?.handlers ?? []
    const remembered = this.#remembered?.get(topic)
    if (remembered !== undefined) return remembered
    const found = new Found<Handler>()
    found.take(this.#exact?.get(topic))
    this.#matchTree(topic, found)
    return this.#remember(topic, found.handlers)
  }

  #remember(topic: string, handlers: readonly Handler[]): readonly Handler[] {
    if (topic.length > rememberedCharactersMax) return handlers
    if (this.#remembered === undefined || this.#remembered.size >= rememberedTopicsMax) this.#remembered = new Map()
    this.#remembered.set(topic, handlers)
    return handlers
  }

  #matchTree(topic: string, found: Found<Handler>): void {
    let reached = [this.#root]
    // [MQTT-4.7.2-1] A filter that begins with a wildcard does not match a topic that begins with `$`.
    let wildcards = !topic.startsWith('$')
    for (let start = 0; start >= 0 && reached.length > 0; ) {
      const slash = topic.indexOf('/', start)
      const level = slash < 0 ? topic.slice(start) : topic.slice(start, slash)
      const next: TreeNode<Handler>[] = []
      for (const node of reached) this.#step(node, level, wildcards, next, found)
      wildcards = true
      start = slash < 0 ? -1 : slash + 1
      reached = next
    }
    // The topic ends here, or no filter goes on. [MQTT-4.7.1-2] `a/#` matches its parent level `a` too.
    for (const node of reached) {
      found.take(node.here)
      found.take(node.below)
    }
    this.#visits += reached.length
  }

  #step(
    node: TreeNode<Handler>,
    level: string,
    wildcards: boolean,
    next: TreeNode<Handler>[],
    found: Found<Handler>,
  ): void {
    this.#visits += 1
    const named = node.children?.get(level)
    if (named !== undefined) next.push(named)
    if (!wildcards) return
    const single = node.children?.get('+')
    if (single !== undefined) next.push(single)
    found.take(node.below)
  }

  /** The nodes from the root along these levels, or undefined if there is no such path. */
  #walk(levels: readonly string[]): TreeNode<Handler>[] | undefined {
    let node = this.#root
    const path = [node]
    for (const level of levels) {
      const child = node.children?.get(level)
      if (child === undefined) return undefined
      path.push(child)
      node = child
    }
    return path
  }
}

/** One level of the filters that have wildcards; the child for any single level is named `+`. */
class TreeNode<Handler> {
  /** Absent at the end of a filter. */
  children: Map<string, TreeNode<Handler>> | undefined
  /** The filter that ends with this level. */
  here: Route<Handler> | undefined
  /** The filter that goes on with `#`. */
  below: Route<Handler> | undefined

  get isEmpty(): boolean {
    return (this.children?.size ?? 0) === 0 && this.here === undefined && this.below === undefined
  }

  /** Nodes below this one and routes at any of them. */
  get size(): number {
    let size = 0
    const waiting: TreeNode<Handler>[] = [this]
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      size += (node.children?.size ?? 0) + (node.here === undefined ? 0 : 1) + (node.below === undefined ? 0 : 1)
      for (const child of node.children?.values() ?? []) waiting.push(child)
    }
    return size
  }

  childFor(level: string): TreeNode<Handler> {
    this.children ??= new Map()
    const known = this.children.get(level)
    if (known !== undefined) return known
    const child = new TreeNode<Handler>()
    this.children.set(level, child)
    return child
  }
}

/** Cuts off the nodes at the end of a path that lead to no route any more. */
function prune<Handler>(path: readonly TreeNode<Handler>[], levels: readonly string[]): void {
  for (let depth = path.length - 1; depth > 0; depth -= 1) {
    const level = levels[depth - 1]
    if (!path[depth]?.isEmpty || level === undefined) return
    path[depth - 1]?.children?.delete(level)
  }
}

function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.includes('#')
}

/** The levels of a filter; a final `#` is told apart, as it stands for any number of levels and not for one. */
function pathOf(filter: string): { readonly levels: readonly string[]; readonly multiLevel: boolean } {
  const levels = filter.split('/')
  const multiLevel = levels.at(-1) === '#'
  return { levels: multiLevel ? levels.slice(0, -1) : levels, multiLevel }
}

const sharePrefix = '$share/'

/** The part of a shared subscription that topics are matched with. The standard does not know these; many servers do. */
export function unshared(filter: string): string {
  if (!filter.startsWith(sharePrefix)) return filter
  const slash = filter.indexOf('/', sharePrefix.length)
  const inner = slash < 0 ? '' : filter.slice(slash + 1)
  return inner === '' ? filter : inner
}

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
