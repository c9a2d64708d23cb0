/**
 * The clients of a process are mostly made alike, so groups of settings that say the same are one object for all of them: ten
 * thousand clients do not hold ten thousand copies of the defaults. Only for groups of plain values, since the last one is
 * kept: nothing of a client that is over may hang on to it.
 */
export class SharedSettings<Group extends object> {
  #last: Group | undefined

  /** The group that was given last, if this one says the same; otherwise this one. */
  of(group: Group): Group {
    if (this.#last === undefined || !alike(this.#last, group)) this.#last = group
    return this.#last
  }
}

function alike(one: object, other: object): boolean {
  const values = new Map<string, unknown>(Object.entries(other))
  return Object.entries(one).every(([name, value]) => values.has(name) && values.get(name) === value)
}
