/**
 * Most clients of a process have the same options. Clients with equal settings share one object for each group of settings, so that
 * ten thousand clients do not need ten thousand copies of the defaults. The latest object stays in memory after its client has ended,
 * so use this only for groups of plain values: a function in it would keep objects of that client alive.
 */
export class SharedSettings<Group extends object> {
  #last: Group | undefined

  /** The latest group if it has the same values as this one; otherwise this one. */
  of(group: Group): Group {
    if (this.#last === undefined || !areEqual(this.#last, group)) this.#last = group
    return this.#last
  }
}

function areEqual(one: object, other: object): boolean {
  const values = new Map<string, unknown>(Object.entries(other))
  return Object.entries(one).every(([name, value]) => values.has(name) && values.get(name) === value)
}
