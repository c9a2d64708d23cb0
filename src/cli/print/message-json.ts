import type { Message } from '../../client/options/client-options.js'
import { isoTimeWithFraction } from './time-format.js'

/**
 * The message as a line of JSON, with the members that mosquitto_sub gives it. What is no UTF-8 stands in `payload64`, in Base64,
 * instead of `payload`. `json` is the payload as it is to be written, if it is JSON itself.
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
    isText
      ? ['payload', json === undefined ? quotedPayload(text) : withoutControls(json)]
      : ['payload64', JSON.stringify(payload.toString('base64'))],
  ]
  return `{${members.map(([name, value]) => `"${name}":${value}`).join(',')}}`
}

function quotedPayload(text: string): string {
  return text === '' ? 'null' : quoted(text)
}

function quoted(text: string): string {
  return withoutControls(JSON.stringify(text))
}

/** JSON allows the upper control characters in a string, and some terminals obey them. It says the same with their numbers. */
function withoutControls(json: string): string {
  return json.replace(/[\u007f-\u009f]/g, (character) => {
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
  })
}

/** Whether the payload can stand in the line as it is. */
export function isJson(message: Message): boolean {
  try {
    message.json()
    return true
  } catch {
    return false
  }
}
