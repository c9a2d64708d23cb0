/** Writes to stderr while a command is connected: the packets, with `-d` or `--trace`, and the outages. */
import { subscribe } from 'node:diagnostics_channel'
import type { MqttClient } from '../../client/mqtt-client.js'
import type { Peer } from '../../transport/transport.js'
import { type CommandLine, requireOne } from '../command-line.js'
import { failureMessage } from '../outcome/failure-message.js'
import { note, wantsColor } from '../terminal/output.js'
import { isMisformedMessage, isPacketMessage, packetBytes } from './reported-packets.js'

/** Writes packets to the file of `--capture` from now on. */
export async function startCapture(line: CommandLine<'capture'>): Promise<void> {
  const path = line.text('capture')
  if (path !== undefined) (await import('./capture-writer.js')).captureExchange(path)
}

/** Reports packets from now on, if `-d` or `--trace` is given. @throws UsageError if both are */
export async function startReporting(line: CommandLine<'debug' | 'trace'>): Promise<void> {
  requireOne(line, 'debug', 'trace')
  if (!line.has('trace') && !line.has('debug')) return
  const detail = line.has('trace') ? 'bytes' : 'lines'
  await traceExchange(detail, wantsColor(process.stderr), (text) => process.stderr.write(text))
}

/** Reports when the connection is lost, and when the client is connected again. */
export function reportOutages(client: MqttClient): void {
  let outages = 0
  client.on('offline', ({ error, retryInMs }) => {
    outages += 1
    note(`mqtt311: ${failureMessage(error).line ?? error.message}; next attempt in ${(retryInMs / 1000).toFixed(1)} s`)
  })
  client.on('online', () => {
    if (outages > 0) note('mqtt311: connected again')
  })
}

/** 'lines': one line for each packet. 'bytes': every byte explained. */
type TraceDetail = 'lines' | 'bytes'

interface ConnectMessage {
  readonly peer: Peer | undefined
}

function isConnectMessage(message: unknown): message is ConnectMessage {
  return typeof message === 'object' && message !== null && 'peer' in message
}

/**
 * Writes every packet that a client of this process sends or receives, as `node:diagnostics_channel` reports it. MQTT 3.1.1 has one
 * encoding for each packet, so encoding a reported packet again gives the bytes of the wire; a malformed one is reported with its
 * bytes. Of a password only the length is shown, and whether it looks like a signature.
 */
export async function traceExchange(detail: TraceDetail, color: boolean, write: (text: string) => void): Promise<void> {
  const { explain, render, summarize } = await import('../../explain/index.js')
  const startedAt = performance.now()
  const elapsed = () => `${(performance.now() - startedAt).toFixed(1)} ms`
  let misformed: Uint8Array | undefined
  const listener = (arrow: string) => (message: unknown) => {
    if (!isPacketMessage(message)) return
    const { packet } = message
    const bytes = () => misformed ?? packetBytes(packet)
    if (detail === 'lines') return write(`${elapsed().padStart(11)}  ${arrow}  ${summarize(packet)}\n`)
    const heading = `client ${arrow} server`
    const listing = render(explain(bytes()), { color })
    misformed = undefined
    write(`${heading}${elapsed().padStart(80 - heading.length)}\n${listing}\n\n`)
  }
  subscribe('mqtt311:packet:out', listener('──▶'))
  subscribe('mqtt311:packet:in', listener('◀──'))
  subscribe('mqtt311:anomaly', (message) => {
    if (!isMisformedMessage(message)) return
    misformed = message.bytes
    if (detail === 'lines') write(`${elapsed().padStart(11)}   !   ${message.received} [${message.statement}]\n`)
  })
  subscribe('mqtt311:connect', (message) => {
    if (!isConnectMessage(message) || message.peer === undefined) return
    const { address = '', port, tls } = message.peer
    const host = address.includes(':') ? `[${address}]` : address
    const security = tls === undefined ? 'without TLS' : `${tls.version}, ${tls.cipher}`
    write(`connected to ${host}:${port}, ${security}\n${detail === 'bytes' ? '\n' : ''}`)
  })
}
