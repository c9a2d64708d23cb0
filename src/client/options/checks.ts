/**
 * The checks of option values. Each group of options has a table with one check for each name. A check returns the value, or undefined
 * if the option is absent. It throws a UsageError for any other value. No value is converted: `null`, `NaN` and `'60'` are mistakes,
 * and never mean zero, the default or sixty.
 */

import { kindOf, outline, requireAttached } from '../../codec/field-checks.js'
import { hasLoneSurrogate } from '../../codec/utf8.js'
import { UsageError } from '../../errors.js'
import { adviceFor, isRecord } from '../../option-names.js'
import { isAbortSignal, isBytes } from '../../realms/foreign-values.js'
import { foreignAdvice } from './unknown-names.js'

/** The check of an option that may be absent. */
export type Check<T> = (name: string, value: T | undefined) => T | undefined

/** A table with a check for each option of a group. It does not compile if an option is missing, or if there is one too many. */
export type Checks<Options> = {
  readonly [Name in keyof Options]-?: (name: string, value: Options[Name]) => Options[Name]
}

/** The longest time for a timer of Node: 24.8 days. A timer with a longer time fires at once. */
export const maxTimerMs = 2_147_483_647

/** A check that accepts the values for which `isValid` returns true; `expected` describes these values in the error. */
export function only<Kind>(expected: string, isValid: (value: Kind) => boolean, statement?: string) {
  return <T extends Kind>(name: string, value: T | undefined): T | undefined => {
    if (value === undefined || isValid(value)) return value
    throw new UsageError(`${name} has to be ${expected}, not ${outline(value)}`, { statement })
  }
}

export const whole = (min: number, max: number): Check<number> =>
  // `Number.isInteger` is false for strings, NaN and Infinity.
  only<number>(
    `a whole number from ${min} to ${max}`,
    (value) => Number.isInteger(value) && value >= min && value <= max,
  )

export function integer(name: string, value: number | undefined, min: number, max: number): number | undefined {
  return whole(min, max)(name, value)
}

/** A number of messages, bytes or the like. */
export const atLeastOne = whole(1, Number.MAX_SAFE_INTEGER)

/** A number in two bytes of a packet, or a port. */
export const twoBytes = whole(1, 65_535)

/** A time-out or a wait in milliseconds. */
export const milliseconds = whole(1, maxTimerMs)

/** A number of attempts; Infinity means no limit. */
export const count = only<number>(
  'a whole number from 1, or Infinity for no limit',
  (value) => value === Infinity || (Number.isSafeInteger(value) && value >= 1),
)

/** A number from `min` to `max`, which may have a fraction. */
export const realNumber = (min: number, max: number): Check<number> =>
  only<number>(`a number from ${min} to ${max}`, (value) => typeof value === 'number' && value >= min && value <= max)

export const flag = only<boolean>('true or false', (value) => typeof value === 'boolean')

/** A text for people. */
export const text = only<string>('a string that is not empty', (value) => typeof value === 'string' && value !== '')

export const oneOf = <T extends string | number>(allowed: readonly T[], statement?: string): Check<T> =>
  only<T>(
    `one of ${allowed.map((one) => JSON.stringify(one)).join(', ')}`,
    (value) => allowed.includes(value),
    statement,
  )

export const callable = only<(...values: never[]) => unknown>('a function', (value) => typeof value === 'function')

/** Checks only the members that are used: an AbortSignal of another realm or of a package works too. */
const signal = only<AbortSignal>('an AbortSignal, such as the signal of an AbortController', isAbortSignal)

/** The signal of a call or of a client. As for `fetch`, null means no signal. */
export function abortSignal(name: string, value: AbortSignal | null | undefined): AbortSignal | undefined {
  return signal(name, value ?? undefined)
}

/** For an option that other code checks, because the check needs more than the value. */
export const unchecked = <T>(_name: string, value: T): T => value

/** The check of a group that may be absent. */
export const groupOf =
  <O extends object>(checks: Checks<O>, advices = foreignAdvice): Check<O> =>
  (name, value) =>
    value === undefined ? undefined : group(name, value, checks, `${name}.`, advices)

/**
 * A copy of a group of options, after a check of every name and every value. If `given` is not an object, the error shows only its
 * type: the value may be a password, or a URL with a password.
 */
export function group<O extends object>(
  name: string,
  given: O,
  checks: Checks<O>,
  prefix = `${name}.`,
  advices = foreignAdvice,
): O {
  if (!isRecord(given)) throw new UsageError(`${name} has to be an object of options, not ${kindOf(given)}`)
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(checks, key)) continue
    const advice = adviceFor(key, Object.keys(checks), advices)
    throw new UsageError(`${prefix}${key} is no option of this package: ${advice}`)
  }
  const copy = { ...given }
  // The names come from the table, because `given` may inherit an option from its prototype.
  for (const key in checks) {
    // A program may have added a property to Object.prototype, which is no check.
    if (Object.hasOwn(checks, key)) copy[key] = checks[key](`${prefix}${key}`, given[key])
  }
  return copy
}

/**
 * The bytes of a field with a two-byte length. The result is a copy, so the caller may change its array later. No error shows the
 * value, because it may be a secret.
 */
export function fieldBytes(name: string, value: string | Uint8Array, section: string): Buffer {
  if (typeof value === 'string' && hasLoneSurrogate(value)) {
    throw new UsageError(`${name} holds a lone surrogate, which has no UTF-8 form: give the bytes`, {
      statement: 'MQTT-1.5.3-1',
    })
  }
  if (typeof value !== 'string' && !isBytes(value)) {
    throw new UsageError(`${name} has to be a string or a Uint8Array, not ${kindOf(value)}`, { statement: section })
  }
  if (typeof value !== 'string') requireAttached(value, name, section)
  const bytes = Buffer.from(value)
  if (bytes.length <= 65_535) return bytes
  throw new UsageError(`${name} has ${bytes.length} bytes: give at most 65535`, { statement: section })
}
