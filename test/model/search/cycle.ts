/**
 * A state that can be come back to, or undefined if there is none. States into which no edge leads that is not yet taken away are
 * taken away with their edges, one after the other: what remains is on a cycle, or behind one.
 */
export function stateOnCycle(size: number, from: readonly number[], to: readonly number[]): number | undefined {
  // The edges of each state as a linked list within two arrays.
  const first = new Int32Array(size).fill(-1)
  const next = new Int32Array(from.length)
  const into = new Int32Array(size)
  from.forEach((state, edge) => {
    next[edge] = first[state] ?? -1
    first[state] = edge
    const target = to[edge] ?? 0
    into[target] = (into[target] ?? 0) + 1
  })
  const free: number[] = []
  into.forEach((count, state) => {
    if (count === 0) free.push(state)
  })
  let taken = 0
  for (let state = free.pop(); state !== undefined; state = free.pop()) {
    taken += 1
    for (let edge = first[state] ?? -1; edge !== -1; edge = next[edge] ?? -1) {
      const target = to[edge] ?? 0
      const count = (into[target] ?? 0) - 1
      into[target] = count
      if (count === 0) free.push(target)
    }
  }
  return taken === size ? undefined : into.findIndex((count) => count > 0)
}
