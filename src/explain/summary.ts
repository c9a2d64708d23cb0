import type { ConnectPacket, ControlPacket, PublishPacket, UnnamedPublishPacket } from '../codec/control-packet.js'
import { escapedText } from '../codec/utf8.js'
import { passwordShape } from './fields/password-shape.js'
import { countBytes } from './listing/numerals.js'
import { escapeText, quote } from './listing/quoted-text.js'

/** A longer text in a summary is cut. */
const textColumns = 60
/** A summary names so many entries of a list. */
const listedEntries = 4

/**
 * A packet in one line, for traces: `PUBLISH QoS 1 id 10 topic "a/b" 5 bytes`. Texts are escaped and cut. Of a password only
 * the length is shown, and whether it looks like a signature.
 */
export function summarize(packet: ControlPacket | UnnamedPublishPacket): string {
  if (packet.type === 'unnamed-publish') return ['PUBLISH', ...publishDetails(packet)].join(' ')
  return [packet.type.toUpperCase(), ...detailsOf(packet)].join(' ')
}

/** The same line with more space, for a heading: `PUBLISH  QoS 1, id 10, topic "a/b", 5 bytes`. */
export function titleOf(packet: ControlPacket): string {
  const details = detailsOf(packet).join(', ')
  return details === '' ? packet.type.toUpperCase() : `${packet.type.toUpperCase()}  ${details}`
}

function detailsOf(packet: ControlPacket): string[] {
  switch (packet.type) {
    case 'connect':
      return connectDetails(packet)
    case 'connack':
      return [connackOutcome(packet.returnCode), ...(packet.sessionPresent ? ['session present'] : [])]
    case 'publish':
      return publishDetails(packet)
    case 'puback':
    case 'pubrec':
    case 'pubrel':
    case 'pubcomp':
    case 'unsuback':
      return [`id ${packet.packetId}`]
    case 'subscribe':
      return [`id ${packet.packetId}`, ...list(packet.subscriptions, (s) => `${text(s.filter)} QoS ${s.qos}`)]
    case 'suback':
      return [`id ${packet.packetId}`, ...list(packet.returnCodes, grantName)]
    case 'unsubscribe':
      return [`id ${packet.packetId}`, ...list(packet.filters, text)]
    case 'pingreq':
    case 'pingresp':
    case 'disconnect':
      return []
  }
}

function connectDetails({ clientId, cleanSession, keepAlive, username, password, will }: ConnectPacket): string[] {
  return [
    `client ${text(clientId)}`,
    cleanSession ? 'clean session' : 'persistent session',
    `keep alive ${keepAlive} s`,
    ...(username === undefined ? [] : [`user ${text(username)}`]),
    ...(password === undefined ? [] : [`password (${passwordLine(password)})`]),
    ...(will === undefined ? [] : [`will ${text(will.topic)} QoS ${will.qos}${will.retain ? ' retain' : ''}`]),
  ]
}

/** `4 bytes`, or `64 upper-case hex digits, 64 bytes`. */
function passwordLine(password: Uint8Array): string {
  const { digits, length } = passwordShape(password)
  return digits === undefined ? length : `${digits}, ${length}`
}

function connackOutcome(returnCode: number): string {
  return returnCode === 0 ? 'accepted' : `refused with ${returnCode}`
}

function publishDetails(packet: PublishPacket | UnnamedPublishPacket): string[] {
  return [
    `QoS ${packet.qos}`,
    ...(packet.qos === 0 ? [] : [`id ${packet.packetId}`, ...(packet.dup ? ['DUP'] : [])]),
    ...(packet.retain ? ['retain'] : []),
    `topic ${packet.type === 'publish' ? text(packet.topic) : escapeText(escapedText(packet.topicBytes))}`,
    countBytes(packet.payload.length),
  ]
}

function grantName(returnCode: number): string {
  if (returnCode < 0x80) return `granted QoS ${returnCode}`
  return returnCode === 0x80 ? 'refused' : `refused with 0x${returnCode.toString(16)}`
}

function list<T>(entries: ArrayLike<T>, name: (entry: T) => string): string[] {
  const named: string[] = []
  for (let index = 0; index < listedEntries; index += 1) {
    const entry = entries[index]
    if (entry !== undefined) named.push(name(entry))
  }
  const more = entries.length - named.length
  return more === 0 ? named : [...named, `and ${more} more`]
}

function text(value: string): string {
  return quote(value, textColumns)
}
