/**
 * What an option may hold. Each group of options has a table with a check for each name. A check gives back what is to be
 * used, or undefined where the option is absent, and refuses everything else with a UsageError: nothing is coerced, so
 * `null`, `NaN` and `'60'` are mistakes and not zero, a default or sixty.
 */
import { kindOf, quote, requireAttached } from '../../codec/field-checks.js'
import { hasLoneSurrogate } from '../../codec/utf8.js'
import { UsageError } from '../../errors.js'
import { adviceFor, isRecord } from '../../option-names.js'
import { foreignAdvice } from './unknown-names.js'

/** The check of an option that may be absent. */
export type Check<T> = (name: string, value: T | undefined) => T | undefined

/** A check for each option of a group. A table that leaves one out, or has one more, does not compile. */
export type Checks<Options> = {
  readonly [Name in keyof Options]-?: (name: string, value: Options[Name]) => Options[Name]
}

/** The longest time-out that a timer of Node holds: 24.8 days. A longer one would fire at once. */
export const maxTimerMs = 2_147_483_647

/** The check for values that `hold`; `expected` says in words which these are. */
export function only<Kind>(expected: string, holds: (value: Kind) => boolean, statement?: string) {
  return <T extends Kind>(name: string, value: T | undefined): T | undefined => {
    if (value === undefined || holds(value)) return value
    throw new UsageError(`${name} has to be ${expected}, not ${quote(value)}`, { statement })
  }
}

export const whole = (min: number, max: number): Check<number> =>
  // `Number.isInteger` is false for everything but a number: no string, no NaN, no Infinity.
  only<number>(
    `a whole number from ${min} to ${max}`,
    (value) => Number.isInteger(value) && value >= min && value <= max,
  )

export function integer(name: string, value: number | undefined, min: number, max: number): number | undefined {
  return whole(min, max)(name, value)
}

/** Anything that is counted. */
export const atLeastOne = whole(1, Number.MAX_SAFE_INTEGER)

/** What two bytes of a packet, or a port, can hold. */
export const twoBytes = whole(1, 65_535)

/** A time-out or a wait in milliseconds. */
export const milliseconds = whole(1, maxTimerMs)

/** A number of attempts, where Infinity says that there is no limit. */
export const count = only<number>(
  'a whole number from 1, or Infinity for no limit',
  (value) => value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && value >= 1),
)

/** A number from `min` to `max` that need not be whole. */
export const real = (min: number, max: number): Check<number> =>
  only<number>(`a number from ${min} to ${max}`, (value) => typeof value === 'number' && value >= min && value <= max)

export const flag = only<boolean>('true or false', (value) => typeof value === 'boolean')

/** Text for people, not empty. */
export const text = only<string>('a string that is not empty', (value) => typeof value === 'string' && value !== '')

export const oneOf = <T extends string | number>(allowed: readonly T[], statement?: string): Check<T> =>
  only<T>(`one of ${allowed.map(quote).join(', ')}`, (value) => allowed.includes(value), statement)

export const callable = only<(...values: never[]) => unknown>('a function', (value) => typeof value === 'function')

/** A signal is known by what is used of it: one of another realm, or of a package, serves as well as the platform's own. */
const signal = only<AbortSignal>('an AbortSignal, such as the signal of an AbortController', isAbortSignal)

/** The signal of a call or of a client; null, which `fetch` takes too, is none. */
export function abortSignal(name: string, value: AbortSignal | null | undefined): AbortSignal | undefined {
  return signal(name, value ?? undefined)
}

function isAbortSignal(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false
  const named = (name: string) => typeof Reflect.get(value, name)
  return (
    named('aborted') === 'boolean' &&
    named('addEventListener') === 'function' &&
    named('removeEventListener') === 'function'
  )
}

/** For what is checked where more is known about it. */
export const anything = <T>(_name: string, value: T): T => value

/** The check of a group that may be absent. */
export const groupOf =
  <O extends object>(checks: Checks<O>): Check<O> =>
  (name, value) =>
    value === undefined ? undefined : group(name, value, checks)

/**
 * A copy of a group of options, with every name known and every value checked. What is no group is not shown: it may be a
 * password, or a URL with one.
 */
export function group<O extends object>(name: string, given: O, checks: Checks<O>, prefix = `${name}.`): O {
  if (!isRecord(given)) throw new UsageError(`${name} has to be an object of options, not ${kindOf(given)}`)
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(checks, key)) continue
    const advice = adviceFor(key, Object.keys(checks), foreignAdvice)
    throw new UsageError(`${prefix}${key} is no option of this package: ${advice}`)
  }
  const copy = { ...given }
  // An option may be inherited too: the names that count are those of the table.
  for (const key in checks) {
    // And what a program has put onto the prototype of all objects is no check.
    if (Object.hasOwn(checks, key)) copy[key] = checks[key](`${prefix}${key}`, given[key])
  }
  return copy
}

/**
 * The bytes of a field with a two-byte length: a copy, so that later changes to the caller's array have no effect. The value
 * is never shown, as it may be a secret.
 */
export function fieldBytes(name: string, value: string | Uint8Array, section: string): Buffer {
  if (typeof value === 'string' && hasLoneSurrogate(value)) {
    throw new UsageError(`${name} holds a lone surrogate, which has no UTF-8 form: give the bytes`, {
      statement: 'MQTT-1.5.3-1',
    })
  }
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) {
    throw new UsageError(`${name} has to be a string or a Uint8Array, not ${kindOf(value)}`, { statement: section })
  }
  if (typeof value !== 'string') requireAttached(value, name, section)
  const bytes = Buffer.from(value)
  if (bytes.length <= 65_535) return bytes
  throw new UsageError(`${name} has ${bytes.length} bytes: give at most 65535`, { statement: section })
}
