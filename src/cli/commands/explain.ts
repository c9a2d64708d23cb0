/** `mqtt311 explain`: names every byte of Control Packets. */
import { UsageError } from '../../errors.js'
import type { Annotation } from '../../explain/annotation.js'
import { explainPackets } from '../../explain/explain.js'
import { renderPackets } from '../../explain/listing/render.js'
import type { CommandLine } from '../command-line.js'
import { readStandardInput } from '../conversation/standard-input.js'
import { readInput } from '../flags/input-file.js'
import { exitCode } from '../outcome/exit-code.js'
import { print, wantsColor } from '../terminal/output.js'
import { defineCommand } from './command.js'

/** Nobody reads the listing of a longer input. */
const inputBytesMax = 67_108_864

const options = [
  { name: 'file', short: 'f', value: 'FILE', about: 'bytes, or hexadecimal text; - is standard input' },
  { name: 'hex', about: 'read the input as hexadecimal text; do not guess' },
  { name: 'binary', about: 'read the input as bytes; do not guess' },
  { name: 'all', about: 'all bytes of long fields' },
] as const

type Line = CommandLine<(typeof options)[number]['name']>

export const command = defineCommand({
  name: 'explain',
  about: 'every byte of MQTT 3.1.1 packets named, and what is wrong with them.',
  usage: ['HEX...', '[-f FILE]'],
  groups: [{ title: 'Input', options }],
  paragraphs: [
    'HEX may have spaces, colons, commas and 0x between the bytes. Several packets may follow each other. Without HEX and -f, standard ' +
      'input is read. Passwords are not shown.',
  ],
  examples: [
    'mqtt311 explain 30 05 00 01 61 68 69',
    'mqtt311 explain 0xe0,0x00',
    'mqtt311 explain -f capture.bin | less -R',
    'xxd -p capture.bin | mqtt311 explain',
  ],
  async run(line) {
    const bytes = await readBytes(line)
    let outcome: 'done' | 'faulty' = 'done'
    const found = (packet: readonly Annotation[]) => {
      if (packet.some(({ fault }) => fault !== undefined)) outcome = 'faulty'
    }
    const color = wantsColor(process.stdout)
    const listing = renderPackets(watched(explainPackets(bytes), found), bytes.length - 1, {
      color,
      bytes: line.has('all') ? 'all' : 'cut',
    })
    let text = ''
    for (const part of listing) {
      text += `${part}\n`
      if (text.length < printedCharacters) continue
      await print(text)
      text = ''
    }
    await print(text)
    return exitCode(outcome)
  },
})

/** About so much is printed at once. */
const printedCharacters = 65_536

function* watched<T>(items: Iterable<T>, see: (item: T) => void): Generator<T> {
  for (const item of items) {
    see(item)
    yield item
  }
}

async function readBytes(line: Line): Promise<Uint8Array> {
  const file = line.text('file')
  if (line.positionals.length > 0) {
    if (file !== undefined) throw new UsageError('the bytes are on the command line and in -f: give one of them')
    const bytes = parseHex(line.positionals.join(' '))
    if (bytes.length > 0) return bytes
    throw new UsageError('the command line has no bytes: write them in hexadecimal, as in c0 00')
  }
  if (file !== undefined && file !== '-') return decode(await readInput(file, '-f'), line)
  if (process.stdin.isTTY === true && file === undefined) {
    throw new UsageError('there are no bytes: write them in hexadecimal, name a file by -f, or pipe them in')
  }
  return decode(await readStandardInput(inputBytesMax), line)
}

function decode(input: Buffer, line: Line): Uint8Array {
  if (line.has('hex') && line.has('binary')) throw new UsageError('--hex and --binary exclude each other')
  const isHex = line.has('hex') || (!line.has('binary') && looksLikeHex(input))
  return isHex ? parseHex(input.toString('latin1')) : input
}

/** The characters that people and programs write between bytes. */
const separators = /(?:0x|\\x)|[\s:,;._-]/gi

/** @throws UsageError if the text is not hexadecimal */
export function parseHex(text: string): Uint8Array {
  const digits = text.replace(separators, '')
  const wrong = /[^0-9a-f]/i.exec(digits)
  if (wrong !== null) {
    throw new UsageError(`${JSON.stringify(wrong[0])} is no hexadecimal digit: write the bytes as in 30 03 00 01 61`)
  }
  if (digits.length % 2 === 1) {
    throw new UsageError(
      `${digits.length} hexadecimal ${digits.length === 1 ? 'digit is' : 'digits are'} no whole number of bytes: write both digits of each byte`,
    )
  }
  return Buffer.from(digits, 'hex')
}

/** Whether the bytes are hexadecimal text. The bytes of a packet look like such text only if the packet is very short. */
export function looksLikeHex(bytes: Uint8Array): boolean {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1')
  return /^[\s:,;._\-0-9a-fx\\]*$/i.test(text) && /^[0-9a-f]*$/i.test(text.replace(separators, ''))
}
