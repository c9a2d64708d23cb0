/** Turns an error into what the command shows of it: one line in the words of the command line, and an exit code. */

import {
  type AnyMqttError,
  type ConnectionLostError,
  isMqttError,
  type MalformedPacketError,
  type ProtocolViolationError,
} from '../../errors.js'
import { codeOf, isError } from '../../realms/foreign-values.js'
import { CommandFailure, type ExitName, exitCode, exitCodeOfSignal, Interrupted } from './exit-code.js'

export interface FailureMessage {
  /** The exit code. */
  readonly code: number
  /** The line for stderr; undefined: nothing is written. */
  readonly line: string | undefined
}

export function failureMessage(error: unknown): FailureMessage {
  if (error instanceof Interrupted) return { code: exitCodeOfSignal(error.signal), line: error.message }
  if (error instanceof CommandFailure) return { code: exitCode(error.exitName), line: oneLine(error.message) }
  if (isMqttError(error)) return mqttFailureMessage(error)
  const code = codeOf(error)
  // The program that reads our output has ended, as in `mqtt311 sub ... | head -n 1`. That is no failure.
  if (code === 'EPIPE') return { code: exitCode('done'), line: undefined }
  const message = isError(error) ? error.message : String(error)
  if (/^E[A-Z]+$/.test(code)) {
    return { code: exitCode('noOutput'), line: `the output cannot be written: ${oneLine(message)}` }
  }
  return { code: exitCode('internal'), line: `this is a fault of mqtt311: ${oneLine(message)}; please report it` }
}

function mqttFailureMessage(error: AnyMqttError): FailureMessage {
  // A call that was waiting when the client ended fails with ClosedError; the reason for the end is its cause.
  if (error.code === 'MQTT_CLOSED' && isMqttError(error.cause)) return mqttFailureMessage(error.cause)
  // The handlers belong to this command, so the failure is the error that the handler threw.
  if (error.code === 'MQTT_HANDLER') return failureMessage(error.cause)
  const line = asTyped(error.message)
  return { code: exitCodeOf(error), line: `${line}${adviceFor(error)}` }
}

function exitCodeOf(error: AnyMqttError): number {
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
    case 'unanswered':
    case 'short-lived':
    case 'refused-by-closing':
    case 'other':
      return 'lost'
  }
}

/** Whether this is what a port without TLS does to a client that begins with TLS. */
export function isResetInHandshake({ reason, message }: ConnectionLostError): boolean {
  return reason === 'reset' && message.includes('TLS handshake')
}

/** What the user can do, for errors whose message in the library does not say it. */
function adviceFor(error: AnyMqttError): string {
  switch (error.code) {
    case 'MQTT_CONNECTION_REFUSED':
      return adviceForReturnCode(error.returnCode)
    case 'MQTT_CONNECTION_LOST':
      return adviceForLoss(error)
    case 'MQTT_SUBSCRIBE_REFUSED':
      return adviceForRefusedFilter(error.returnCodes)
    case 'MQTT_MALFORMED_PACKET':
    case 'MQTT_PROTOCOL_VIOLATION':
      return adviceForFault(error)
    default:
      return ''
  }
}

/** Some servers send codes of MQTT 5: 0x8F says that the filter itself is the matter, and not a right. */
function adviceForRefusedFilter(returnCodes: readonly number[]): string {
  const isInvalid = returnCodes.every((code) => code === 0x8f)
  return isInvalid
    ? '; the server takes no such filter: perhaps it has too many levels'
    : '; check the rights of this client'
}

/** A fault of the first byte of the stream mostly means another protocol; a later one is a fault of an MQTT server. */
function adviceForFault(error: MalformedPacketError | ProtocolViolationError): string {
  const isFirst =
    error.code === 'MQTT_MALFORMED_PACKET' ? error.streamOffset === 0 : error.violation === 'before-connack'
  return isFirst ? '; do -h and -p name a server of MQTT 3.1.1?' : '; this is a fault of the server'
}

function adviceForReturnCode(returnCode: number): string {
  switch (returnCode) {
    case 2:
      return '; give another by -i'
    case 3:
      return '; try again later: some platforms answer so after five attempts in a minute'
    case 4:
      return '; check the user name and the password, or the names and the secret of the device or product'
    case 5:
      return '; check the user name and the password, or the names and the secret of the device or product, and what this client may do'
    default:
      return ''
  }
}

function adviceForLoss({ reason, message }: ConnectionLostError): string {
  switch (reason) {
    case 'refused':
      if (message.startsWith('unix:')) return '; is the server running, and does it listen there?'
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

/** Messages of the library name the options of the library; this table has the options that a user types instead. */
const typedOptions: readonly (readonly [ofLibrary: RegExp, typed: string])[] = [
  [/\bmqtts:\/\/, or set tls to true/g, '--tls'],
  [/\bTLS \(mqtts:\/\/\)/g, 'TLS (--tls)'],
  [/\btls\.ca\b/g, '--cafile'],
  [/\ballow both families with family 0\b/g, 'leave out -4, -6 and -A'],
  [/\bwith family ([46])\b/g, 'over IPv$1'],
  [/\blocalAddress\b/g, '-A'],
  [/\bbut family is ([46]): leave family out\b/g, 'and -$1 asks for the other: leave one of them out'],
  [/\btls is given\b/g, 'TLS is asked for'],
  [/\btls is false: write mqtt:\/\/, or leave tls out\b/g, '--protocol says mqtt: write mqtt://, or leave it out'],
  [/\buse mqtts:\/\/ and tls\b/g, 'use mqtts:// or --tls'],
  [/\bleave tls out\b/g, 'leave out --tls and what belongs to it'],
  [/\btls\.cert and tls\.key\b/g, '--cert and --key'],
  [/\(tls\.cert\)/g, '(--cert and --key)'],
  [/\btls\.servername\b/g, '--servername'],
  [/\bconnectTimeoutMs\b/g, '--connect-timeout'],
  [/\bpass the option stream, .*/g, 'a program can pass the library a stream'],
  [/\bgive the port apart, and a URL as url\b/g, 'give the port by -p, and a URL by -L'],
  [/\bclientId\b/g, '-i'],
  [
    /\btimestamp must be (milliseconds since 1970) as a whole number or its digits, or false for none\b/g,
    '--timestamp takes $1, or none',
  ],
  [/\buse (?:the )?endpoint "product" or \{ instanceId \}/g, 'give --endpoint product or --instance-id'],
  [/\buse the endpoint \{ instanceId \}/g, 'give --instance-id'],
  [/^instanceId\b/g, 'the value of --instance-id'],
  [/\bsecureMode ([23])\b/g, '--secure-mode $1'],
  [/\bleave secureMode out\b/g, 'leave it out'],
  [/\bkeepAlive\b/g, '-k'],
  [/\bwill\.topic\b/g, '--will-topic'],
  [/\bpublish at QoS 1, or set profile\.maxQos to 1/g, 'publish with -q 1'],
  // A command has no option for a limit alone.
  [/ \(profile\.[\w.]+\)/g, ''],
]

/** A message of the library in the words of the command, as one line. */
export function asTyped(message: string): string {
  return oneLine(typedOptions.reduce((text, [ofLibrary, typed]) => text.replace(ofLibrary, typed), message))
}

/** A message may quote bytes from a server, so line breaks and control characters are removed: they could command the terminal. */
function oneLine(message: string): string {
  return message.replace(/\s*[\r\n]\s*/g, ' ').replace(/\p{Cc}/gu, '\ufffd')
}
