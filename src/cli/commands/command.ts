/** A subcommand: its options, its help, and its action. Each subcommand has a file, and `main` finds it by its name. */
import { UsageError } from '../../errors.js'
import { wrapWords } from '../../explain/listing/display-width.js'
import { type CommandLine, firstGiven, type OptionGroup, parseCommandLine } from '../command-line.js'
import { readOptionFile } from '../flags/input-file.js'
import { exitCode, exitCodeRows } from '../outcome/exit-code.js'
import { muteNotes, print } from '../terminal/output.js'

export interface CommandDescription<Name extends string> {
  readonly name: string
  readonly about: string
  /** The words after the name of the command; one line for each way to call it. */
  readonly usage: readonly string[]
  readonly groups: readonly OptionGroup<Name>[]
  /** Paragraphs of the help after the options. */
  readonly paragraphs?: readonly string[]
  readonly examples: readonly string[]
  /** Resolves with the exit code. If it rejects, `failureMessage` gives the exit code. */
  run(line: CommandLine<Name>): Promise<number>
}

/** A subcommand as `main` calls it. */
export interface Command {
  /** Prints the text of `--help`, and resolves with the exit code. */
  help(): Promise<number>
  run(args: readonly string[]): Promise<number>
}

/** As wide as the terminal, between 40 and 80 columns. */
const columns = Math.min(80, Math.max(40, process.stdout.columns || 80))
const optionColumns = columns < 70 ? 6 : 30

const ownOptions = [
  { name: 'help', about: 'this text' },
  { name: 'version', about: 'the version of mqtt311' },
] as const

export function defineCommand<Name extends string>(description: CommandDescription<Name>): Command {
  const options = description.groups.flatMap((group) => group.options)
  const help = () => printHelp(helpText(description))
  return {
    help,
    async run(args) {
      const parse = (words: readonly string[]) =>
        parseCommandLine<Name | 'help' | 'version' | 'options' | 'quiet'>(words, [...options, ...ownOptions])
      const line = parse(args)
      if (line.has('help')) return help()
      if (line.has('version')) return printVersion()
      const file = line.text('options')
      if (file === undefined) return description.run(line)
      const words = await readOptionFile(file)
      const misplaced = firstGiven(parse(words), ['options', 'help', 'version'])
      if (misplaced !== undefined)
        throw new UsageError(`the file of -o has ${misplaced} in it, which has no effect there: leave it out`)
      // The last value counts, so those of the command line stand behind those of the file.
      const whole = parse([...words, ...args])
      if (whole.has('quiet')) muteNotes()
      return description.run(whole)
    },
  }
}

export async function printVersion(): Promise<number> {
  await print(`mqtt311 ${await readVersion()}\n`)
  return exitCode('done')
}

/** Reads package.json of this package. The file is one folder up from the built code, three from the sources. */
async function readVersion(): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  for (const path of ['../package.json', '../../../package.json']) {
    const text = await readFile(new URL(path, import.meta.url), 'utf8').catch(() => undefined)
    const manifest: unknown = text === undefined ? undefined : JSON.parse(text)
    if (typeof manifest !== 'object' || manifest === null || !('version' in manifest)) continue
    if ('name' in manifest && manifest.name === 'mqtt311') return String(manifest.version)
  }
  return 'of unknown version'
}

export async function printHelp(text: string): Promise<number> {
  await print(`${text}\n`)
  return exitCode('done')
}

function helpText<Name extends string>({
  name,
  about,
  usage,
  groups,
  paragraphs = [],
  examples,
}: CommandDescription<Name>): string {
  const all = [...groups, { title: 'Help', options: ownOptions }]
  return [
    ...wrapWords(`mqtt311 ${name}: ${about}`, columns),
    '',
    ...usage.map((line, index) => `${index === 0 ? 'Usage:' : '      '} mqtt311 ${name} ${line}`.trimEnd()),
    ...all.flatMap(({ title, options }) => ['', `${title}:`, ...options.flatMap(optionLines)]),
    ...paragraphs.flatMap((paragraph) => ['', ...wrapWords(paragraph, columns)]),
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

/** Two columns; a text too long for the first column has a line to itself. */
function tableLines(first: string, width: number, second: string): string[] {
  const [line = '', ...below] = wrapWords(second, columns - width)
  const head = first.length < width ? [first.padEnd(width) + line] : [first, ' '.repeat(width) + line]
  return [...head, ...below.map((text) => ' '.repeat(width) + text)]
}

export function exitCodeLines(): string[] {
  return ['Exit codes:', ...exitCodeRows().flatMap(([code, meaning]) => tableLines(`  ${code}`, 12, meaning))]
}
