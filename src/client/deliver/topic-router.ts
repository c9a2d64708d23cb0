/**
 * Finds the handlers of a message: an index from Topic Filters to handlers (section 4.7).
 *
 * Most filters have no wildcards; a map leads from such a filter to its route. The filters with wildcards form a tree, with one node
 * for each level; filters with the same first levels share the nodes of these levels. To match a Topic Name, the router goes down the
 * tree level by level. From each node that it has reached, it goes to the child with the name of the level and to the child `+`. So
 * it visits at most twice as many nodes on a level as on the level above, whatever the number of filters. It never visits a node that
 * does not match, and no node twice.
 *
 * A route is the end of a filter: its handlers. Most routes have one handler, which was added once. The others have a count for each
 * handler, because a program may add the same handler to the same filter several times. `match` returns a list that no later `add` or
 * `remove` changes. So a handler may add and remove routes while the same message still goes to other handlers.
 *
 * A server mostly sends the same few topics again and again. So the router remembers the latest results of the tree until a route
 * changes: going down five levels took half of the 540 ns that a QoS 0 message cost in total.
 */
import { topicMatches } from '../../codec/topic.js'
import { TextMap } from '../../protocol/lists/text-map.js'

/** The number of remembered results, and the bytes that each of them and all of them may take. */
const rememberedTopicsMax = 512
const rememberedBytesMax = 1_048_576
const rememberedBytesMaxEach = 4_096

/** What a remembered result takes: two bytes for each character, eight for each handler, and the objects around them. */
function bytesOf(topic: string, handlers: readonly unknown[]): number {
  return 2 * topic.length + 8 * handlers.length + 128
}

export class TopicRouter<Handler> {
  /** The routes of filters without wildcards. Undefined before the first such filter. */
  #exact: TextMap<Route<Handler>> | undefined
  readonly #root = new TreeNode<Handler>()
  /** The latest route of one handler: a call may add its handler to 100,000 filters, which share this route. */
  #latest: readonly Handler[] = []
  /** The results of `match` for topics that the tree was asked for, since the last change of a route. */
  #remembered: Map<string, readonly Handler[]> | undefined
  #rememberedBytes = 0
  #visits = 0

  /** The number of nodes that all calls of `match` have visited. */
  get visits(): number {
    return this.#visits
  }

  /** The number of nodes and routes in the index; 0 without filters. */
  get size(): number {
    return (this.#exact?.size ?? 0) + this.#root.size
  }

  /** Adds a handler to a valid Topic Filter, and to what servers deliver for it (see `topicFiltersOf`). */
  add(filter: string, handler: Handler): void {
    this.#remembered = undefined
    const proper = properFilterOf(filter)
    this.#add(proper, handler)
    if (proper !== filter) this.#add(filter, handler)
  }

  #add(topicFilter: string, handler: Handler): void {
    if (!hasWildcard(topicFilter)) {
      this.#exact ??= new TextMap()
      const route = this.#exact.get(topicFilter)
      const extended = this.#extended(route, handler)
      if (extended !== route) this.#exact.set(topicFilter, extended)
      return
    }
    const { levels, multiLevel } = pathOf(topicFilter)
    let node = this.#root
    for (const level of levels) node = node.childFor(level)
    if (multiLevel) node.multiLevelRoute = this.#extended(node.multiLevelRoute, handler)
    else node.route = this.#extended(node.route, handler)
  }

  /** A route with one handler more. */
  #extended(route: Route<Handler> | undefined, handler: Handler): Route<Handler> {
    if (route instanceof CountedHandlers) route.add(handler)
    else if (route !== undefined) return new CountedHandlers([...route, handler])
    else if (this.#latest[0] !== handler) this.#latest = [handler]
    return route ?? this.#latest
  }

  /** Undoes one `add` of the same filter and handler; returns false if there was none. */
  remove(filter: string, handler: Handler): boolean {
    this.#remembered = undefined
    // The router keeps no handler that nobody needs any more.
    this.#latest = []
    const proper = properFilterOf(filter)
    const removed = this.#remove(proper, handler)
    return proper === filter ? removed : this.#remove(filter, handler) || removed
  }

  #remove(topicFilter: string, handler: Handler): boolean {
    if (!hasWildcard(topicFilter)) {
      const route = this.#exact?.get(topicFilter)
      if (!hasHandler(route, handler)) return false
      if (reduced(route, handler) === undefined) this.#exact?.delete(topicFilter)
      return true
    }
    const { levels, multiLevel } = pathOf(topicFilter)
    const path = this.#nodesAlong(levels)
    const last = path?.at(-1)
    if (path === undefined || last === undefined) return false
    if (!hasHandler(multiLevel ? last.multiLevelRoute : last.route, handler)) return false
    if (multiLevel) last.multiLevelRoute = reduced(last.multiLevelRoute, handler)
    else last.route = reduced(last.route, handler)
    prune(path, levels)
    return true
  }

  /** The handlers of every filter that matches a valid Topic Name: each handler once, in any order. */
  match(topic: string): readonly Handler[] {
    // [MQTT-4.7.3-4] Names are compared character by character: no normalisation, no case folding; an empty level counts too.
    if (this.#root.isEmpty) return handlersOf(this.#exact?.get(topic))
    const remembered = this.#remembered?.get(topic)
    if (remembered !== undefined) return remembered
    const found = new FoundHandlers<Handler>()
    found.add(this.#exact?.get(topic))
    this.#matchTree(topic, found)
    return this.#remember(topic, found.handlers)
  }

  #remember(topic: string, handlers: readonly Handler[]): readonly Handler[] {
    const bytes = bytesOf(topic, handlers)
    if (bytes > rememberedBytesMaxEach) return handlers
    const isFull = this.#remembered?.size === rememberedTopicsMax || this.#rememberedBytes + bytes > rememberedBytesMax
    if (this.#remembered === undefined || isFull) {
      this.#remembered = new Map()
      this.#rememberedBytes = 0
    }
    this.#remembered.set(topic, handlers)
    this.#rememberedBytes += bytes
    return handlers
  }

  #matchTree(topic: string, found: FoundHandlers<Handler>): void {
    let reached = [this.#root]
    // [MQTT-4.7.2-1] A filter that begins with a wildcard does not match a topic that begins with `$`.
    let wildcards = !topic.startsWith('$')
    for (let start = 0; start >= 0 && reached.length > 0; ) {
      const slash = topic.indexOf('/', start)
      const level = slash < 0 ? topic.slice(start) : topic.slice(start, slash)
      const next: TreeNode<Handler>[] = []
      for (const node of reached) this.#goDown(node, level, wildcards, next, found)
      wildcards = true
      start = slash < 0 ? -1 : slash + 1
      reached = next
    }
    // These nodes are at the last level of the topic. [MQTT-4.7.1-2] The filter `a/#` matches its parent level `a` too.
    for (const node of reached) {
      found.add(node.route)
      found.add(node.multiLevelRoute)
    }
    this.#visits += reached.length
  }

  /** From a node to its children that match a level. */
  #goDown(
    node: TreeNode<Handler>,
    level: string,
    wildcards: boolean,
    next: TreeNode<Handler>[],
    found: FoundHandlers<Handler>,
  ): void {
    this.#visits += 1
    const sameName = node.children?.get(level)
    if (sameName !== undefined) next.push(sameName)
    if (!wildcards) return
    const plus = node.children?.get('+')
    // A level `+` of a name is an ordinary character, and the child with its name is the child `+`.
    if (plus !== undefined && plus !== sameName) next.push(plus)
    found.add(node.multiLevelRoute)
  }

  /** The nodes from the root along these levels; undefined if one of them does not exist. */
  #nodesAlong(levels: readonly string[]): TreeNode<Handler>[] | undefined {
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

/** One level of the filters with wildcards. The wildcard `+` is a child with the name `+`. */
class TreeNode<Handler> {
  /** The next levels by name. Undefined before the first child. */
  children: TextMap<TreeNode<Handler>> | undefined
  /** The route of the filter that ends with this level. */
  route: Route<Handler> | undefined
  /** The route of the filter that has only `#` after this level. */
  multiLevelRoute: Route<Handler> | undefined

  get isEmpty(): boolean {
    return (this.children?.size ?? 0) === 0 && this.route === undefined && this.multiLevelRoute === undefined
  }

  /** The number of nodes below this node, and of routes at this node and below. */
  get size(): number {
    let size = 0
    const uncounted: TreeNode<Handler>[] = [this]
    for (let node = uncounted.pop(); node !== undefined; node = uncounted.pop()) {
      size += node.children?.size ?? 0
      if (node.route !== undefined) size += 1
      if (node.multiLevelRoute !== undefined) size += 1
      for (const [, child] of node.children ?? []) uncounted.push(child)
    }
    return size
  }

  childFor(level: string): TreeNode<Handler> {
    this.children ??= new TextMap()
    const known = this.children.get(level)
    if (known !== undefined) return known
    const child = new TreeNode<Handler>()
    this.children.set(level, child)
    return child
  }
}

/** Removes the nodes at the end of a path that have no route and no child any more. */
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

/** The levels of a filter, without a final `#`: that is the multi-level wildcard, for any number of levels. */
function pathOf(filter: string): { readonly levels: readonly string[]; readonly multiLevel: boolean } {
  const levels = filter.split('/')
  const multiLevel = levels.at(-1) === '#'
  return { levels: multiLevel ? levels.slice(0, -1) : levels, multiLevel }
}

/**
 * What stands before the Topic Filter proper in subscriptions of a special kind. MQTT 3.1.1 has none of them, but servers do: with
 * `$share/group/` (many servers) and `$queue/`, `$oshare/group/`, `$exclusive/` and `$local/` (EMQX and relatives) the messages come under
 * the topics that match the rest of the filter.
 */
const specialKinds = /^(?:\$(?:o?share\/[^/]+|queue|exclusive|local)\/)+(?=.)/s

/**
 * The filters whose topics a server may deliver for a Topic Filter: the filter itself, and without what makes it special. The first
 * is right for a server that does not know the special kind: there `$share/group/a` is the name of a topic like any other.
 */
export function topicFiltersOf(filter: string): readonly string[] {
  const proper = properFilterOf(filter)
  return proper === filter ? [filter] : [proper, filter]
}

function properFilterOf(filter: string): string {
  return filter.startsWith('$') ? filter.replace(specialKinds, '') : filter
}

/** Whether a server may deliver messages on this topic for a Topic Filter. */
export function bringsTopic(filter: string, topic: string): boolean {
  return topicFiltersOf(filter).some((topicFilter) => topicMatches(topicFilter, topic))
}

/** The handlers of one Topic Filter: one that was added once, in an array that never changes, or those with counts. */
type Route<Handler> = readonly Handler[] | CountedHandlers<Handler>

function handlersOf<Handler>(route: Route<Handler> | undefined): readonly Handler[] {
  return route instanceof CountedHandlers ? route.handlers : (route ?? [])
}

function hasHandler<Handler>(route: Route<Handler> | undefined, handler: Handler): boolean {
  return route instanceof CountedHandlers ? route.has(handler) : route?.[0] === handler
}

/** What is left of a route without one of its handlers. */
function reduced<Handler>(route: Route<Handler> | undefined, handler: Handler): Route<Handler> | undefined {
  return route instanceof CountedHandlers && route.remove(handler) === 'some left' ? route : undefined
}

/** Handlers, each with the number of times it was added. */
class CountedHandlers<Handler> {
  /** Each handler once. Undefined if it has to be made again from the counts. A list that was returned never changes. */
  #handlers: readonly Handler[] | undefined
  readonly #counts = new Map<Handler, number>()

  constructor(handlers: readonly Handler[]) {
    for (const handler of handlers) this.add(handler)
  }

  get handlers(): readonly Handler[] {
    this.#handlers ??= [...this.#counts.keys()]
    return this.#handlers
  }

  has(handler: Handler): boolean {
    return this.#counts.has(handler)
  }

  add(handler: Handler): void {
    const count = this.#counts.get(handler) ?? 0
    this.#counts.set(handler, count + 1)
    if (count === 0) this.#handlers = undefined
  }

  remove(handler: Handler): 'some left' | 'none left' {
    const count = this.#counts.get(handler) ?? 0
    if (count > 1) this.#counts.set(handler, count - 1)
    else {
      this.#counts.delete(handler)
      this.#handlers = undefined
    }
    return this.#counts.size > 0 ? 'some left' : 'none left'
  }
}

/** Gathers the handlers of the routes that match. If only one route matches, the result is the list of that route, not a copy. */
class FoundHandlers<Handler> {
  #first: readonly Handler[] = []
  #all: Set<Handler> | undefined

  get handlers(): readonly Handler[] {
    return this.#all === undefined ? this.#first : [...this.#all]
  }

  add(route: Route<Handler> | undefined): void {
    if (route === undefined) return
    if (this.#first.length === 0) {
      this.#first = handlersOf(route)
      return
    }
    // Filters of one client may overlap; a handler with several matching filters is still called once.
    this.#all ??= new Set(this.#first)
    for (const handler of handlersOf(route)) this.#all.add(handler)
  }
}
