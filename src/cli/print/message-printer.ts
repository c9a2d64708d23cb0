/** Makes what `sub` writes for a message: the payload alone, the topic and the payload, a format, or JSON. */

import type { Message } from '../../client/options/client-options.js'
import { UsageError } from '../../errors.js'
import { isBytes } from '../../realms/foreign-values.js'
import type { CommandLine } from '../command-line.js'
import { wantsColor } from '../terminal/output.js'
import { type Appearance, compileFormat, type Unprintable } from './message-format.js'
import { jsonLine } from './message-json.js'

export type Printer = (message: Message, now: Date) => Uint8Array | Unprintable

const lineFeed = Buffer.from('\n')
const nothing = Buffer.alloc(0)

/** @throws UsageError if the format is unknown, or if two options choose the output */
export function choosePrinter(line: CommandLine<'verbose' | 'format' | 'json' | 'raw' | 'N'>): Printer {
  const [first, second] = (['verbose', 'format', 'json', 'raw'] as const).filter((name) => line.has(name))
  if (first !== undefined && second !== undefined) {
    throw new UsageError(`--${first} and --${second} both say how to print: give one of them`)
  }
  const end = line.has('N') ? nothing : lineFeed
  const isTerminal = process.stdout.isTTY === true
  const { topic, payload } = isTerminal ? escaped : unchanged
  switch (first) {
    case 'raw':
      return (message) => message.payload
    case 'json':
      return (message, now) => Buffer.concat([Buffer.from(jsonLine(message, now)), end])
    case 'format': {
      const format = compileFormat(line.text('format') ?? '', { topic, payload })
      return (message, now) => {
        const bytes = format(message, now)
        return isBytes(bytes) ? Buffer.concat([bytes, end]) : bytes
      }
    }
    case 'verbose': {
      const [start, stop] = wantsColor(process.stdout) ? ['\x1b[36m', '\x1b[0m'] : ['', '']
      return (message) => Buffer.concat([Buffer.from(`${start}${topic(message)}${stop} `), payload(message), end])
    }
    default:
      return (message) => Buffer.concat([payload(message), end])
  }
}

const unchanged: Appearance = { topic: (message) => message.topic, payload: (message) => message.payload }

/** For a terminal: the sender of a message must not be able to command it by control characters. */
const escaped: Appearance = {
  topic: (message) => escapeControls(message.topic),
  payload: (message) => Buffer.from(escapeControls(message.text())),
}

function escapeControls(text: string): string {
  return text.replace(/[^\P{Cc}\n\t]/gu, (character) => {
    const code = character.charCodeAt(0)
    return `\\x${code.toString(16).padStart(2, '0')}`
  })
}
