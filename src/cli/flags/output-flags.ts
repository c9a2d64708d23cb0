/** The options of `sub` and `rr` that say how a message is printed. */
import { UsageError } from '../../errors.js'
import type { CommandLine, Option } from '../command-line.js'

export const outputOptions = [
  { name: 'verbose', short: 'v', about: 'the topic and a space before each payload' },
  { name: 'format', short: 'F', value: 'FORMAT', about: 'see below' },
  { name: 'json', about: 'a JSON object a line, as by -F %j' },
  { name: 'pretty', about: 'JSON in several lines' },
  { name: 'raw', about: 'the payloads and nothing else, byte by byte' },
  { name: 'N', short: 'N', about: 'no line feed behind each message' },
] as const satisfies readonly Option[]

export type OutputOptionName = (typeof outputOptions)[number]['name']

export interface OutputForm {
  /** 'payload': each payload in a line of its own. */
  readonly is: 'payload' | 'verbose' | 'format' | 'json' | 'raw'
  /** The text of -F. */
  readonly format: string
  readonly json: 'in a line' | 'in several lines'
  readonly end: 'line feed' | 'nothing'
}

/** @throws UsageError if two options choose the output, or if one has no effect */
export function readOutputForm(line: CommandLine<OutputOptionName>): OutputForm {
  const [first, second] = (['verbose', 'format', 'json', 'raw'] as const).filter((name) => line.has(name))
  if (first !== undefined && second !== undefined) {
    throw new UsageError(`--${first} and --${second} both say how to print: give one of them`)
  }
  const format = line.text('format') ?? ''
  if (line.has('pretty') && first !== 'json' && !/%[jJ]/.test(format)) {
    throw new UsageError('--pretty is for JSON: give --json, or -F with %j or %J')
  }
  return {
    is: first ?? 'payload',
    format,
    json: line.has('pretty') ? 'in several lines' : 'in a line',
    end: line.has('N') ? 'nothing' : 'line feed',
  }
}
