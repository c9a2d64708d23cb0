#!/usr/bin/env node
/**
 * `mqtt311`: finds the subcommand, runs it, and turns what became of it into an exit code and at most one line on stderr. Each
 * subcommand is loaded when it is called for, so that none pays for the others.
 */
import { UsageError } from '../errors.js'
import { type Command, exitCodeLines, printHelp } from './commands/command.js'
import { nearestWord } from './nearest-word.js'
import { exitCode } from './outcome/exit-code.js'
import { judge } from './outcome/failure-message.js'
import { flushed, muteNotes, note, print } from './terminal/output.js'

interface Entry {
  readonly about: string
  readonly load: () => Promise<{ readonly command: Command }>
}

const commands: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  ['pub', { about: 'publishes a message, or one for each line of input', load: () => import('./commands/pub.js') }],
  ['sub', { about: 'subscribes, and prints what comes', load: () => import('./commands/sub.js') }],
  ['sign', { about: 'credentials for Alibaba Cloud IoT Platform', load: () => import('./commands/sign.js') }],
  [
    'register',
    { about: 'a device secret from Alibaba Cloud IoT Platform', load: () => import('./commands/register.js') },
  ],
  [
    'explain',
    { about: 'every byte of a packet named, and what is wrong with it', load: () => import('./commands/explain.js') },
  ],
  ['demo', { about: 'a conversation, byte by byte; needs no server', load: () => import('./commands/demo.js') }],
])

function overview(): string {
  return [
    'mqtt311: MQTT 3.1.1 on the command line.',
    '',
    'Usage: mqtt311 COMMAND [OPTION]...',
    '',
    'Commands:',
    ...[...commands].map(([name, { about }]) => `  ${name.padEnd(10)}${about}`),
    '',
    'mqtt311 COMMAND --help tells its options. -h is the host, as in mosquitto_pub.',
    '',
    'Examples:',
    "  mqtt311 sub -h ::1 -t 'lamp/#' -v",
    '  mqtt311 pub -h ::1 -t lamp/1 -m on -q 1',
    '  mqtt311 explain 30 05 00 01 61 68 69',
    '  mqtt311 demo',
    '',
    ...exitCodeLines(),
    '',
    'Colours appear on a terminal only; NO_COLOR and FORCE_COLOR decide otherwise.',
  ].join('\n')
}

async function run([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined) throw new UsageError(`a command is missing: ${[...commands.keys()].join(', ')}`)
  if (name === '--version') {
    await print(`mqtt311 ${await readVersion()}\n`)
    return exitCode('done')
  }
  const asksForHelp = name === '--help' || name === 'help'
  const chosen = asksForHelp ? args[0] : name
  if (chosen === undefined) return printHelp(overview())
  const entry = commands.get(chosen)
  if (entry === undefined) throw new UsageError(unknownCommand(chosen))
  const { command } = await entry.load()
  return asksForHelp ? command.help() : command.run(args)
}

/** Reads package.json of this package. It is one or two folders up: in the sources, and in what is built from them. */
async function readVersion(): Promise<string> {
  const { readFile } = await import('node:fs/promises')
  for (const path of ['../package.json', '../../package.json']) {
    const text = await readFile(new URL(path, import.meta.url), 'utf8').catch(() => undefined)
    const manifest: unknown = text === undefined ? undefined : JSON.parse(text)
    if (typeof manifest !== 'object' || manifest === null || !('version' in manifest)) continue
    if ('name' in manifest && manifest.name === 'mqtt311') return String(manifest.version)
  }
  return 'of unknown version'
}

function unknownCommand(typed: string): string {
  const names = [...commands.keys()]
  if (typed.startsWith('-')) return `${typed} stands where the command has to: write one of ${names.join(', ')} first`
  const nearest = nearestWord(typed, names)
  const advice = nearest === undefined ? `use one of ${names.join(', ')}` : `is it ${nearest}?`
  return `there is no command ${JSON.stringify(typed)}: ${advice}`
}

/** Says what went wrong, on one line. */
function tell(error: unknown, args: readonly string[]): number {
  const { code, line } = judge(error)
  if (line !== undefined) {
    const [name = ''] = args
    const help = commands.has(name) ? `mqtt311 ${name} --help` : 'mqtt311 --help'
    note(`mqtt311: ${line}${code === exitCode('usage') ? `; see ${help}` : ''}`)
  }
  return code
}

async function main(args: readonly string[]): Promise<void> {
  // `ps` shows this instead of the arguments, among which may be a password. They can be seen until here all the same.
  process.title = ['mqtt311', ...args.slice(0, 1)].join(' ')
  // Also where the command line is wrong, so it cannot wait until that has been read.
  if (args.includes('--quiet')) muteNotes()
  // Whatever nobody has caught is a fault of ours, and no person wants to see a stack.
  process.on('uncaughtException', (error) => process.exit(tell(error, args)))
  // Those of Node.js too are one line, and ours.
  process.removeAllListeners('warning').on('warning', ({ message }) => note(`mqtt311: ${message}`))
  const code = await run(args).catch((error: unknown) => tell(error, args))
  await flushed()
  // Standard input may still be open, and would keep the process alive.
  process.exit(code)
}

main(process.argv.slice(2))
