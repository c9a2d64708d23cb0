/** Makes what `sub` writes for a message: the payload alone, the topic and the payload, a format, or JSON. */

import type { Message } from '../../client/options/client-options.js'
import { isBytes } from '../../realms/foreign-values.js'
import type { CommandLine } from '../command-line.js'
import { type OutputOptionName, readOutputForm } from '../flags/output-flags.js'
import { wantsColor } from '../terminal/output.js'
import { type Appearance, compileFormat, type Unprintable } from './message-format.js'
import { jsonLine, prettyJson } from './message-json.js'
import { keepPacketIdentifiers } from './packet-identifiers.js'

export type Printer = (message: Message, now: Date) => Uint8Array | Unprintable

const lineFeed = Buffer.from('\n')
const nothing = Buffer.alloc(0)
/** What mosquitto_sub -v prints for a payload without bytes. */
const noPayload = Buffer.from('(null)')

/** @throws UsageError if the format is unknown, or if two options choose the output */
export function choosePrinter(line: CommandLine<OutputOptionName>): Printer {
  const form = readOutputForm(line)
  const { format } = form
  const json = form.json === 'in a line' ? jsonLine : prettyJson
  if (form.is === 'json' || /%[\d.-]*[jJm]/.test(format)) keepPacketIdentifiers()
  const end = form.end === 'nothing' ? nothing : lineFeed
  const isTerminal = process.stdout.isTTY === true
  const { topic, payload } = isTerminal ? escaped : unchanged
  switch (form.is) {
    case 'raw':
      return (message) => message.payload
    case 'json':
      return (message, now) => Buffer.concat([Buffer.from(json(message, now)), end])
    case 'format': {
      const show = compileFormat(format, { topic, payload }, json)
      return (message, now) => {
        const bytes = show(message, now)
        return isBytes(bytes) ? Buffer.concat([bytes, end]) : bytes
      }
    }
    case 'verbose': {
      const [start, stop] = wantsColor(process.stdout) ? ['\x1b[36m', '\x1b[0m'] : ['', '']
      return (message) => {
        const isEmpty = message.payload.length === 0
        // As mosquitto_sub does it: with -N, nothing tells of an empty payload.
        if (isEmpty && form.end === 'nothing') return nothing
        const shown = isEmpty ? noPayload : payload(message)
        return Buffer.concat([Buffer.from(`${start}${topic(message)}${stop} `), shown, end])
      }
    }
    case 'payload':
      return (message) => (message.payload.length === 0 ? nothing : Buffer.concat([payload(message), end]))
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
