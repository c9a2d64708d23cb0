/** Explains a capture: which connections it has, and what those of MQTT have carried. */

import {
  type Connection,
  contentOf,
  mqttPorts,
  readConnections,
  textOfEndpoint,
} from '../../explain/capture/connections.js'
import { readConversation, type Side } from '../../explain/capture/conversation.js'
import type { Capture } from '../../explain/capture/frame.js'
import type { NoSegment } from '../../explain/capture/tcp-segment.js'
import { countBytes, groupDigits } from '../../explain/listing/numerals.js'
import { KeyLog } from '../decrypt/record-keys.js'
import { decryptConnection } from '../decrypt/tls-connection.js'
import { CommandFailure } from '../outcome/exit-code.js'
import type { ExplainedOutput } from '../print/explained.js'

/** So many ports are named of connections that are left out. */
const namedPorts = 8

export interface CaptureChoice {
  readonly port: number | undefined
  /** The text of a key log; a capture may have one too. */
  readonly keyLog: string
}

export async function explainCapture(
  capture: Capture,
  { port, keyLog }: CaptureChoice,
  output: ExplainedOutput,
): Promise<void> {
  const read = readConnections(capture)
  const { unread } = read
  const keys = new KeyLog(`${capture.tlsSecrets}\n${keyLog}`)
  const connections = keys.isEmpty ? read.connections : read.connections.map((one) => withoutTls(one, keys))
  const chosen: readonly ReadConnection[] = connections.filter((connection) => isChosen(connection, port))
  const left = leftOut(connections, chosen, unread)
  if (chosen.length === 0 && capture.fault === undefined) {
    const where = port === undefined ? 'connection of MQTT' : `connection with port ${port}`
    throw new CommandFailure(
      'noInput',
      `the capture has no ${where}: it has ${left}${port === undefined ? '; -p chooses one' : ''}`,
    )
  }
  for (const [index, connection] of chosen.entries()) {
    await output.line(heading(connection, `${groupDigits(index + 1)} of ${groupDigits(chosen.length)}`))
    for (const remark of remarks(connection)) await output.line(`  ${remark}`)
    if (connection.content === 'TLS') {
      const why = connection.undecrypted ?? 'give its key log by --keylog'
      await output.line(`  TLS, not decrypted: ${countBytes(sentBytes(connection))}; ${why}`)
    }
    if (connection.content !== 'TLS') await output.conversation(readConversation(connection.parts), connection.startUs)
    await output.line('')
  }
  await output.line(`connections explained: ${groupDigits(chosen.length)}; left out: ${left}`)
  if (capture.fault !== undefined) {
    output.outcome = 'faulty'
    await output.line(`✗ ${capture.fault}`)
  }
  await output.flush()
}

interface ReadConnection extends Connection {
  /** Why TLS could not be decrypted, although there is a key log. */
  readonly undecrypted?: string
}

function withoutTls(connection: Connection, keys: KeyLog): ReadConnection {
  if (connection.content !== 'TLS') return connection
  const decryption = decryptConnection(connection.parts, keys)
  if ('why' in decryption) return { ...connection, undecrypted: decryption.why }
  const { parts } = decryption
  const first = (side: Side) => parts.find((part) => part.side === side)?.bytes ?? new Uint8Array(0)
  return { ...connection, parts, content: contentOf(first('client'), first('server')) }
}

/** Without a port: what begins with CONNECT, and what the ports of MQTT carry, unless it is something else. */
function isChosen({ client, server, content }: Connection, port: number | undefined): boolean {
  if (content === 'nothing') return false
  if (port !== undefined) return client.port === port || server.port === port
  return content === 'MQTT' || (content !== 'HTTP' && mqttPorts.includes(server.port))
}

function heading({ client, server, startUs }: Connection, number: string): string {
  const time = startUs === undefined ? '' : `, at ${timeText(startUs)}`
  return `connection ${number}: client ${textOfEndpoint(client)}, server ${textOfEndpoint(server)}${time}`
}

/** A time without a date is the time of a day. A damaged file may have a time that no calendar has. */
function timeText(atUs: number): string {
  const date = new Date(Math.floor(atUs / 1000))
  if (Number.isNaN(date.getTime())) return 'a time that is none'
  const text = date.toISOString()
  const micros = `${Math.floor(atUs % 1000)}`.padStart(3, '0')
  return `${atUs < 86_400e6 ? text.slice(11, -1) : text.slice(0, -1)}${micros}${atUs < 86_400e6 ? '' : 'Z'}`
}

function remarks({ begins, repeated, disordered }: Connection): string[] {
  return [
    ...(begins === 'at SYN'
      ? []
      : ['its beginning is not in the capture: the first bytes may be no start of a packet']),
    ...(repeated === 0 ? [] : [`${segments(repeated)} came again, and counted once`]),
    ...(disordered === 0 ? [] : [`${segments(disordered)} came too early, and put in order`]),
  ]
}

function segments(count: number): string {
  return count === 1 ? '1 segment' : `${groupDigits(count)} segments`
}

function sentBytes({ parts }: Connection): number {
  return parts.reduce((sum, { bytes }) => sum + bytes.length, 0)
}

const unreadNames: Readonly<Record<NoSegment, string>> = {
  other: 'without TCP',
  fragment: 'in fragments of IP, which are not put together',
  'unknown link type': 'of a link type that is not known',
}

function leftOut(
  connections: readonly Connection[],
  chosen: readonly Connection[],
  unread: ReadonlyMap<NoSegment, number>,
): string {
  const taken = new Set(chosen)
  const others = connections.filter((connection) => !taken.has(connection))
  const ports = [...new Set(others.map(({ server }) => server.port))]
  const named = `${ports.slice(0, namedPorts).join(', ')}${ports.length > namedPorts ? ', ...' : ''}`
  const frames = [...unread].map(
    ([reason, count]) => `${count === 1 ? '1 frame' : `${groupDigits(count)} frames`} ${unreadNames[reason]}`,
  )
  const parts = [
    ...(others.length === 0 ? [] : [`${groupDigits(others.length)} other of TCP (ports ${named})`]),
    ...frames,
  ]
  return parts.length === 0 ? 'nothing' : parts.join(', ')
}
