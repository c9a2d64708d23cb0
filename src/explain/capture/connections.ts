/** The TCP connections of a capture, and which of them speak MQTT. */

import type { ConversationPart, Side } from './conversation.js'
import type { Capture } from './frame.js'
import { type Endpoint, type NoSegment, segmentOf, type TcpSegment } from './tcp-segment.js'
import { type OrderedBytes, TcpSide } from './tcp-side.js'

/** What the first bytes of a connection are. */
export type Content = 'MQTT' | 'TLS' | 'HTTP' | 'nothing' | 'other'

export interface Connection {
  readonly client: Endpoint
  readonly server: Endpoint
  readonly content: Content
  readonly startUs: number | undefined
  /** What both sides have sent, in order. */
  readonly parts: readonly ConversationPart[]
  readonly repeated: number
  readonly disordered: number
  readonly begins: 'at SYN' | 'in the middle'
}

export interface Connections {
  readonly connections: readonly Connection[]
  /** Frames without a TCP segment, by the reason. */
  readonly unread: ReadonlyMap<NoSegment, number>
}

/** The ports that IANA has given to MQTT, without TLS and with it. */
export const mqttPorts: readonly number[] = [1883, 8883]

/** Puts together what the connections of a capture have carried. */
export function readConnections({ frames }: Capture): Connections {
  const open = new Map<string, Tracked>()
  const all: Tracked[] = []
  const unread = new Map<NoSegment, number>()
  for (const frame of frames) {
    const segment = segmentOf(frame)
    if (typeof segment === 'string') {
      unread.set(segment, (unread.get(segment) ?? 0) + 1)
      continue
    }
    const key = keyOf(segment)
    let tracked = open.get(key)
    if (tracked === undefined || tracked.isOverBy(segment)) {
      tracked = new Tracked(segment, frame.atUs)
      open.set(key, tracked)
      all.push(tracked)
    }
    tracked.take(segment, frame.atUs)
  }
  return { connections: all.map((tracked) => tracked.finish()), unread }
}

function keyOf({ source, destination }: TcpSegment): string {
  const [one = '', other = ''] = [textOfEndpoint(source), textOfEndpoint(destination)].sort()
  return `${one} ${other}`
}

export function textOfEndpoint({ host, port }: Endpoint): string {
  return `${host}:${port}`
}

/** A connection in the making. The two sides are those of its first segment; who is the client is found out at the end. */
class Tracked {
  readonly #first: TcpSegment
  readonly #startUs: number | undefined
  readonly #sides = { source: new TcpSide(), destination: new TcpSide() }
  readonly #parts: {
    readonly from: 'source' | 'destination'
    readonly ordered: OrderedBytes
    readonly atUs: number | undefined
  }[] = []
  #isOver = false
  /** The first number of the side that has opened the connection. */
  readonly #opened: number | undefined

  constructor(first: TcpSegment, startUs: number | undefined) {
    this.#first = first
    this.#startUs = startUs
    this.#opened = first.isSyn && !first.isAck ? first.sequence : undefined
  }

  /** Whether the segment opens another connection between the same ports. */
  isOverBy({ isSyn, isAck, sequence }: TcpSegment): boolean {
    return isSyn && !isAck && (this.#isOver || this.#parts.length > 0) && sequence !== this.#opened
  }

  take(segment: TcpSegment, atUs: number | undefined): void {
    const { host, port } = this.#first.source
    const from = segment.source.host === host && segment.source.port === port ? 'source' : 'destination'
    for (const ordered of this.#sides[from].take(segment)) this.#parts.push({ from, ordered, atUs })
    if (segment.isLast) this.#isOver = true
  }

  finish(): Connection {
    for (const from of ['source', 'destination'] as const) {
      for (const ordered of this.#sides[from].finish()) this.#parts.push({ from, ordered, atUs: undefined })
    }
    const clientIs = this.#client()
    const { source, destination } = this.#first
    const sides = [this.#sides.source, this.#sides.destination]
    return {
      client: clientIs === 'source' ? source : destination,
      server: clientIs === 'source' ? destination : source,
      content: contentOf(this.#firstBytes('source'), this.#firstBytes('destination')),
      startUs: this.#startUs,
      parts: this.#parts.map(({ from, ordered, atUs }) => ({ side: sideOf(from === clientIs), atUs, ...ordered })),
      repeated: sides.reduce((sum, { repeated }) => sum + repeated, 0),
      disordered: sides.reduce((sum, { disordered }) => sum + disordered, 0),
      begins: sides.some(({ begins }) => begins === 'at SYN') ? 'at SYN' : 'in the middle',
    }
  }

  /** The side that has opened the connection. If that is not in the capture: the side without a port of MQTT, or that which says CONNECT. */
  #client(): 'source' | 'destination' {
    const { source, destination, isSyn, isAck } = this.#first
    if (isSyn) return isAck ? 'destination' : 'source'
    if (mqttPorts.includes(destination.port) || isConnect(this.#firstBytes('source'))) return 'source'
    if (mqttPorts.includes(source.port) || isConnect(this.#firstBytes('destination'))) return 'destination'
    return source.port > destination.port ? 'source' : 'destination'
  }

  #firstBytes(side: 'source' | 'destination'): Uint8Array {
    return this.#parts.find(({ from }) => from === side)?.ordered.bytes ?? new Uint8Array(0)
  }
}

function sideOf(isClient: boolean): Side {
  return isClient ? 'client' : 'server'
}

/** What the first bytes of the two sides are. */
export function contentOf(...firsts: readonly Uint8Array[]): Content {
  if (firsts.every((bytes) => bytes.length === 0)) return 'nothing'
  if (firsts.some(isConnect)) return 'MQTT'
  if (firsts.some(([type = 0, major]) => type >= 0x14 && type <= 0x17 && major === 3)) return 'TLS'
  if (firsts.some((bytes) => /^(GET|HTTP|POST|PUT) ?\//.test(text(bytes, 0, 6)))) return 'HTTP'
  return 'other'
}

/** A CONNECT has the name of the protocol behind its fixed header. */
function isConnect(bytes: Uint8Array): boolean {
  return bytes[0] === 0x10 && /^[\s\S]{2,6}(MQTT|MQIsdp)/.test(text(bytes, 1, 14))
}

function text(bytes: Uint8Array, from: number, to: number): string {
  return String.fromCharCode(...bytes.subarray(from, to))
}
