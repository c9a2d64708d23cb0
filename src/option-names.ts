/**
 * The names of options. A name that no option has is a mistake, and one that was taken in silence is found when it is too late: so each
 * call that takes options knows their names, and says for any other which one was probably meant.
 */
import { kindOf } from './codec/field-checks.js'
import { UsageError } from './errors.js'

/** A set of the names of all options of a kind. A table that leaves one out, or has one more, does not compile. */
export function namesOf<Options extends object>(
  table: {
    readonly [Name in keyof Options]-?: true
  },
): ReadonlySet<string> {
  return new Set(Object.keys(table))
}

/**
 * Refuses what is no object of options, and the first name that no option of this `call` has. A method of a client runs this for each
 * message, so it makes nothing where nothing is wrong. @throws UsageError
 */
export function requireOptions(call: string, given: unknown, names: ReadonlySet<string>): void {
  if (!isRecord(given)) {
    const advice =
      typeof given === 'function'
        ? 'await the promise instead of giving a callback'
        : `the names are ${[...names].join(', ')}`
    throw new UsageError(`the options of ${call} have to be an object, not ${kindOf(given)}: ${advice}`)
  }
  for (const name in given) {
    // What a program has put onto the prototype of all objects is in none of them.
    if (names.has(name) || !Object.hasOwn(given, name)) continue
    throw new UsageError(`${name} is no option of ${call}: ${adviceFor(name, [...names])}`)
  }
}

/**
 * Refuses values behind the last argument of a `call`: other clients take a callback there, which here would never be called.
 * @throws UsageError
 */
export function refuseMore(call: string, more: readonly unknown[]): void {
  const given = more.find((value) => value !== undefined)
  if (given === undefined) return
  const advice = typeof given === 'function' ? 'await its promise instead of giving a callback' : 'leave it out'
  throw new UsageError(`${call} got an argument too many, ${kindOf(given)}: ${advice}`)
}

/** An object that may hold options: no array, no function, no null. */
export function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** What to do about a name that is none of the `names` of its group. `foreign` says what to do about names of other packages. */
export function adviceFor(name: string, names: readonly string[], foreign?: ReadonlyMap<string, string>): string {
  const near = nearestName(name, names)
  if (near !== undefined) return `did you mean ${near}?`
  return foreign?.get(name) ?? `the names are ${names.join(', ')}`
}

/** The name at a distance of at most two edits, letters of either case being alike; the nearest of several. */
function nearestName(name: string, names: readonly string[]): string | undefined {
  let nearest: string | undefined
  let least = 3
  for (const candidate of names) {
    const distance = slipsBetween(name.toLowerCase(), candidate.toLowerCase())
    // Of a short name two edits leave too little to be a likeness.
    if (distance >= least || distance * 3 > candidate.length) continue
    nearest = candidate
    least = distance
  }
  return nearest
}

/** The Damerau-Levenshtein distance, by rows of its table; only the last two are needed, as a swap looks back no further. */
export function slipsBetween(left: string, right: string): number {
  const at = (cells: readonly number[], column: number) => cells[column] ?? Number.POSITIVE_INFINITY
  let beforeLast: number[] = []
  let last = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row++) {
    const next = [row]
    for (let column = 1; column <= right.length; column++) {
      const differs = Number(left[row - 1] !== right[column - 1])
      const isSwapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      const swapped = isSwapped ? at(beforeLast, column - 2) : Number.POSITIVE_INFINITY
      next.push(Math.min(at(last, column), at(next, column - 1), at(last, column - 1) + differs - 1, swapped) + 1)
    }
    ;[beforeLast, last] = [last, next]
  }
  return last.at(-1) ?? left.length
}
