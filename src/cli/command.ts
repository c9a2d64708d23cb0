/** A subcommand: its options, its help, and what it does. */
import { wrapWords } from '../explain/display-width.js'
import { type CommandLine, type OptionGroup, parseCommandLine } from './command-line.js'
import { exitCodeRows } from './exit-code.js'

export interface CommandDescription<Name extends string> {
  readonly name: string
  readonly about: string
  /** Behind the name of the command; one line for each way to call it. */
  readonly usage: readonly string[]
  readonly groups: readonly OptionGroup<Name>[]
  /** What else there is to know, as paragraphs. */
  readonly notes?: readonly string[]
  readonly examples: readonly string[]
  /** Resolves with the exit code. What it rejects with decides the exit code too. */
  run(line: CommandLine<Name>): Promise<number>
}

/** What the dispatcher needs of a subcommand. */
export interface Command {
  /** Whether the person asks for help instead: `--help` stands where an option stands. */
  readonly help: () => string
  readonly run: (args: readonly string[]) => Promise<'help' | number>
}

const columns = 80
const optionColumns = 30

const helpOption = { name: 'help', about: 'this text' } as const

export function defineCommand<Name extends string>(description: CommandDescription<Name>): Command {
  const options = description.groups.flatMap((group) => group.options)
  return {
    help: () => helpText(description),
    async run(args) {
      const line = parseCommandLine<Name | 'help'>(args, [...options, helpOption])
      return line.has('help') ? 'help' : description.run(line)
    },
  }
}

function helpText<Name extends string>({
  name,
  about,
  usage,
  groups,
  notes = [],
  examples,
}: CommandDescription<Name>): string {
  const all = [...groups, { title: 'Help', options: [helpOption] }]
  return [
    ...wrapWords(`mqtt311 ${name}: ${about}`, columns),
    '',
    ...usage.map((line, index) => `${index === 0 ? 'Usage:' : '      '} mqtt311 ${name} ${line}`.trimEnd()),
    ...all.flatMap(({ title, options }) => ['', `${title}:`, ...options.flatMap(optionLines)]),
    ...notes.flatMap((paragraph) => ['', ...wrapWords(paragraph, columns)]),
    '',
    'Examples:',
    ...examples.map((line) => `  ${line}`),
    '',
    ...exitCodeLines(),
  ].join('\n')
}

function optionLines({ name, short, value, about }: OptionGroup['options'][number]): string[] {
  // `-4` has no long name.
  const long = name === short ? '' : `--${name}`
  const names = [short === undefined ? '  ' : `-${short}`, long].join(short === undefined || long === '' ? '  ' : ', ')
  return tableLines(`  ${names}${value === undefined ? '' : ` ${value}`}`, optionColumns, about)
}

/** Two columns; a first one that is too long has a line for itself. */
function tableLines(first: string, width: number, second: string): string[] {
  const [line = '', ...below] = wrapWords(second, columns - width)
  const head = first.length < width ? [first.padEnd(width) + line] : [first, ' '.repeat(width) + line]
  return [...head, ...below.map((text) => ' '.repeat(width) + text)]
}

export function exitCodeLines(): string[] {
  return ['Exit codes:', ...exitCodeRows().flatMap(([code, meaning]) => tableLines(`  ${code}`, 12, meaning))]
}
