import type { Message } from '../../client/options/client-options.js'
import { packetIdentifierOf } from './packet-identifiers.js'
import { isoTimeWithFraction } from './time-format.js'

/**
 * The message as a line of JSON, with the members that mosquitto_sub writes. A payload that is not UTF-8 is written in Base64 as
 * `payload64` instead of `payload`. `json` is given if the payload is JSON itself and is to be written without quotes.
 */
export function jsonLine(message: Message, now: Date, json?: string): string {
  const { topic, qos, retain, payload } = message
  const text = message.text()
  const isText = payload.equals(Buffer.from(text))
  const members = [
    ['tst', JSON.stringify(isoTimeWithFraction(now))],
    ['topic', quoted(topic)],
    ['qos', `${qos}`],
    ['retain', retain ? '1' : '0'],
    ['payloadlen', `${payload.length}`],
    ...(qos === 0 ? [] : [['mid', `${packetIdentifierOf(message)}`] as const]),
    isText
      ? ['payload', json === undefined ? quotedPayload(text) : withoutControls(json)]
      : ['payload64', JSON.stringify(payload.toString('base64'))],
  ]
  return `{${members.map(([name, value]) => `"${name}":${value}`).join(',')}}`
}

/** `jsonLine`, or the same with `pretty` in several lines. */
export type JsonLine = typeof jsonLine

export const prettyJson: JsonLine = (message, now, json) => indented(jsonLine(message, now, json))

/** Each member on a line of its own. The text of the values stays as it is: a number may have more digits than JavaScript keeps. */
function indented(json: string): string {
  let [text, depth] = ['', 0]
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"|[^\s"{}[\],:]+|[{}[\],:]/g)) {
    const line = (levels: number) => `\n${'  '.repeat(levels)}`
    if (token === '}' || token === ']') {
      depth -= 1
      text += /[{[]$/.test(text.trimEnd()) ? token : line(depth) + token
      continue
    }
    if (/[{[]$/.test(text)) text += line(depth)
    if (token === '{' || token === '[') depth += 1
    text += token === ',' ? token + line(depth) : token === ':' ? ': ' : token
  }
  return text
}

function quotedPayload(text: string): string {
  return text === '' ? 'null' : quoted(text)
}

function quoted(text: string): string {
  return withoutControls(JSON.stringify(text))
}

/** JSON allows U+007F to U+009F in a string, and some terminals obey them as commands. An escape with the number means the same. */
function withoutControls(json: string): string {
  return json.replace(/[\u007f-\u009f]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/** Whether the payload is JSON, so that it can be written without quotes. */
export function isJson(message: Message): boolean {
  try {
    message.json()
    return true
  } catch {
    return false
  }
}
