/**
 * Options as users of mosquitto_pub and mosquitto_sub type them: `-h ::1`, `-p1883`, `-vR`, `--topic=a`. An option that
 * takes a value takes the next word, even if that word begins with a dash (`-m -5`). If an option may be given only once
 * and is given twice, the last value counts.
 *
 * No error shows a word that was typed, because any word may be a secret that stands in the wrong place: the name of an option is shown,
 * of all else only the length.
 */
import { parseArgs } from 'node:util'
import { maxTimerMs } from '../client/options/checks.js'
import { outline } from '../codec/field-checks.js'
import { UsageError } from '../errors.js'
import { adviceForForeign } from './foreign-options.js'
import { nearestWord } from './nearest-word.js'

export interface Option<Name extends string = string> {
  readonly name: Name
  readonly short?: string
  /** Other long names, for people who come from other commands. */
  readonly aliases?: readonly string[]
  /** The placeholder of the value in the help. Absent: the option is a flag. */
  readonly value?: string
  readonly about: string
}

export interface OptionGroup<Name extends string = string> {
  readonly title: string
  readonly options: readonly Option<Name>[]
}

/** The parsed command line: values by the name of their option, and the words that belong to no option. */
export class CommandLine<Name extends string> {
  readonly positionals: readonly string[]
  readonly #values: ReadonlyMap<string, readonly string[]>

  constructor(values: ReadonlyMap<string, readonly string[]>, positionals: readonly string[]) {
    this.#values = values
    this.positionals = positionals
  }

  has(name: Name): boolean {
    return this.#values.has(name)
  }

  text(name: Name): string | undefined {
    return this.#values.get(name)?.at(-1)
  }

  texts(name: Name): readonly string[] {
    return this.#values.get(name) ?? []
  }

  /** A whole number. @throws UsageError */
  integer(name: Name, min: number, max: number): number | undefined {
    const text = this.text(name)
    return text === undefined ? undefined : readInteger(`--${name}`, text, min, max)
  }

  /** Seconds, with a fraction or without, as milliseconds. @throws UsageError */
  milliseconds(name: Name, maxSeconds = maxTimerMs / 1000): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const ms = /^(\d+\.?\d*|\.\d+)$/.test(text) ? Math.round(Number(text) * 1000) : 0
    if (ms >= 1 && ms <= maxSeconds * 1000) return ms
    throw new UsageError(`--${name} takes seconds above 0, at most ${Math.floor(maxSeconds)}, not ${outline(text)}`)
  }

  /** One of some words. @throws UsageError */
  choice<Word extends string>(name: Name, words: readonly Word[]): Word | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const word = words.find((one) => one === text)
    if (word !== undefined) return word
    throw new UsageError(`--${name} takes one of ${words.join(', ')}, not ${outline(text)}`)
  }
}

export function readInteger(name: string, text: string, min: number, max: number): number {
  const value = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (value >= min && value <= max) return value
  throw new UsageError(`${name} takes a whole number from ${min} to ${max}, not ${outline(text)}`)
}

/** @throws UsageError that names the option and what to do */
export function parseCommandLine<Name extends string>(
  args: readonly string[],
  options: readonly Option<Name>[],
): CommandLine<Name> {
  const byName = new Map(
    options.flatMap((option) => [option.name, ...(option.aliases ?? [])].map((name) => [name, option])),
  )
  // Not strict: we write the error messages ourselves, and a value may begin with a dash.
  const { tokens } = parseArgs({
    args: [...args],
    options: Object.fromEntries([...byName].map(([name, option]) => [name, configure(name, option)])),
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const values = new Map<string, string[]>()
  const positionals: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') positionals.push(token.value)
    if (token.kind !== 'option') continue
    const option = byName.get(token.name)
    if (option === undefined) throw new UsageError(unknownOption(token.name, token.rawName, [...byName.keys()]))
    const given = values.get(option.name) ?? []
    values.set(option.name, [...given, readValue(option, token.rawName, token.value)])
  }
  return new CommandLine(values, positionals)
}

function configure(name: string, { name: first, short, value }: Option) {
  return {
    type: value === undefined ? ('boolean' as const) : ('string' as const),
    ...(short === undefined || name !== first ? {} : { short }),
  }
}

function readValue({ value: wanted }: Option, typed: string, value: string | undefined): string {
  if (wanted === undefined) {
    if (value === undefined) return ''
    throw new UsageError(`${typed} takes no value: leave out '=' and all after it`)
  }
  if (value !== undefined) return requireText(typed, value)
  const aside = typed === '-h' ? ': -h names the server' : ''
  throw new UsageError(`${typed} takes a value, ${wanted}, and none follows it${aside}`)
}

/** Node replaces bytes that are not UTF-8 by U+FFFD. The client would then send other bytes than the user typed. */
function requireText(typed: string, value: string): string {
  if (!value.includes('\ufffd')) return value
  throw new UsageError(
    `${typed} has bytes that are not UTF-8: write it in UTF-8, or send the bytes from a file by -f or -s`,
  )
}

function unknownOption(name: string, typed: string, known: readonly string[]): string {
  const advice = adviceForForeign(name)
  if (advice !== undefined) return `${typed} is not supported: ${advice}`
  const nearest = typed.startsWith('--') ? nearestWord(name, known) : undefined
  // Perhaps a value follows the name without a space, so the word is not shown.
  const start = typed.startsWith('--') ? known.find((one) => one.length > 1 && name.startsWith(one)) : undefined
  if (start !== undefined) {
    return `there is no such option: is it --${nearest ?? start}? A value needs a space or '=' before it`
  }
  const what = `there is no ${looksLikeOption(typed) ? `option ${typed}` : 'such option'}`
  return nearest === undefined ? what : `${what}: is it --${nearest}?`
}

/** False for words that may hold more than the name of an option. */
export function looksLikeOption(word: string): boolean {
  return /^-(-[a-z][a-z-]{0,30}|\w)$/i.test(word)
}

/** The first of these options that is given, as a user types it. */
export function firstGiven<Name extends string>(line: CommandLine<Name>, names: readonly Name[]): string | undefined {
  const name = names.find((one) => line.has(one))
  return name === undefined ? undefined : `${name.length === 1 ? '-' : '--'}${name}`
}

/** Refuses two options that say the same. @throws UsageError */
export function requireOne<Name extends string>(line: CommandLine<Name>, one: Name, other: Name): void {
  if (line.has(one) && line.has(other))
    throw new UsageError(`--${one} and --${other} exclude each other: give one of them`)
}

/** Refuses words that belong to no option. @throws UsageError */
export function requireNoPositionals({ positionals: [word] }: CommandLine<never>): void {
  if (word === undefined) return
  const advice = /^[a-z]+:\/\//i.test(word)
    ? 'give a URL by -L'
    : 'has a value with spaces lost its quotes, or is the option before it missing?'
  throw new UsageError(`a word belongs to no option (${outline(word)}): ${advice}`)
}
