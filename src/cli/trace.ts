/**
 * The live exchange on stderr, heard on the channels of `node:diagnostics_channel`. MQTT 3.1.1 has one encoding for each packet, so
 * the packets that are handed over there are encoded again to get the bytes of the wire; passwords are shown by their shape only.
 */
import { subscribe } from 'node:diagnostics_channel'
import type { ControlPacket } from '../codec/control-packet.js'
import { encodePacket } from '../codec/encode/packet-writer.js'
import { explain, render, summarize } from '../explain/index.js'
import type { Peer } from '../transport/transport.js'

/** 'lines': one for each packet. 'bytes': every byte explained. */
export type TraceDetail = 'lines' | 'bytes'

interface PacketMessage {
  readonly packet: ControlPacket
}

function isPacketMessage(message: unknown): message is PacketMessage {
  return typeof message === 'object' && message !== null && 'packet' in message
}

interface ConnectMessage {
  readonly peer: Peer | undefined
}

function isConnectMessage(message: unknown): message is ConnectMessage {
  return typeof message === 'object' && message !== null && 'peer' in message
}

/** Tells everything that each client of this process sends and receives. */
export function traceExchange(detail: TraceDetail, color: boolean, write: (text: string) => void): void {
  const startedAt = performance.now()
  const elapsed = () => `${(performance.now() - startedAt).toFixed(1)} ms`
  const tell = (arrow: string) => (message: unknown) => {
    if (!isPacketMessage(message)) return
    if (detail === 'lines') return write(`${elapsed().padStart(11)}  ${arrow}  ${summarize(message.packet)}\n`)
    const heading = `client ${arrow} server`
    const listing = render(explain(encodePacket(message.packet)), { color })
    write(`${heading}${elapsed().padStart(80 - heading.length)}\n${listing}\n\n`)
  }
  subscribe('mqtt311:packet:out', tell('──▶'))
  subscribe('mqtt311:packet:in', tell('◀──'))
  subscribe('mqtt311:connect', (message) => {
    if (!isConnectMessage(message) || message.peer === undefined) return
    const { address = '', port, tls } = message.peer
    const host = address.includes(':') ? `[${address}]` : address
    const security = tls === undefined ? 'without TLS' : `${tls.version}, ${tls.cipher}`
    write(`connected to ${host}:${port}, ${security}\n${detail === 'bytes' ? '\n' : ''}`)
  })
}
