/** `mqtt311 explain`: names every byte of Control Packets. */
import { UsageError } from '../../errors.js'
import { readConversation } from '../../explain/capture/conversation.js'
import { decodeBase64 } from '../../explain/input/byte-text.js'
import { type Reading, readHex } from '../../explain/input/hex-text.js'
import { type Input, readInput, readText, type SidePart } from '../../explain/input/read-input.js'
import { type CommandLine, requireOne } from '../command-line.js'
import { readAll } from '../conversation/standard-input.js'
import { readInput as readNamedFile } from '../flags/input-file.js'
import { CommandFailure, exitCode } from '../outcome/exit-code.js'
import { ExplainedOutput } from '../print/explained.js'
import { defineCommand } from './command.js'
import type { CaptureChoice } from './explain-capture.js'

/** Nobody reads the listing of a longer input. */
const inputBytesMax = 67_108_864

const options = [
  { name: 'file', short: 'f', value: 'FILE', about: 'what holds the bytes; - is standard input' },
  { name: 'hex', about: 'read the input as hexadecimal text; do not guess' },
  { name: 'base64', about: 'read the input as base64; do not guess' },
  { name: 'binary', about: 'read the input as bytes; do not guess' },
  { name: 'port', short: 'p', value: 'PORT', about: 'of a capture: the connections with this port' },
  { name: 'keylog', value: 'FILE', about: 'of a capture: the key log that decrypts its TLS' },
  { name: 'all', about: 'all bytes of long fields' },
  { name: 'brief', about: 'a line for each packet, and not every byte' },
] as const

type Line = CommandLine<(typeof options)[number]['name']>

export const command = defineCommand({
  name: 'explain',
  about: 'every byte of MQTT 3.1.1 packets named, and what is wrong with them.',
  usage: ['BYTES...', '[-f FILE]'],
  groups: [{ title: 'Input', options }],
  paragraphs: [
    'BYTES are hexadecimal, with or without spaces, colons, commas and 0x between them, or what programs print: a dump of xxd, hexdump -C, od -t ' +
      'x1, Wireshark or tcpdump -X, <Buffer ...>, a string with \\x10, an array of C or of another language, base64. A file may have them as text, or be the ' +
      'bytes. Several packets may follow each other. Without BYTES and -f, standard input is read. Passwords are not shown.',
    'Of a capture (pcap, pcapng, tshark -x, tcpdump -X) each connection of MQTT is shown, both sides in the order of time: those on ports 1883 and 8883, and all ' +
      'that begin with CONNECT. With -p only those of this port. With --keylog, TLS 1.2 and 1.3 with AES-GCM or ' +
      'ChaCha20 are decrypted; without, or where that fails, the output says so.',
  ],
  examples: [
    'mqtt311 explain 30 05 00 01 61 68 69',
    "mqtt311 explain '<Buffer e0 00>'",
    'mqtt311 explain -f packets.bin | less -R',
    'xxd packets.bin | mqtt311 explain --brief',
    'tcpdump -i lo -U -w - port 1883 -c 50 | mqtt311 explain',
  ],
  async run(line) {
    requireOne(line, 'brief', 'all')
    const output = new ExplainedOutput(line.has('brief') ? 'lines' : line.has('all') ? 'all bytes' : 'bytes')
    const port = line.integer('port', 1, 65_535)
    const keyFile = line.text('keylog')
    const keyLog = keyFile === undefined ? '' : (await readNamedFile(keyFile, '--keylog')).toString('latin1')
    const input = await readGiven(line)
    if (input.is !== 'capture') requireNothingOfCapture(line)
    await explainInput(input, output, { port, keyLog })
    return exitCode(output.outcome)
  },
})

function requireNothingOfCapture(line: Line): void {
  const name = (['port', 'keylog'] as const).find((one) => line.has(one))
  if (name !== undefined) throw new UsageError(`--${name} is for a capture, and the input is none: leave it out`)
}

async function explainInput(
  input: Exclude<Input, { is: 'foreign' }>,
  output: ExplainedOutput,
  choice: CaptureChoice,
): Promise<void> {
  switch (input.is) {
    case 'packets':
      return output.packets(input.bytes)
    case 'sides':
      return output.conversation(readConversation(input.parts.map(conversationPart)), undefined)
    case 'capture': {
      const { explainCapture } = await import('./explain-capture.js')
      return explainCapture(input.capture, choice, output)
    }
  }
}

/** Of a connection the client speaks first. */
function conversationPart({ side, bytes }: SidePart) {
  return { side: side === 'first' ? ('client' as const) : ('server' as const), bytes }
}

async function readGiven(line: Line): Promise<Exclude<Input, { is: 'foreign' }>> {
  const file = line.text('file')
  const forms = (['hex', 'base64', 'binary'] as const).filter((name) => line.has(name))
  const [form, second] = forms
  if (second !== undefined) throw new UsageError(`--${form} and --${second} exclude each other: give one of them`)
  if (line.positionals.length > 0) {
    if (file !== undefined) throw new UsageError('the bytes are on the command line and in -f: give one of them')
    if (form === 'binary') throw new UsageError('--binary is for a file or standard input: leave it out')
    const typed = line.positionals.join(' ')
    const input = form === undefined ? readText(typed) : readAs(form, Buffer.from(typed))
    if (input.is === 'foreign') throw new UsageError(input.why)
    if (input.is !== 'packets' || input.bytes.length > 0) return input
    throw new UsageError('the command line has no bytes: write them in hexadecimal, as in c0 00')
  }
  if (process.stdin.isTTY === true && file === undefined) {
    throw new UsageError('there are no bytes: write them in hexadecimal, name a file by -f, or pipe them in')
  }
  const isNamed = file !== undefined && file !== '-'
  const bytes = isNamed ? await readNamedFile(file, '-f') : await readAll(process.stdin, inputBytesMax)
  const input = form === undefined ? readInput(bytes) : readAs(form, bytes)
  const name = isNamed ? 'the file of -f' : 'standard input'
  // A pipe whose first program has failed is empty too, and should not look like a conversation without a fault.
  if (bytes.length === 0 || (input.is === 'packets' && input.bytes.length === 0))
    throw new CommandFailure('noInput', `${name} has no bytes: there is nothing to explain`)
  if (input.is !== 'foreign') return input
  const advice = form === undefined ? '; if they are packets all the same, say --binary, --hex or --base64' : ''
  throw new CommandFailure('noInput', `the bytes of ${name} are no packets: ${input.why}${advice}`)
}

function readAs(form: 'hex' | 'base64' | 'binary', bytes: Uint8Array): Input {
  if (form === 'binary') return { is: 'packets', bytes }
  const text = Buffer.from(bytes).toString('latin1')
  const reading = form === 'hex' ? readHex(text) : readBase64(text)
  return 'fault' in reading ? { is: 'foreign', why: reading.fault } : { is: 'packets', bytes: reading.bytes }
}

function readBase64(text: string): Reading {
  const bytes = decodeBase64(text)
  return bytes === undefined ? { fault: 'they are no base64, which has letters, digits, + and /' } : { bytes }
}
