#!/usr/bin/env node
/**
 * `mqtt311`: finds the subcommand, runs it, and turns its result into an exit code and at most one line on stderr. A
 * subcommand is loaded only when it is called, so that the start of one does not wait for the others.
 */
import { UsageError } from '../errors.js'
import { looksLikeOption } from './command-line.js'
import { type Command, exitCodeLines, printHelp, printVersion } from './commands/command.js'
import { nearestWord } from './nearest-word.js'
import { exitCode, exitCodeOfSignal } from './outcome/exit-code.js'
import { asTyped, failureMessage } from './outcome/failure-message.js'
import { flushed, muteNotes, note } from './terminal/output.js'

interface Entry {
  readonly about: string
  readonly load: () => Promise<{ readonly command: Command }>
}

const commands: ReadonlyMap<string, Entry> = new Map<string, Entry>([
  ['pub', { about: 'publishes a message, or one for each line of input', load: () => import('./commands/pub.js') }],
  ['sub', { about: 'subscribes, and prints what comes', load: () => import('./commands/sub.js') }],
  ['rr', { about: 'publishes a request, and prints the response', load: () => import('./commands/rr.js') }],
  ['sign', { about: 'credentials for Alibaba Cloud IoT Platform', load: () => import('./commands/sign.js') }],
  [
    'register',
    { about: 'a device secret from Alibaba Cloud IoT Platform', load: () => import('./commands/register.js') },
  ],
  [
    'explain',
    { about: 'every byte of a packet named, and what is wrong with it', load: () => import('./commands/explain.js') },
  ],
  [
    'platform',
    {
      about: 'a server like Alibaba Cloud IoT Platform, for tests of devices',
      load: () => import('./commands/platform.js'),
    },
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
    'mqtt311 COMMAND --help shows its options. -h is the host, as in mosquitto_pub.',
    '',
    'Examples:',
    "  mqtt311 sub -h ::1 -t 'lamp/#' -v",
    '  mqtt311 pub -h ::1 -t lamp/1 -m on -q 1',
    '  mqtt311 explain 30 05 00 01 61 68 69',
    '  mqtt311 demo',
    '',
    ...exitCodeLines(),
    '',
    'Colours appear on a terminal only; NO_COLOR and FORCE_COLOR override this.',
  ].join('\n')
}

async function run([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined) throw new UsageError(`a command is missing: ${[...commands.keys()].join(', ')}`)
  if (name === '--version') return printVersion()
  const asksForHelp = name === '--help' || name === 'help'
  const chosen = asksForHelp ? args[0] : name
  if (chosen === undefined) return printHelp(overview())
  const entry = commands.get(chosen)
  if (entry === undefined) throw new UsageError(unknownCommand(chosen))
  const { command } = await entry.load()
  return asksForHelp ? command.help() : command.run(args)
}

function unknownCommand(typed: string): string {
  const names = [...commands.keys()]
  if (typed.startsWith('-')) {
    return `${looksLikeOption(typed) ? typed : 'an option'} comes before the command: write one of ${names.join(', ')} first`
  }
  const nearest = nearestWord(typed, names)
  // Only a word that is nearly a command is shown: any other may be a password, or a URL that holds one.
  if (nearest !== undefined) return `there is no command ${JSON.stringify(typed)}: is it ${nearest}?`
  return `the first word is no command: use one of ${names.join(', ')}`
}

/** Writes the failure to stderr as one line, and returns the exit code. */
function reportFailure(error: unknown, args: readonly string[]): number {
  const { code, line } = failureMessage(error)
  if (line !== undefined) {
    const [name = ''] = args
    const help = commands.has(name) ? `mqtt311 ${name} --help` : 'mqtt311 --help'
    note(`mqtt311: ${line}${code === exitCode('usage') ? `; see ${help}` : ''}`)
  }
  return code
}

async function main(args: readonly string[]): Promise<void> {
  // `ps` shows this instead of the arguments, which may contain a password. Until this line `ps` shows the arguments.
  process.title = ['mqtt311', ...args.slice(0, 1)].join(' ')
  // Read before the command line is parsed: --quiet also counts when the command line is wrong.
  if (args.includes('--quiet')) muteNotes()
  // An uncaught exception is a fault of this program; a user gets one line and no stack.
  process.on('uncaughtException', (error) => process.exit(reportFailure(error, args)))
  // A warning of Node.js becomes one line too, in the form of our own messages.
  process.removeAllListeners('warning').on('warning', ({ message }) => note(`mqtt311: ${asTyped(message)}`))
  const code = await run(args).catch((error: unknown) => reportFailure(error, args))
  await flushed()
  // The signal itself ends the process, as it ends a program that does not listen for it.
  if (code === exitCodeOfSignal('SIGHUP')) process.kill(process.pid, 'SIGHUP')
  // If standard input is still open, the process would not end by itself.
  process.exit(code)
}

main(process.argv.slice(2))
