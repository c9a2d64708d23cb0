/** explain's reading of a capture, with the names that Wireshark has for the fields. */
import { KeyLog } from '../../src/cli/decrypt/record-keys.js'
import { decryptConnection } from '../../src/cli/decrypt/tls-connection.js'
import { readCapture } from '../../src/explain/capture/capture-file.js'
import { readConnections, textOfEndpoint } from '../../src/explain/capture/connections.js'
import { type ConversationPart, readConversation } from '../../src/explain/capture/conversation.js'
import type { Annotation } from '../../src/explain/index.js'
import { type ConnectionReading, type Field, textOrBytes } from './packet-reading.js'

/** Names that mean the same in every packet. */
const names: Readonly<Record<string, string>> = {
  'Fixed header': 'mqtt.hdrflags',
  'Packet type': 'mqtt.msgtype',
  Flags: 'mqtt.hdr_reserved',
  DUP: 'mqtt.dupflag',
  QoS: 'mqtt.qos',
  RETAIN: 'mqtt.retain',
  'Remaining Length': 'mqtt.len',
  'Protocol Name': 'mqtt.protoname',
  'Protocol Level': 'mqtt.ver',
  'Connect Flags': 'mqtt.conflags',
  'User Name Flag': 'mqtt.conflag.uname',
  'Password Flag': 'mqtt.conflag.passwd',
  'Will Retain': 'mqtt.conflag.retain',
  'Will QoS': 'mqtt.conflag.qos',
  'Will Flag': 'mqtt.conflag.willflag',
  'Clean Session': 'mqtt.conflag.cleansess',
  'Keep Alive': 'mqtt.kalive',
  'Client Identifier': 'mqtt.clientid',
  'Will Topic': 'mqtt.willtopic',
  'Will Message': 'mqtt.willmsg',
  'User Name': 'mqtt.username',
  'Acknowledge Flags': 'mqtt.conack.flags',
  'Session Present': 'mqtt.conack.flags.sp',
  'Packet Identifier': 'mqtt.msgid',
  'Topic Name': 'mqtt.topic',
  'Topic Filter': 'mqtt.topic',
  'Requested QoS': 'mqtt.sub.qos',
  Payload: 'mqtt.msg',
}

/** Names that mean something else in another packet. */
const namesIn: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  CONNECT: { Reserved: 'mqtt.conflag.reserved' },
  CONNACK: { Reserved: 'mqtt.conack.flags.reserved', 'Return Code': 'mqtt.conack.val' },
  SUBACK: { 'Return Code': 'mqtt.suback.qos' },
}

/** A length is named for the field behind it. */
const lengthNames: Readonly<Record<string, string>> = {
  'Protocol Name': 'mqtt.proto_len',
  'Client Identifier': 'mqtt.clientid_len',
  'Will Topic': 'mqtt.willtopic_len',
  'Will Message': 'mqtt.willmsg_len',
  'User Name': 'mqtt.username_len',
  Password: 'mqtt.passwd_len',
  'Topic Name': 'mqtt.topic_len',
  'Topic Filter': 'mqtt.topic_len',
}

export function explainFile(bytes: Uint8Array, keyLog = ''): ConnectionReading[] {
  const capture = readCapture(bytes)
  if (capture === undefined || capture.fault !== undefined) throw new Error(capture?.fault ?? 'no capture')
  const keys = new KeyLog(`${capture.tlsSecrets}\n${keyLog}`)
  return readConnections(capture).connections.map(({ client, server, content, parts }) => {
    const ends = { client: textOfEndpoint(client), server: textOfEndpoint(server) }
    return [...readConversation(content === 'TLS' ? decrypted(parts, keys) : parts)].map((event) => {
      const [from, to] = event.side === 'client' ? [ends.client, ends.server] : [ends.server, ends.client]
      const fields: Field[] = event.is === 'note' ? [['note', event.text]] : fieldsOf(event.packet)
      return { from, to, atUs: event.atUs === undefined ? undefined : Math.floor(event.atUs + 0.001), fields }
    })
  })
}

function decrypted(parts: readonly ConversationPart[], keys: KeyLog): readonly ConversationPart[] {
  const decryption = decryptConnection(parts, keys)
  if ('why' in decryption) throw new Error(decryption.why)
  return decryption.parts
}

/** All that is named in a packet: a field that Wireshark has no name for keeps its own, so it is found in the comparison. */
function fieldsOf(packet: readonly Annotation[]): Field[] {
  const [type = ''] = packet[0]?.title?.split(' ') ?? []
  const nameOf = (field: string) => namesIn[type]?.[field] ?? names[field] ?? field
  return packet.flatMap((annotation) => {
    const { field, fault, parts = [], meaning } = annotation
    const ofParts: Field[] =
      field === 'Remaining Length' ? [] : parts.map((part) => [nameOf(part.field), numberIn(part.value, part.bits)])
    const [, of = ''] = /(?:an empty|bytes? of) (.+)$/.exec(meaning) ?? []
    const name = field === 'Length' ? (lengthNames[of] ?? `Length of ${of}`) : nameOf(field)
    const ofFault: Field[] = fault === undefined ? [] : [['fault', fault]]
    return field === 'Password' ? [] : [[name, shownValue(annotation)], ...ofParts, ...ofFault]
  })
}

const textFields: ReadonlySet<string> = new Set([
  ...['Protocol Name', 'Client Identifier', 'Will Topic', 'User Name', 'Topic Name', 'Topic Filter'],
])

function shownValue({ field, value, bytes = new Uint8Array(0) }: Annotation): string {
  if (textFields.has(field)) return textOrBytes(/^"(.*)"$/.exec(value)?.[1], bytes)
  if (field === 'Payload' || field === 'Will Message') return Buffer.from(bytes).toString('hex')
  if (field === 'Fixed header') return String(bytes[0])
  return String(Number(/^[\w,]+/.exec(value)?.[0].replaceAll(',', '')))
}

/** Several bits are written as bits if they have no meaning as a number. */
function numberIn(value: string, bits: string): string {
  const written = bits.replace(/[. ]/g, '')
  return String(written === value ? Number.parseInt(value, 2) : Number(value))
}
