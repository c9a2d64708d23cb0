/** What a person and a script are told of a failure: one line in the words of the command line, and an exit code. */
import { type AnyMqttError, type ConnectionLostError, isMqttError } from '../../errors.js'
import { CommandFailure, type ExitName, exitCode, exitCodeOfSignal, Interrupted } from './exit-code.js'

/** The exit code, and the line for stderr; undefined where there is nothing to say. */
export interface Verdict {
  readonly code: number
  readonly line: string | undefined
}

export function judge(error: unknown): Verdict {
  if (error instanceof Interrupted) return { code: exitCodeOfSignal(error.signal), line: error.message }
  if (error instanceof CommandFailure) return { code: exitCode(error.exitName), line: oneLine(error.message) }
  if (isMqttError(error)) return judgeMqttError(error)
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  // The reader of our output has seen enough: `mqtt311 sub ... | head -n 1`.
  if (code === 'EPIPE') return { code: exitCode('done'), line: undefined }
  const message = error instanceof Error ? error.message : String(error)
  if (typeof code === 'string' && /^E[A-Z]+$/.test(code)) {
    return { code: exitCode('noOutput'), line: `the output cannot be written: ${oneLine(message)}` }
  }
  return { code: exitCode('internal'), line: `this is a fault of mqtt311: ${oneLine(message)}; please report it` }
}

function judgeMqttError(error: AnyMqttError): Verdict {
  // What was waiting when the client ended says that it was ended; the reason is behind it.
  if (error.code === 'MQTT_CLOSED' && isMqttError(error.cause)) return judgeMqttError(error.cause)
  // The handlers are ours: what they threw is what has happened.
  if (error.code === 'MQTT_HANDLER') return judge(error.cause)
  const line = oneLine(asTyped(error.message))
  return { code: codeOf(error), line: `${line}${adviceFor(error)}` }
}

function codeOf(error: AnyMqttError): number {
  switch (error.code) {
    case 'MQTT_CONNECTION_REFUSED':
      return error.returnCode
    case 'MQTT_CONNECTION_LOST':
      return exitCode(lossName(error))
    case 'MQTT_SUBSCRIBE_REFUSED':
      return exitCode('denied')
    case 'MQTT_TIMEOUT':
      return exitCode('timedOut')
    case 'MQTT_MALFORMED_PACKET':
    case 'MQTT_PROTOCOL_VIOLATION':
      return exitCode('protocol')
    case 'MQTT_USAGE':
      return exitCode('usage')
    case 'MQTT_CLOSED':
    case 'MQTT_QUEUE_FULL':
      return exitCode('lost')
    case 'MQTT_STORE':
      return exitCode('noOutput')
    case 'MQTT_HANDLER':
      return exitCode('internal')
  }
}

function lossName({ reason }: ConnectionLostError): ExitName {
  switch (reason) {
    case 'refused':
    case 'unreachable':
    case 'timed-out':
    case 'name-not-found':
      return 'unreachable'
    case 'certificate-expired':
    case 'certificate-untrusted':
    case 'certificate-name':
    case 'tls':
      return 'tls'
    case 'credentials':
    case 'closed':
    case 'reset':
    case 'offline':
    case 'redelivery':
    case 'short-lived':
    case 'other':
      return 'lost'
  }
}

/** What to do, where the message of the library does not say it. */
function adviceFor(error: AnyMqttError): string {
  switch (error.code) {
    case 'MQTT_CONNECTION_REFUSED':
      return adviceForReturnCode(error.returnCode)
    case 'MQTT_CONNECTION_LOST':
      return adviceForLoss(error)
    case 'MQTT_SUBSCRIBE_REFUSED':
      return '; check the rights of this client'
    case 'MQTT_MALFORMED_PACKET':
    case 'MQTT_PROTOCOL_VIOLATION':
      return '; do -h and -p name a server of MQTT 3.1.1?'
    default:
      return ''
  }
}

function adviceForReturnCode(returnCode: number): string {
  switch (returnCode) {
    case 2:
      return '; give another by -i'
    case 3:
      return '; try again later'
    case 4:
      return '; check -u and the password'
    case 5:
      return '; check -u, the password, and the rights of this client'
    default:
      return ''
  }
}

function adviceForLoss({ reason }: ConnectionLostError): string {
  switch (reason) {
    case 'refused':
      return '; is the server running, and are -h and -p right?'
    case 'name-not-found':
      return '; check -h'
    case 'unreachable':
    case 'timed-out':
      return '; check -h and the network'
    default:
      return ''
  }
}

/** The library names its own options in what it says; here each is named as it is typed. */
const typedOptions: readonly (readonly [ofLibrary: RegExp, typed: string])[] = [
  [/\btls\.ca\b/g, '--cafile'],
  [/\ballow both families with family 0\b/g, 'leave out -4 and -6'],
  [/\bwith family ([46])\b/g, 'with -$1'],
  [/\btls is given\b/g, 'TLS is asked for'],
  [/\bleave tls out\b/g, 'leave out --tls and what belongs to it'],
  [/\btls\.cert and tls\.key\b/g, '--cert and --key'],
  [/\btls\.servername\b/g, '--servername'],
  [/\bconnectTimeoutMs\b/g, '--connect-timeout'],
  [/\bclientId\b/g, '-i'],
  [/\bkeepAlive\b/g, '-k'],
  [/\bwill\.topic\b/g, '--will-topic'],
]

function asTyped(message: string): string {
  return typedOptions.reduce((text, [ofLibrary, typed]) => text.replace(ofLibrary, typed), message)
}

/** Nothing in a message may start a new line or command the terminal: it may quote what a server has sent. */
function oneLine(message: string): string {
  return message.replace(/\s*[\r\n]\s*/g, ' ').replace(/\p{Cc}/gu, '\ufffd')
}
