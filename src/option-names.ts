/**
 * Checks the names of options. An unknown name is a mistake of the program, and a program that ignored it would fail later. So each call
 * with options refuses unknown names, and the error advises the most similar known name.
 */
import { kindOf } from './codec/field-checks.js'
import { UsageError } from './errors.js'

/** The set of the names of `Options`. A table with a missing name or an unknown name does not compile. */
export function namesOf<Options extends object>(
  table: {
    readonly [Name in keyof Options]-?: true
  },
): ReadonlySet<string> {
  return new Set(Object.keys(table))
}

/**
 * Checks that `given` is an object and has only known names. `call` is the name of the call, for the error. A method of a client runs
 * this check for each message, so the check allocates nothing unless it throws. @throws UsageError
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
    // A name on the prototype of all objects is no option of this call.
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

/** Whether the value can be an object of options: not null, no array, no function. */
export function isRecord(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The advice for an unknown name. `names` are the known names; `foreign` has the advice for names of other packages. */
export function adviceFor(name: string, names: readonly string[], foreign?: ReadonlyMap<string, string>): string {
  const near = nearestName(name, names)
  if (near !== undefined) return `did you mean ${near}?`
  return foreign?.get(name) ?? `the names are ${names.join(', ')}`
}

/** The most similar name, at most two edits away. Upper and lower case count as the same letter. */
function nearestName(name: string, names: readonly string[]): string | undefined {
  let nearest: string | undefined
  let least = 3
  for (const candidate of names) {
    const distance = slipsBetween(name.toLowerCase(), candidate.toLowerCase())
    // A short name can become any other by two edits, so it needs fewer.
    if (distance >= least || distance * 3 > candidate.length) continue
    nearest = candidate
    least = distance
  }
  return nearest
}

/** The Damerau-Levenshtein distance. Of its table only the last two rows are kept: a swap of two letters needs no more. */
export function slipsBetween(left: string, right: string): number {
  const at = (cells: readonly number[], column: number) => cells[column] ?? Infinity
  let beforeLast: number[] = []
  let last = Array.from({ length: right.length + 1 }, (_, column) => column)
  for (let row = 1; row <= left.length; row++) {
    const next = [row]
    for (let column = 1; column <= right.length; column++) {
      const differs = Number(left[row - 1] !== right[column - 1])
      const isSwapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      const swapped = isSwapped ? at(beforeLast, column - 2) : Infinity
      next.push(Math.min(at(last, column), at(next, column - 1), at(last, column - 1) + differs - 1, swapped) + 1)
    }
    ;[beforeLast, last] = [last, next]
  }
  return last.at(-1) ?? left.length
}
