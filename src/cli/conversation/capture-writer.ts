/**
 * `--capture`: writes the exchange to a pcapng file, which Wireshark shows as MQTT. The packets are those that the client has sent and read, so
 * they are in clear also over TLS. The TCP around them is made up, with the port 1883, by which Wireshark knows MQTT; a comment in the
 * file says so.
 */
import { subscribe } from 'node:diagnostics_channel'
import { openSync, writeSync } from 'node:fs'
import { codeOf } from '../../realms/foreign-values.js'
import { CommandFailure } from '../outcome/exit-code.js'
import { isMisformedMessage, isPacketMessage, packetBytes } from './reported-packets.js'

type Side = 'client' | 'server'

const comment =
  'Control Packets as mqtt311 has sent and read them. IP and TCP are made up: the addresses, the ports and all sequence numbers.'

/** Payload in one segment; a packet of IPv6 has at most 65,535 bytes. */
const segmentBytesMax = 60_000

const flagBits = { SYN: 0x02, 'SYN ACK': 0x12, ACK: 0x10, 'PSH ACK': 0x18 } as const

/** Writes all that the clients of this process send and receive from now on. @throws CommandFailure if the file cannot be written */
export function captureExchange(path: string): void {
  const file = new CaptureFile(path)
  let misformed: Uint8Array | undefined
  subscribe('mqtt311:anomaly', (message) => {
    if (isMisformedMessage(message)) misformed = message.bytes
  })
  subscribe('mqtt311:packet:out', (message) => {
    if (!isPacketMessage(message)) return
    if (message.packet.type === 'connect') file.open()
    file.write('client', packetBytes(message.packet))
  })
  subscribe('mqtt311:packet:in', (message) => {
    if (!isPacketMessage(message)) return
    file.write('server', misformed ?? packetBytes(message.packet))
    misformed = undefined
  })
}

class CaptureFile {
  readonly #file: number
  /** How many connections there were; each has a port of its own. */
  #connections = 0
  /** The next sequence number of each side. */
  #next = { client: 0, server: 0 }

  constructor(path: string) {
    try {
      // A CONNECT has the password.
      this.#file = openSync(path, 'w', 0o600)
    } catch (error) {
      throw failure(error)
    }
    const section = Buffer.alloc(16)
    section.writeUInt32LE(0x1a2b3c4d, 0)
    section.writeUInt16LE(1, 4)
    section.fill(0xff, 8)
    this.#block(0x0a0d0d0a, [section, option(1, Buffer.from(comment)), option(0, Buffer.alloc(0))])
    // LINKTYPE_RAW: IP without a link layer. The unit of time is the default, a microsecond.
    this.#block(1, [Buffer.from([101, 0, 0, 0, 0, 0, 0, 0])])
  }

  /** A connection begins. */
  open(): void {
    this.#connections += 1
    this.#next = { client: 0, server: 0 }
    this.#segment('client', 'SYN', Buffer.alloc(0))
    this.#segment('server', 'SYN ACK', Buffer.alloc(0))
    this.#segment('client', 'ACK', Buffer.alloc(0))
  }

  write(side: Side, bytes: Uint8Array): void {
    for (let from = 0; from < bytes.length; from += segmentBytesMax) {
      this.#segment(side, 'PSH ACK', bytes.subarray(from, from + segmentBytesMax))
    }
  }

  #segment(side: Side, flags: keyof typeof flagBits, payload: Uint8Array): void {
    const isClient = side === 'client'
    const headers = Buffer.alloc(60)
    headers[0] = 0x60
    headers.writeUInt16BE(20 + payload.length, 4)
    headers.set([6, 64], 6)
    // The addresses of documentation: 2001:db8::1 and 2001:db8::2.
    for (const [at, host] of [
      [8, isClient ? 1 : 2],
      [24, isClient ? 2 : 1],
    ] as const) {
      headers.set([0x20, 0x01, 0x0d, 0xb8], at)
      headers[at + 15] = host
    }
    const port = 49_152 + (this.#connections % 16_384)
    headers.writeUInt16BE(isClient ? port : 1883, 40)
    headers.writeUInt16BE(isClient ? 1883 : port, 42)
    headers.writeUInt32BE(this.#next[side], 44)
    if (flags !== 'SYN') headers.writeUInt32BE(this.#next[isClient ? 'server' : 'client'], 48)
    headers.set([0x50, flagBits[flags], 0xff, 0xff], 52)
    headers.writeUInt16BE(checksum(headers, payload), 56)
    const counted = payload.length + (flags === 'SYN' || flags === 'SYN ACK' ? 1 : 0)
    this.#next[side] = (this.#next[side] + counted) % 2 ** 32
    this.#frame(headers, payload)
  }

  #frame(headers: Buffer, payload: Uint8Array): void {
    const length = headers.length + payload.length
    const description = Buffer.alloc(20)
    const atUs = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000))
    description.writeUInt32LE(Number(atUs >> 32n), 4)
    description.writeUInt32LE(Number(atUs & 0xffff_ffffn), 8)
    description.writeUInt32LE(length, 12)
    description.writeUInt32LE(length, 16)
    this.#block(6, [description, headers, payload])
  }

  #block(type: number, body: readonly Uint8Array[]): void {
    const bodyBytes = body.reduce((sum, { length }) => sum + length, 0)
    const padding = -bodyBytes & 3
    const head = Buffer.alloc(8)
    head.writeUInt32LE(type, 0)
    head.writeUInt32LE(12 + bodyBytes + padding, 4)
    try {
      writeSync(this.#file, Buffer.concat([head, ...body, Buffer.alloc(padding), head.subarray(4)]))
    } catch (error) {
      throw failure(error)
    }
  }
}

function option(code: number, value: Uint8Array): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(code, 0)
  head.writeUInt16LE(value.length, 2)
  return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)])
}

/** The sum of TCP, with the addresses and the length as RFC 8200 says it; the field of the sum is still 0. */
function checksum(headers: Buffer, payload: Uint8Array): number {
  let sum = 6 + 20 + payload.length
  for (let at = 8; at < headers.length; at += 2) sum += headers.readUInt16BE(at)
  for (const [index, byte] of payload.entries()) sum += index % 2 === 0 ? byte * 256 : byte
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 65_536)
  return ~sum & 0xffff
}

function failure(error: unknown): CommandFailure {
  return new CommandFailure('noOutput', `the file of --capture cannot be written (${codeOf(error)})`, { cause: error })
}
